"""Compare the speakers of a system: who is hard, who is easy, and what of it is chance.

In: plots/<system>/predictions.csv. Params: systems.
Out: metrics/actors/<system>.json, plots/actors/<system>.csv and .png.
"""

from pathlib import Path

from ser.entry import run
from ser.evaluation.marks import NO_MARK
from ser.evaluation.predictions import read_predictions
from ser.files import write_csv, write_json
from ser.params import load_params
from ser.splits.protocols import find_protocol
from ser.studies.actors import study_actors
from ser.studies.plots_actors import draw_actors


def main(system: str) -> None:
    """Compare the speakers of SYSTEM."""
    mark = find_protocol(load_params().system(system).protocol).mark
    study = study_actors(read_predictions(Path("plots") / system / "predictions.csv"))
    out = Path("plots/actors") / f"{system}.csv"
    write_csv(out, study.table, decimals=2)
    draw_actors(study, system, mark, out.with_suffix(".png"))
    metrics = {"mark": mark or NO_MARK, **study.metrics}
    write_json(Path("metrics/actors") / f"{system}.json", metrics)


if __name__ == "__main__":
    run(main)
