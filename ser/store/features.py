"""The features of a corpus on disk: one memory-mapped pack, an index of what lies where, a layout.

Index, one row per clip and copy: `item` (clip, or copy of it), `clip` (the source clip), `effect`
(empty for the clip itself), `start` and `length` (rows in the pack).
"""

from dataclasses import asdict
from pathlib import Path

import pandas as pd
from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from ser.core.errors import SerError
from ser.core.files import write_json
from ser.core.tables import Table, read_json

PACK = "features.safetensors"
INDEX = "index.csv"
LAYOUT = "layout.json"
_TABLE = Table(
    "The index of features",
    {"item": str, "clip": str, "effect": str, "start": int, "length": int},
)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Layout:
    """What a row of features is: all that a network and its training need to know of a front end.

    What it is made of is checked, for it comes from files, too.

    Attributes:
        front_end: its name.
        bands: numbers in a row; of the filterbank that is to be learned, for a waveform.
        rows_per_second: 0 where a clip is one row.
        neighbours: whether bands that stand side by side are neighbours in frequency.
        layers: of the pretrained encoder that made the rows; 0 for others.
        window_ms, hop_ms: of the filterbank that is to be learned; 0 for others.
    """

    front_end: str
    bands: int
    rows_per_second: float
    neighbours: bool
    layers: int = 0
    window_ms: float = 0.0
    hop_ms: float = 0.0

    @property
    def waveform(self) -> bool:
        """Whether rows are samples, and the network learns its own filterbank."""
        return self.window_ms > 0


def write_layout(folder: Path, layout: Layout) -> None:
    """Write the layout of a corpus's features."""
    write_json(folder / LAYOUT, asdict(layout))


def read_layout(folder: Path) -> Layout:
    """The layout of a corpus's features.

    Raises:
        SerError: if it is missing or damaged.
    """
    path = folder / LAYOUT
    values = read_json(path, "The layout of features")
    try:
        return Layout(**values)
    except ValidationError as error:
        reason = error.errors()[0]
        where = ".".join(map(str, reason["loc"]))
        raise SerError(f"{path} is damaged ({where}: {reason['msg']}); run `dvc repro`.") from None


def read_index(folder: Path) -> pd.DataFrame:
    """The index of a corpus's features.

    Raises:
        SerError: if it is missing or damaged.
    """
    return _TABLE.read(folder / INDEX)
