"""Split a corpus by gender, and assign its clips to folds by every protocol that fits.

In: data/corpora/<corpus>.
Out: data/splits/<corpus>/female.csv and male.csv (manifests with take groups), folds/*.
"""

from pathlib import Path

from ser.clips.listing import ClipFiles
from ser.clips.manifest import DECISIONS, read_decisions
from ser.core.entry import run
from ser.splits.split import split_corpus
from ser.splits.takes import find_pairs


def main(corpus: str) -> None:
    """Split CORPUS."""
    built = Path("data/corpora") / corpus
    pairs = find_pairs(ClipFiles.read(built), read_decisions(built / DECISIONS))
    fitting = split_corpus(built, pairs, Path("data/splits") / corpus)
    print(f"{corpus}: {len(fitting)} protocols fit")


if __name__ == "__main__":
    run(main)
