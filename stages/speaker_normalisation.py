"""Measure what unlabelled clips of a new speaker buy (transductive: marked).

In: data/splits, data/features and data/functionals of the corpus. Params: studies.training and all
that training reads.
Out: metrics/speaker_normalisation/<corpus>.json, plots/speaker_normalisation/<corpus>.csv and .png.
"""

from pathlib import Path

from ser.entry import run
from ser.files import write_csv, write_json
from ser.params import load_params
from ser.studies.plots_normalisation import draw_normalisation
from ser.studies.speaker_normalisation import study_normalisation


def main(corpus: str) -> None:
    """Measure it on CORPUS."""
    study = study_normalisation(load_params(), corpus, Path("data"))
    out = Path("plots/speaker_normalisation") / f"{corpus}.csv"
    write_csv(out, study.table, decimals=2)
    draw_normalisation(study, corpus, out.with_suffix(".png"))
    write_json(Path("metrics/speaker_normalisation") / f"{corpus}.json", study.metrics)


if __name__ == "__main__":
    run(main)
