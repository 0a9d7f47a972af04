"""Ask which features matter: groups of functionals, and parts of the spectrogram.

In: data/splits, data/features and data/functionals of the corpus. Params: studies.training and all
that training reads.
Out: metrics/importance/<corpus>.json; plots/importance/<corpus>_groups.csv, _emotions.csv and
_saliency.csv, and an image of each.
"""

from pathlib import Path

from ser.entry import run
from ser.files import write_csv, write_json
from ser.params import load_params
from ser.studies.importance import study_importance
from ser.studies.plots_importance import draw_emotions, draw_groups, draw_saliency


def main(corpus: str) -> None:
    """Ask on CORPUS."""
    study = study_importance(load_params(), corpus, Path("data"))
    out = Path("plots/importance")
    write_csv(out / f"{corpus}_groups.csv", study.groups, decimals=2)
    write_csv(out / f"{corpus}_emotions.csv", study.emotions, decimals=2)
    write_csv(out / f"{corpus}_saliency.csv", study.saliency, decimals=4)
    draw_groups(study.groups, corpus, out / f"{corpus}_groups.png")
    draw_emotions(study.emotions, corpus, out / f"{corpus}_emotions.png")
    draw_saliency(study.saliency, corpus, out / f"{corpus}_saliency.png")
    write_json(Path("metrics/importance") / f"{corpus}.json", study.metrics)


if __name__ == "__main__":
    run(main)
