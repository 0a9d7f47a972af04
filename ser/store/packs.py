"""Many arrays of different length packed end to end, in few files, read through a memory map.

Thousands of small files cost DVC and the file system far more than one (docs of DVC: directories);
safetensors holds no code, so a pack can be read without trusting who wrote it. A pack that is large
lies in several files of bounded size, its shards: `features.safetensors`,
`features-0001.safetensors`, and so on; rows are numbered through, and no array is cut.
"""

import json
import re
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
        self._shards = [_open(shard) for shard in find_shards(path)]
        first = self._shards[0]
        for number, shard in enumerate(self._shards):
            if (shard.dtype, shard.shape[1:]) != (first.dtype, first.shape[1:]):
                raise SerError(
                    f"{shard_path(path, number)} is damaged (it has other rows than {path.name}); "
                    "delete it and run `dvc repro`."
                )
        # the first row of each shard, and the end
        self._starts = np.cumsum([0, *map(len, self._shards)])

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
        return self.take(np.arange(begin, end))

    def take(self, numbers: npt.NDArray[np.integer]) -> npt.NDArray[Any]:
        """Rows of these numbers, which the pack must have, in their order."""
        if len(self._shards) == 1:
            return np.take(self._shards[0], numbers, axis=0)
        taken = np.empty((len(numbers), *self._shards[0].shape[1:]), self._shards[0].dtype)
        shards = np.searchsorted(self._starts, numbers, side="right") - 1
        for shard in np.unique(shards):
            here = shards == shard
            taken[here] = np.take(self._shards[shard], numbers[here] - self._starts[shard], axis=0)
        return taken

    @property
    def width(self) -> int | None:
        """Numbers in a row; None where a row is one number."""
        shape = self._shards[0].shape[1:]
        return int(shape[0]) if shape else None

    def __len__(self) -> int:
        return int(self._starts[-1])


def _open(path: Path) -> npt.NDArray[Any]:
    """The rows of one shard, through a memory map: what is not asked for is not read."""
    try:
        with safe_open(regular(path), framework="np") as file:  # which checks the file
            rows = file.get_slice(_NAME)
            kind, shape = rows.get_dtype(), tuple(rows.get_shape())
    except FileNotFoundError:
        raise SerError(f"{path} is missing; run `dvc repro`.") from None
    except (SafetensorError, OSError) as error:
        raise SerError(f"{path} is damaged ({error}); delete it and run `dvc repro`.") from None
    if kind not in _TYPES or not shape:
        raise SerError(
            f"{path} is damaged (numbers of the type {kind}); delete it and run `dvc repro`."
        )
    if 0 in shape:  # which cannot be mapped
        return np.empty(shape, _TYPES[kind])
    with path.open("rb") as file:
        begin = int.from_bytes(file.read(_WORD), "little") + _WORD
    # a plain array over the map: slices of np.memmap cost ten times as much
    return np.asarray(np.memmap(path, _TYPES[kind], "r", begin, shape))
