"""Compute what the network sees, of clips and of their copies.

In: data/corpora/<corpus>, data/augmented/<corpus>. Params: features, front_ends.
Out: data/features/<corpus>/features.safetensors (memory-mapped), index.csv and layout.json.
"""

from pathlib import Path

from ser.clips.listing import ClipFiles
from ser.core.entry import run
from ser.core.settings import load_values
from ser.features.front_ends import featurize_corpus
from ser.features.settings import load_features


def main(corpus: str) -> None:
    """Compute features of CORPUS."""
    featurize_corpus(
        ClipFiles.read(Path("data/corpora") / corpus),
        Path("data/augmented") / corpus,
        Path("data/features") / corpus,
        *load_features(load_values()),
    )


if __name__ == "__main__":
    run(main)
