"""The functionals of a corpus on disk: a pack of numbers, and the names of rows and columns."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser.core.errors import SerError
from ser.core.tables import Table
from ser.store.packs import Pack

# functionals whose names begin with this are matrices' entries, which a linear classifier can use
COVARIANCE = "covariance."
PACK, CLIPS, NAMES = "functionals.safetensors", "clips.csv", "names.csv"
# copies of each clip, in the order of the clips, as many of each
COPIES = "copies.safetensors"
Float32 = npt.NDArray[np.float32]
_CLIPS = Table("The list of clips", {"clip": str})
_NAMES = Table("The list of functionals", {"name": str})


class Functionals:
    """Functionals of a corpus, and of copies that only train; read when they are asked for.

    Attributes:
        clips: names of the clips, each once.
        names: of the functionals, each once.

    Raises:
        SerError: if a file is missing or damaged, or a clip or functional stands in it twice.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.clips = pd.Index(_CLIPS.read(folder / CLIPS)["clip"])
        self.names = pd.Index(_NAMES.read(folder / NAMES)["name"])
        for listed, path in ((self.clips, CLIPS), (self.names, NAMES)):
            if not listed.is_unique:
                doubled = listed[listed.duplicated()][0]
                raise SerError(
                    f"{folder / path} lists {listed.name} {doubled} twice; run `dvc repro`."
                )
        self._pack = self._open(PACK)

    def rows(
        self, clips: Sequence[str], columns: Sequence[str] | None = None, *, copies: bool = False
    ) -> Float32:
        """Functionals of clips, or of all their copies, those of the first clip first.

        Args:
            columns: names of the functionals that are read; all of them by default.

        Returns:
            Shape (clips, functionals), or (clips x copies, functionals).

        Raises:
            SerError: if there are none of a clip, or one of them is no number.
        """
        numbers = self.clips.get_indexer(pd.Index(clips))
        if (numbers < 0).any():
            missing = list(clips)[int((numbers < 0).argmax())]
            raise SerError(f"Clip {missing} has no functionals; run `dvc repro`.")
        pack, file = (self._copies, COPIES) if copies else (self._pack, PACK)
        if copies:
            numbers = (numbers[:, None] * self.copies + np.arange(self.copies)).ravel()
        rows: Float32 = pack.take(numbers)
        if columns is not None:
            rows = rows[:, self.names.get_indexer(pd.Index(columns))]
        if not np.isfinite(rows).all():
            raise SerError(f"{self._folder / file} holds what is no number (NaN); run `dvc repro`.")
        return rows

    def table(self) -> pd.DataFrame:
        """Those of all clips: one row a clip (its index), one column a functional."""
        return pd.DataFrame(self.rows(self.clips), self.clips, self.names)

    @property
    def copies(self) -> int:
        """How many copies there are of each clip.

        Raises:
            SerError: if some clips have more of them than others.
        """
        return len(self._copies) // len(self.clips)

    @cached_property
    def _copies(self) -> Pack:
        return self._open(COPIES)

    def _open(self, file: str) -> Pack:
        pack, clips = Pack(self._folder / file), len(self.clips)
        if len(pack) % clips if file == COPIES else len(pack) != clips:
            raise SerError(
                f"{self._folder / file} has {len(pack)} rows, but {CLIPS} names {clips} clips; run "
                "`dvc repro`."
            )
        if pack.width != len(self.names):
            raise SerError(
                f"{self._folder / file} has rows of {pack.width} numbers, but {NAMES} names "
                f"{len(self.names)} functionals; run `dvc repro`."
            )
        return pack


def read_functionals(
    found: Mapping[str, Functionals],
    clips: pd.DataFrame,
    columns: Sequence[str] | None = None,
    *,
    copies: bool = False,
) -> Float32:
    """The same of clips of several corpora, in the order of the clips.

    Args:
        found: by corpus.
        clips: with `clip` and `corpus`.

    Raises:
        SerError: as `Functionals.rows`, or if corpora have other copies.
    """
    places = clips.groupby("corpus").indices
    for corpus in places.keys() - found.keys():
        missing = clips["clip"].iloc[places[corpus][0]]
        raise SerError(f"Clip {missing} has no functionals; run `dvc repro`.")
    each = sorted({found[corpus].copies if copies else 1 for corpus in places})
    if len(each) > 1:
        raise SerError(
            f"Of some clips there are {each[0]} copies, of others {each[1]}; run `dvc repro`."
        )
    parts = {
        corpus: found[corpus].rows(clips["clip"].iloc[some], columns, copies=copies)
        for corpus, some in places.items()
    }
    if len(parts) == 1:
        return next(iter(parts.values()))
    if not parts:
        return np.empty((0, 0), np.float32)
    (times,) = each
    rows = np.empty((len(clips) * times, next(iter(parts.values())).shape[1]), np.float32)
    for corpus, some in places.items():
        rows[(some[:, None] * times + np.arange(times)).ravel()] = parts[corpus]
    return rows
