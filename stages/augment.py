"""Make copies of clips with the effects that are switched on.

In: data/corpora/<corpus>, data/splits/<corpus>. Params: augmentation.
Out: data/augmented/<corpus>/copies.csv (one row a copy, with its source clip) and packed samples.
"""

from pathlib import Path

from ser.clips.listing import ClipFiles
from ser.core.entry import run
from ser.core.settings import load_values
from ser.features.augmentation import augment_corpus
from ser.features.settings import Augmentation


def main(corpus: str) -> None:
    """Augment CORPUS."""
    built = Path("data/corpora") / corpus
    augment_corpus(
        ClipFiles.read_genders(Path("data/splits") / corpus, built),
        Path("data/augmented") / corpus,
        load_values().section("augmentation", Augmentation),
    )


if __name__ == "__main__":
    run(main)
