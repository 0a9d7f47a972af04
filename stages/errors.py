"""Find where a system's errors are: by intensity, statement, repetition, loudness, duration.

In: plots/<system>/predictions.csv, data/splits and data/functionals of its corpora. Params:
systems.
Out: metrics/errors/<system>.json, plots/errors/<system>.csv and .png.
"""

from pathlib import Path

import pandas as pd

from ser.entry import run
from ser.evaluation.marks import NO_MARK
from ser.evaluation.predictions import read_predictions
from ser.files import write_csv, write_json
from ser.functional_store import read_functionals
from ser.params import load_params
from ser.splits.selection import load_clips
from ser.studies.error_groups import describe_clips, study_errors
from ser.studies.plots_errors import draw_errors


def main(system: str) -> None:
    """Find where the errors of SYSTEM are."""
    params = load_params()
    chosen = params.system(system)
    corpora = params.corpora_of(chosen)
    clips = load_clips(Path("data/splits"), corpora, chosen.protocol, chosen.gender)
    functionals = pd.concat([read_functionals(Path("data/functionals") / name) for name in corpora])
    predictions = read_predictions(Path("plots") / system / "predictions.csv")
    study = study_errors(predictions, describe_clips(clips.clips, functionals))
    mark = clips.protocol.mark
    out = Path("plots/errors") / f"{system}.csv"
    write_csv(out, study.table, decimals=2)
    draw_errors(study, system, mark, out.with_suffix(".png"))
    write_json(
        Path("metrics/errors") / f"{system}.json", {"mark": mark or NO_MARK, **study.metrics}
    )


if __name__ == "__main__":
    run(main)
