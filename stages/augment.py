"""Make copies of clips with the effects that are switched on.

In: data/corpora/<corpus>, data/splits/<corpus>. Params: augmentation.
Out: data/augmented/<corpus>/copies.csv (one row a copy, with its source clip) and packed samples.
"""

from pathlib import Path

import pandas as pd

from ser.augmentation import augment_corpus
from ser.clips import GENDERS, read_manifest
from ser.entry import run
from ser.params import load_params


def main(corpus: str) -> None:
    """Augment CORPUS."""
    params = load_params()
    splits = Path("data/splits") / corpus
    manifest = pd.concat([read_manifest(splits / f"{gender}.csv") for gender in GENDERS])
    augment_corpus(
        manifest.sort_values("clip", ignore_index=True),
        Path("data/corpora") / corpus,
        Path("data/augmented") / corpus,
        params.augmentation,
        params.processes,
    )


if __name__ == "__main__":
    run(main)
