"""Ask whether splitting by gender helps: models of one gender against models of both.

In: data/splits, data/features and data/functionals of the corpus. Params: studies.training and all
that training reads.
Out: metrics/gender/<corpus>.json, plots/gender/<corpus>.csv and .png.
"""

from pathlib import Path

from ser.entry import run
from ser.files import write_csv, write_json
from ser.params import load_params
from ser.studies.gender import study_gender
from ser.studies.plots_gender import draw_gender


def main(corpus: str) -> None:
    """Ask it of CORPUS."""
    study = study_gender(load_params(), corpus, Path("data"))
    out = Path("plots/gender") / f"{corpus}.csv"
    write_csv(out, study.table, decimals=2)
    draw_gender(study, corpus, out.with_suffix(".png"))
    write_json(Path("metrics/gender") / f"{corpus}.json", study.metrics)


if __name__ == "__main__":
    run(main)
