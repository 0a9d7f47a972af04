"""What every system is made of, as hashes: a corpus more changes no other system's.

DVC cannot depend on a list that params.yaml holds, but it can depend on one key of a file.
"""

import hashlib
from pathlib import Path

from ser.core.tables import csv_texts
from ser.guards.folds import hash_folds
from ser.reading.data import SystemData, load_system
from ser.reading.settings import System

_BLOCK = 1 << 20


def fingerprint(system: System, data: Path) -> dict[str, str]:
    """SHA-256 of a system's clips and folds, of its features, and of its functionals.

    Args:
        data: as for `load_system`.

    Raises:
        LeakError: if folds leak what their protocol does not declare.
        SerError: if a table is missing or damaged.
    """
    found = load_system(system, data)
    features = [path for pack in found.packs.values() for path in pack.parent.iterdir()]
    functionals = [
        path for folder in found.functional_folders.values() for path in folder.iterdir()
    ]
    return {
        "folds": _of_folds(found),
        "features": _of_files(features),
        "functionals": _of_files(functionals),
    }


def _of_folds(data: SystemData) -> str:
    crosses = " ".join(sorted(data.protocol.crosses))
    whole = hashlib.sha256(f"{hash_folds(data.folds)} {data.protocol.name} {crosses}\n".encode())
    for text in csv_texts([data.clips]):
        whole.update(text)
    return whole.hexdigest()


def _of_files(paths: list[Path]) -> str:
    whole = hashlib.sha256()
    # hidden files are those of editors and file managers
    for path in sorted(path for path in paths if not path.name.startswith(".")):
        whole.update(f"{path.parent.name}/{path.name}".encode())
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                whole.update(block)
    return whole.hexdigest()
