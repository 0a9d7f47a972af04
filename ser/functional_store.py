"""The functionals of a corpus on disk: a pack of numbers, and the names of rows and columns."""

from pathlib import Path

import pandas as pd

from ser.errors import SerError
from ser.packs import Pack

# functionals whose names begin with this are matrices' entries, which a linear classifier can use
COVARIANCE = "covariance."
PACK, CLIPS, NAMES = "functionals.safetensors", "clips.csv", "names.csv"


def read_functionals(folder: Path) -> pd.DataFrame:
    """Functionals of a corpus: one row a clip (its index), one column a functional.

    Raises:
        SerError: if a file is missing or damaged.
    """
    try:
        clips = pd.read_csv(folder / CLIPS, dtype=str)["clip"]
        names = pd.read_csv(folder / NAMES, dtype=str)["name"]
    except FileNotFoundError:
        raise SerError(f"The functionals in {folder} are missing; run `dvc repro`.") from None
    values = Pack(folder / PACK).rows(0, len(clips))
    return pd.DataFrame(values, index=pd.Index(clips), columns=names.tolist())
