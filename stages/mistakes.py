"""List every clip of a system with its answer, the surest mistakes first, and the confused pairs.

In: plots/<system>/predictions.csv. Params: systems.
Out: plots/mistakes/<system>.csv, <system>_pairs.csv and <system>.png.
"""

from pathlib import Path

from ser.entry import run
from ser.evaluation.predictions import read_predictions
from ser.files import write_csv
from ser.params import load_params
from ser.splits.protocols import find_protocol
from ser.studies.mistakes import study_mistakes
from ser.studies.plots_mistakes import draw_mistakes


def main(system: str) -> None:
    """List the answers of SYSTEM."""
    mark = find_protocol(load_params().system(system).protocol).mark
    study = study_mistakes(read_predictions(Path("plots") / system / "predictions.csv"))
    out = Path("plots/mistakes") / f"{system}.csv"
    write_csv(out, study.clips, decimals=3)
    write_csv(out.with_name(f"{system}_pairs.csv"), study.pairs, decimals=2)
    draw_mistakes(study, system, mark, out.with_suffix(".png"))


if __name__ == "__main__":
    run(main)
