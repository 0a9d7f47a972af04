"""Many arrays of different length in one file: packed end to end, read through a memory map.

Thousands of small files cost DVC and the file system far more than one (docs of DVC: directories);
safetensors holds no code, so a pack can be read without trusting who wrote it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ser.core.errors import SerError
from ser.core.files import regular

_NAME = "values"
# what stages write: features and functionals, and samples
_TYPES = {"F16": np.float16, "F32": np.float32, "I16": np.int16}


def write_pack(path: Path, arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.int64]:
    """Write arrays that agree in all but their first axis; return each one's first row.

    Args:
        arrays: at least one array, each of shape (rows, ...).
    """
    lengths = np.array([len(array) for array in arrays], dtype=np.int64)
    # encoded in memory: written by safetensors itself, a full disk would not be an OSError
    path.write_bytes(save({_NAME: np.ascontiguousarray(np.concatenate(arrays))}))
    return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)


class Pack:
    """A pack opened for reading; nothing is loaded until it is asked for.

    Raises:
        SerError: if the file is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = safe_open(regular(path), framework="np")
            self._slice = self._file.get_slice(_NAME)  # type: ignore[no-untyped-call]
        except FileNotFoundError:
            raise SerError(f"{path} is missing; run `dvc repro`.") from None
        except (SafetensorError, OSError) as error:
            raise SerError(f"{path} is damaged ({error}); delete it and run `dvc repro`.") from None
        if self._slice.get_dtype() not in _TYPES or not self._slice.get_shape():
            raise SerError(
                f"{path} is damaged (numbers of the type {self._slice.get_dtype()}); delete it and "
                "run `dvc repro`."
            )

    def rows(self, start: int, length: int) -> npt.NDArray[Any]:
        """Rows `start` to `start + length`.

        Raises:
            SerError: if the pack has no such rows.
        """
        begin, end = int(start), int(start) + int(length)
        if not 0 <= begin <= end <= len(self):
            raise SerError(
                f"{self._path} has {len(self)} rows, but rows {begin} to {end} are asked for; "
                "run `dvc repro`."
            )
        if begin == end:  # which safetensors cannot cut
            shape = self._slice.get_shape()[1:]
            return np.empty((0, *shape), _TYPES[self._slice.get_dtype()])
        rows: npt.NDArray[Any] = self._slice[begin:end]
        return rows

    @property
    def width(self) -> int | None:
        """Numbers in a row; None where a row is one number."""
        shape = self._slice.get_shape()
        return int(shape[1]) if len(shape) > 1 else None

    def __len__(self) -> int:
        return int(self._slice.get_shape()[0])
