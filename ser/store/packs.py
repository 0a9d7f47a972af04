"""Many arrays of different length packed end to end, in few files, read through a memory map.

Thousands of small files cost DVC and the file system far more than one (docs of DVC: directories);
safetensors holds no code, so a pack can be read without trusting who wrote it. A pack that is large
lies in several files of bounded size, its shards: `features.safetensors`,
`features-0001.safetensors`, and so on; rows are numbered through, and no array is cut.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from ser.core.errors import SerError
from ser.core.files import regular

_NAME = "values"
# what stages write: features and functionals, and samples
_TYPES: dict[str, np.dtype[Any]] = {
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "I16": np.dtype("<i2"),
}
SHARD_BYTES = 512 * 2**20
# the format counts the bytes of its header in 8 bytes, and aligns it to 8 bytes by spaces
_WORD = 8
_BLOCK = 2**20


def write_pack(
    path: Path, arrays: Iterable[npt.NDArray[Any]], shard_bytes: int = SHARD_BYTES
) -> npt.NDArray[np.int64]:
    """Write arrays as they come; return each one's first row.

    Args:
        arrays: at least one array, each of shape (rows, ...), which agree in all but their rows.
        shard_bytes: as for `packing`.
    """
    with packing(path, shard_bytes) as pack:
        return np.array([pack.add(array) for array in arrays], dtype=np.int64)


def shard_path(path: Path, number: int) -> Path:
    """Where a shard of a pack lies; the first is the pack's own path."""
    return path.with_stem(f"{path.stem}-{number:04d}") if number else path


def find_shards(path: Path) -> list[Path]:
    """All files of a pack, in order.

    Raises:
        SerError: if one of them is missing before the last.
    """
    named = re.compile(rf"{re.escape(path.stem)}-(\d{{4,}}){re.escape(path.suffix)}")
    names = [named.fullmatch(file.name) for file in path.parent.glob(f"{path.stem}-*")]
    shards = [shard_path(path, number) for number in range(1 + sum(map(bool, names)))]
    for shard in shards[1:]:
        if not shard.exists():
            raise SerError(f"{shard} is missing between others of its pack; run `dvc repro`.")
    return shards


class PackWriter:
    """Writes arrays to a pack as they come, and holds none of them; `packing` opens it."""

    def __init__(self, path: Path, shard_bytes: int) -> None:
        self._path = path
        self._shard_bytes = shard_bytes
        self._shards = 0
        self._shard: _Shard | None = None
        self._rows = 0

    def add(self, array: npt.NDArray[Any]) -> int:
        """Write an array of shape (rows, ...); return its first row.

        Raises:
            ValueError: if it does not agree with the first in all but its rows.
            OSError: if the disk is full.
        """
        if self._shard is not None and self._shard.bytes + array.nbytes > self._shard_bytes:
            self.end_shard()
        if self._shard is None:
            path = shard_path(self._path, self._shards)
            self._shard = _Shard(path, array, max(self._shard_bytes, array.nbytes))
            self._shards += 1
        self._shard.add(array)
        start = self._rows
        self._rows += len(array)
        return start

    def end_shard(self) -> None:
        """Make the shard that is being written a file that can be read."""
        if self._shard is not None:
            with self._shard.file:
                self._shard.end()
        self._shard = None

    def close(self) -> None:
        """Close what is open, whole or not."""
        if self._shard is not None:
            self._shard.file.close()


@contextmanager
def packing(path: Path, shard_bytes: int = SHARD_BYTES) -> Iterator[PackWriter]:
    """A pack to add arrays to, at least one; in the folder of an output that appears whole.

    Args:
        shard_bytes: how large a file may grow, unless a single array is larger.
    """
    writer = PackWriter(path, shard_bytes)
    try:
        yield writer
        writer.end_shard()
    finally:
        writer.close()


