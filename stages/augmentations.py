"""Train one network by every way to augment, and show what each does to a clip.

In: data/corpora and data/splits of the corpus. Params: augmentation, studies.training and all that
training reads.
Out: metrics/augmentations/<corpus>.json; plots/augmentations/<corpus>.csv, .png and
<corpus>_sounds.png.
"""

from pathlib import Path

from ser.clips import MANIFEST, read_manifest
from ser.entry import run
from ser.files import write_csv, write_json
from ser.params import load_params
from ser.studies.augmentations import study_augmentations
from ser.studies.plots_augmentations import draw_augmentations, draw_sounds


def main(corpus: str) -> None:
    """Compare the ways to augment on CORPUS."""
    params = load_params()
    study = study_augmentations(params, corpus, Path("data"))
    out = Path("plots/augmentations") / f"{corpus}.csv"
    write_csv(out, study.table, decimals=2)
    draw_augmentations(study.table, corpus, out.with_suffix(".png"))
    built = Path("data/corpora") / corpus
    sounds = out.with_name(f"{corpus}_sounds.png")
    draw_sounds(params, read_manifest(built / MANIFEST), built, sounds)
    write_json(Path("metrics/augmentations") / f"{corpus}.json", study.metrics)


if __name__ == "__main__":
    run(main)
