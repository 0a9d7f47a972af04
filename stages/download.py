"""Fetch a corpus and bring its clips into canonical form.

In: the official archive, a mirror folder, or nothing for a synthetic corpus.
Out: data/corpora/<corpus>/clips/*.wav (16 kHz, mono, 16 bit) and manifest.csv.
"""

from pathlib import Path

from ser.core.entry import run
from ser.corpora import find_corpus
from ser.download.build import build_corpus


def main(corpus: str) -> None:
    """Fetch CORPUS."""
    build_corpus(find_corpus(corpus), Path("data/corpora") / corpus)


if __name__ == "__main__":
    run(main)
