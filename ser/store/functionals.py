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
_CLIPS = Table("The list of clips", {"clip": str})
_NAMES = Table("The list of functionals", {"name": str})


def read_functionals(folder: Path) -> pd.DataFrame:
    """Functionals of a corpus: one row a clip (its index), one column a functional.

    Raises:
        SerError: if a file is missing or damaged, or a clip stands in it twice.
    """
    clips, names = _CLIPS.read(folder / CLIPS)["clip"], _NAMES.read(folder / NAMES)["name"]
    for listed, path in ((clips, CLIPS), (names, NAMES)):
        if listed.duplicated().any():
            doubled = listed[listed.duplicated()].iloc[0]
            raise SerError(f"{folder / path} lists {listed.name} {doubled} twice; run `dvc repro`.")
    pack = Pack(folder / PACK)
    if len(pack) != len(clips):
        raise SerError(
            f"{folder / PACK} has {len(pack)} rows, but {CLIPS} names {len(clips)} clips; run "
            "`dvc repro`."
        )
    values = pack.rows(0, len(clips))
    if values.ndim != 2 or values.shape[1] != len(names):
        raise SerError(
            f"{folder / PACK} has rows of shape {values.shape[1:]}, but {NAMES} names {len(names)} "
            "functionals; run `dvc repro`."
        )
    if not np.isfinite(values).all():
        raise SerError(f"{folder / PACK} holds what is no number (NaN); run `dvc repro`.")
    return pd.DataFrame(values, index=pd.Index(clips), columns=names.tolist())
