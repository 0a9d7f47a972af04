"""The functionals of a corpus on disk: a pack of numbers, and the names of rows and columns."""

from pathlib import Path

import numpy as np
import pandas as pd

from ser.core.errors import SerError
from ser.core.tables import Table
from ser.store.packs import Pack

# functionals whose names begin with this are matrices' entries, which a linear classifier can use
COVARIANCE = "covariance."
PACK, CLIPS, NAMES = "functionals.safetensors", "clips.csv", "names.csv"
# copies of each clip, in the order of the clips, as many of each
COPIES = "copies.safetensors"
_CLIPS = Table("The list of clips", {"clip": str})
_NAMES = Table("The list of functionals", {"name": str})


def read_functionals(folder: Path) -> pd.DataFrame:
    """Functionals of a corpus: one row a clip (its index), one column a functional.

    Raises:
        SerError: if a file is missing or damaged, or a clip stands in it twice.
    """
    return _read(folder, PACK)


def read_copies(folder: Path) -> pd.DataFrame:
    """The same of the copies that only train: as many rows a clip as there are copies of it.

    Raises:
        SerError: as `read_functionals`.
    """
    return _read(folder, COPIES)


def _read(folder: Path, file: str) -> pd.DataFrame:
    clips, names = _CLIPS.read(folder / CLIPS)["clip"], _NAMES.read(folder / NAMES)["name"]
    for listed, path in ((clips, CLIPS), (names, NAMES)):
        if listed.duplicated().any():
            doubled = listed[listed.duplicated()].iloc[0]
            raise SerError(f"{folder / path} lists {listed.name} {doubled} twice; run `dvc repro`.")
    pack = Pack(folder / file)
    each, rest = (1, len(pack) - len(clips)) if file == PACK else divmod(len(pack), len(clips))
    if rest:
        raise SerError(
            f"{folder / file} has {len(pack)} rows, but {CLIPS} names {len(clips)} clips; run "
            "`dvc repro`."
        )
    values = pack.rows(0, len(pack))
    if values.ndim != 2 or values.shape[1] != len(names):
        raise SerError(
            f"{folder / file} has rows of shape {values.shape[1:]}, but {NAMES} names {len(names)} "
            "functionals; run `dvc repro`."
        )
    if not np.isfinite(values).all():
        raise SerError(f"{folder / file} holds what is no number (NaN); run `dvc repro`.")
    return pd.DataFrame(values, index=pd.Index(clips.repeat(each)), columns=names.tolist())
