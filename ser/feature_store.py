"""The features of a corpus on disk: one memory-mapped pack, and an index of what lies where.

Index, one row per clip and copy: `item` (clip, or copy of it), `clip` (the source clip), `effect`
(empty for the clip itself), `start` and `length` (rows in the pack).
"""

from pathlib import Path

import pandas as pd

from ser.errors import SerError

PACK = "features.safetensors"
INDEX = "index.csv"


def read_index(folder: Path) -> pd.DataFrame:
    """The index of a corpus's features.

    Raises:
        SerError: if it is missing.
    """
    try:
        return pd.read_csv(
            folder / INDEX,
            dtype={"item": str, "clip": str, "effect": str},
            keep_default_na=False,
        )
    except FileNotFoundError:
        raise SerError(f"{folder / INDEX} is missing; run `dvc repro`.") from None
