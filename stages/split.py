"""Split a corpus by gender and assign its speakers to folds.

In: data/corpora/<corpus>. Params: corpora.<corpus>.protocol.
Out: data/splits/<corpus>/female.csv and male.csv (manifests with take groups), folds.csv.
"""

from pathlib import Path

from ser.clips import GENDERS, MANIFEST, read_manifest, write_manifest
from ser.entry import run
from ser.files import whole_folder
from ser.params import load_params
from ser.splits import assign_folds, check_folds, write_folds
from ser.takes import fingerprints, group_takes


def main(corpus: str) -> None:
    """Split CORPUS."""
    params = load_params()
    built = Path("data/corpora") / corpus
    manifest = read_manifest(built / MANIFEST)
    prints = fingerprints(manifest, built, processes=2)
    manifest = manifest.assign(take_group=group_takes(manifest, prints))
    folds = assign_folds(manifest, params.corpora[corpus].protocol)
    check_folds(manifest, folds)
    with whole_folder(Path("data/splits") / corpus) as out:
        for gender in GENDERS:
            write_manifest(out / f"{gender}.csv", manifest[manifest["gender"] == gender])
        write_folds(out / "folds.csv", folds)


if __name__ == "__main__":
    run(main)
