"""Split a corpus by gender, and assign its clips to folds by every protocol that fits.

In: data/corpora/<corpus>.
Out: data/splits/<corpus>/female.csv and male.csv (manifests with take groups), folds/*.csv.
"""

from pathlib import Path

from ser.clips import MANIFEST, read_manifest
from ser.entry import run
from ser.params import load_params
from ser.splits.selection import split_corpus
from ser.takes import fingerprints, group_takes


def main(corpus: str) -> None:
    """Split CORPUS."""
    built = Path("data/corpora") / corpus
    manifest = read_manifest(built / MANIFEST)
    prints = fingerprints(manifest, built, load_params().processes)
    manifest = manifest.assign(take_group=group_takes(manifest, prints))
    fitting = split_corpus(manifest, Path("data/splits") / corpus)
    print(f"{corpus}: {len(fitting)} protocols fit")


if __name__ == "__main__":
    run(main)
