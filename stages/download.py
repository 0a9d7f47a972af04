"""Fetch a corpus and bring its clips into canonical form.

In: the official archive, a mirror folder, or nothing for a synthetic corpus.
Out: data/corpora/<corpus>/clips/*.wav (16 kHz, mono, 16 bit) and manifest.csv.
"""

from pathlib import Path

from ser.corpora import find_corpus
from ser.corpora.build import build_corpus
from ser.entry import run
from ser.params import load_params


def main(corpus: str) -> None:
    """Fetch CORPUS."""
    build_corpus(find_corpus(corpus), Path("data/corpora") / corpus, load_params().processes)


if __name__ == "__main__":
    run(main)
