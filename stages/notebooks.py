"""Run the three original notebooks again, under their own random split and under ours.

In: data/corpora and data/splits of the corpus. Params: studies.training.seeds, augmentation.
Out: metrics/notebooks/<corpus>.json; plots/notebooks/<corpus>.csv, <corpus>_history.csv, images.
"""

from pathlib import Path

from ser.entry import run
from ser.files import write_csv, write_json
from ser.params import load_params
from ser.studies.notebooks import study_notebooks
from ser.studies.plots_notebooks import draw_notebook_history, draw_notebooks


def main(corpus: str) -> None:
    """Run the notebooks on CORPUS."""
    study = study_notebooks(load_params(), corpus, Path("data"))
    out = Path("plots/notebooks")
    write_csv(out / f"{corpus}.csv", study.table, decimals=2)
    write_csv(out / f"{corpus}_history.csv", study.history, decimals=4)
    draw_notebooks(study.table, corpus, out / f"{corpus}.png")
    draw_notebook_history(study, corpus, out / f"{corpus}_history.png")
    write_json(Path("metrics/notebooks") / f"{corpus}.json", study.metrics)


if __name__ == "__main__":
    run(main)
