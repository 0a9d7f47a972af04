"""The augmented copies of a corpus on disk: one table, and one pack of samples an effect."""

from pathlib import Path

import pandas as pd

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
        SerError: if it is missing or damaged.
    """
    return _TABLE.read(folder / COPIES)
