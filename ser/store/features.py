"""The features of a corpus on disk: one memory-mapped pack, an index of what lies where, a layout.

Index, one row per clip and copy: `item` (clip, or copy of it), `clip` (the source clip), `effect`
(empty for the clip itself), `start` and `length` (rows in the pack).
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from ser.core.errors import SerError
from ser.core.files import write_json
from ser.core.tables import Table, read_json, sharing
from ser.store.packs import Pack

PACK = "features.safetensors"
INDEX = "index.csv"
LAYOUT = "layout.json"
INDEX_COLUMNS = ("item", "clip", "effect", "start", "length")
_TABLE = Table(
    "The index of features",
    {name: int if name in ("start", "length") else str for name in INDEX_COLUMNS},
)


_Size = Annotated[float, Field(ge=0, allow_inf_nan=False)]


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

    front_end: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    bands: Annotated[int, Field(ge=1)]
    rows_per_second: _Size
    neighbours: bool
    layers: Annotated[int, Field(ge=0)] = 0
    window_ms: _Size = 0.0
    hop_ms: _Size = 0.0

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
    parts = (sharing(part, "clip", "item") for part in _TABLE.read_parts(folder / INDEX))
    return pd.concat(parts, ignore_index=True)


def check_pack(folder: Path, index: pd.DataFrame, layout: Layout) -> None:
    """Check that a pack holds what its index and layout tell: every row belongs to one item.

    Raises:
        SerError: if it does not.
    """
    pack = Pack(folder / PACK)
    if pack.width != (1 if layout.waveform else layout.bands):
        raise SerError(
            f"{folder / LAYOUT} tells of other rows than {PACK} has ({pack.width} numbers each); "
            "run `dvc repro`."
        )
    copies = index[index["effect"] != ""]
    named = index["item"] == index["clip"]
    named[copies.index] = copies["item"] == copies["clip"] + "+" + copies["effect"]
    starts, lengths = (index[name].to_numpy(np.int64) for name in ("start", "length"))
    order = np.argsort(starts)
    ends = np.append(0, starts[order] + lengths[order])
    shared_out = (ends == np.append(starts[order], len(pack))).all() and (lengths > 0).all()
    if not shared_out or not named.all():
        raise SerError(
            f"{folder / INDEX} does not share out the rows of {PACK}, each to one clip or copy; "
            "run `dvc repro`."
        )
