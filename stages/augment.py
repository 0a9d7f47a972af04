"""Make copies of clips with the effects that are switched on.

In: data/corpora/<corpus>, data/splits/<corpus>. Params: augmentation.
Out: data/augmented/<corpus>/copies.csv (one row a copy, with its source clip) and packed samples.
"""

from pathlib import Path

import pandas as pd

from ser.clips.manifest import GENDERS, read_manifest
from ser.core.entry import run
from ser.core.settings import load_values
from ser.features.augmentation import augment_corpus
from ser.features.settings import Augmentation


def main(corpus: str) -> None:
    """Augment CORPUS."""
    splits = Path("data/splits") / corpus
    manifest = pd.concat([read_manifest(splits / f"{gender}.csv") for gender in GENDERS])
    augment_corpus(
        manifest.sort_values("clip", ignore_index=True),
        Path("data/corpora") / corpus,
        Path("data/augmented") / corpus,
        load_values().section("augmentation", Augmentation),
    )


if __name__ == "__main__":
    run(main)