class _Shard:
    """A file that is being written: room for its header, then rows."""

    def __init__(self, path: Path, like: npt.NDArray[Any], most_bytes: int) -> None:
        self._type = {kind: name for name, kind in _TYPES.items()}[like.dtype.newbyteorder("<")]
        self._shape = like.shape[1:]
        self._rows = self.bytes = 0
        row_bytes = max(like.itemsize * int(np.prod(self._shape)), 1)
        self._room = len(self._header(most_bytes // row_bytes, most_bytes))
        self.file: BinaryIO = path.open("w+b")
        self.file.write(bytes(self._room))

    def add(self, array: npt.NDArray[Any]) -> None:
        if (array.dtype.newbyteorder("<"), array.shape[1:]) != (_TYPES[self._type], self._shape):
            raise ValueError(f"Rows of {array.dtype}, {array.shape[1:]} do not go with the others.")
        self.file.write(np.ascontiguousarray(array, _TYPES[self._type]).data)
        self._rows += len(array)
        self.bytes += array.nbytes

    def end(self) -> None:
        header = self._header(self._rows, self.bytes)
        if len(header) < self._room:
            self._move(len(header))
        self.file.seek(0)
        self.file.write(header)

    def _header(self, rows: int, n_bytes: int) -> bytes:
        """As short as safetensors writes it itself, so that equal arrays are equal bytes."""
        values = {"dtype": self._type, "shape": [rows, *self._shape], "data_offsets": [0, n_bytes]}
        text = json.dumps({_NAME: values}, separators=(",", ":")).encode()
        text += b" " * (-len(text) % _WORD)
        return len(text).to_bytes(_WORD, "little") + text

    def _move(self, begin: int) -> None:
        """Move all rows forward: the header turned out to be shorter than its room."""
        for place in range(0, self.bytes, _BLOCK):
            self.file.seek(self._room + place)
            block = self.file.read(_BLOCK)
            self.file.seek(begin + place)
            self.file.write(block)
        self.file.truncate(begin + self.bytes)


class Pack:
    """A pack opened for reading; nothing is loaded until it is asked for.

    Raises:
        SerError: if a file is missing or damaged, or shards do not agree.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._slices = [_open(shard) for shard in find_shards(path)]
        self._shape = tuple(self._slices[0].get_shape()[1:])
        self._type = self._slices[0].get_dtype()
        for number, shard in enumerate(self._slices):
            if (shard.get_dtype(), tuple(shard.get_shape()[1:])) != (self._type, self._shape):
                raise SerError(
                    f"{shard_path(path, number)} is damaged (it has other rows than {path.name}); "
                    "delete it and run `dvc repro`."
                )
        # the first row of each shard, and the end
        lengths = [shard.get_shape()[0] for shard in self._slices]
        self._starts = np.cumsum([0, *lengths]).tolist()

    def rows(self, start: int, length: int) -> npt.NDArray[Any]:
        """Rows `start` to `start + length`, numbered through all shards.

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
            return np.empty((0, *self._shape), _TYPES[self._type])
        parts = []
        for number in range(bisect_right(self._starts, begin) - 1, len(self._slices)):
            first, stop = self._starts[number : number + 2]
            if first >= end:
                break
            if first < stop:
                parts.append(
                    self._slices[number][max(begin, first) - first : min(end, stop) - first]
                )
        rows: npt.NDArray[Any] = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return rows

    @property
    def width(self) -> int | None:
        """Numbers in a row; None where a row is one number."""
        return int(self._shape[0]) if self._shape else None

    def __len__(self) -> int:
        return int(self._starts[-1])


def _open(path: Path) -> Any:
    """The rows of one shard, of which nothing is loaded yet."""
    try:
        file = safe_open(regular(path), framework="np")
        rows = file.get_slice(_NAME)  # type: ignore[no-untyped-call]
    except FileNotFoundError:
        raise SerError(f"{path} is missing; run `dvc repro`.") from None
    except (SafetensorError, OSError) as error:
        raise SerError(f"{path} is damaged ({error}); delete it and run `dvc repro`.") from None
    if rows.get_dtype() not in _TYPES or not rows.get_shape():
        raise SerError(
            f"{path} is damaged (numbers of the type {rows.get_dtype()}); delete it and "
            "run `dvc repro`."
        )
    return rows
