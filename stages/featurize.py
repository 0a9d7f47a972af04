"""Compute what the network sees, of clips and of their copies.

In: data/corpora/<corpus>, data/augmented/<corpus>. Params: features.
Out: data/features/<corpus>/features.safetensors (memory-mapped) and index.csv.
"""

from pathlib import Path

from ser.clips import MANIFEST, read_manifest
from ser.entry import run
from ser.features import featurize_corpus
from ser.params import load_params


def main(corpus: str) -> None:
    """Compute features of CORPUS."""
    params = load_params()
    built = Path("data/corpora") / corpus
    featurize_corpus(
        read_manifest(built / MANIFEST),
        built,
        Path("data/augmented") / corpus,
        Path("data/features") / corpus,
        params.features,
        params.processes,
    )


if __name__ == "__main__":
    run(main)
