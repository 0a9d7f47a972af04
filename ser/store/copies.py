"""The augmented copies of a corpus on disk: one table, and one pack of samples an effect."""

from pathlib import Path

import pandas as pd

from ser.core.errors import SerError
from ser.core.tables import Table

COPIES = "copies.csv"
# copy: name; clip: the clip it was made from; start, length: its samples in the effect's pack
COPY_COLUMNS = ("copy", "clip", "effect", "start", "length", "pcm_sha256")
_TABLE = Table(
    "The table of copies",
    {name: int if name in ("start", "length") else str for name in COPY_COLUMNS},
)


def pack_path(folder: Path, effect: str) -> Path:
    """Where the samples of an effect's copies lie."""
    return folder / f"{effect}.safetensors"


def read_copies(folder: Path) -> pd.DataFrame:
    """The table of copies; empty if no effect is enabled.

    Raises:
        SerError: if it is missing or damaged, or a copy is there twice or under a wrong name.
    """
    copies = _TABLE.read(folder / COPIES)
    names = copies["clip"] + "+" + copies["effect"]
    wrong = (copies["copy"] != names) | names.duplicated()
    if wrong.any():
        name = copies.loc[wrong, "copy"].iloc[0]
        raise SerError(
            f"{folder / COPIES} has the copy {name} twice or under a wrong name; run `dvc repro`."
        )
    return copies
