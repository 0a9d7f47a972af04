"""Tar shards, as WebDataset has them: their sound in turn, and what files beside a sound tell."""

import json
import math
import shutil
import unicodedata
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ser.core.errors import SerError
from ser.download.corpus import Corpus
from ser.download.source import Files, is_tar, open_tar, unpack

Named = TypeVar("Named")
Result = TypeVar("Result")

# what is told of one clip is a line or two
_LARGEST_SIDECAR, _LONGEST_TEXT = 1 << 16, 255


def shard_of(path: Path) -> Path | None:
    """The tar archive that a path such as `train-000000.tar/a.wav` leads into; None if none."""
    return next((one for one in path.parents if is_tar(one.name) and one.is_file()), None)


def in_turn(
    named: Sequence[tuple[Named, Path]],
    aside: Path,
    work: Callable[[list[tuple[Named, Path]]], list[Result]],
) -> list[Result]:
    """What `work` makes of files, in their order; of those in shards shard by shard.

    Args:
        named: files, as `source_files` yields them, each with anything that goes with it.
        aside: a folder that holds one unpacked shard at a time.
        work: gets files that lie on disk, and gives one result for each.

    Raises:
        SerError: if a shard is damaged.
    """
    results: dict[int, Result] = {}
    for places, those in each_in_turn(named, aside):
        results |= zip(places, work(list(those)), strict=True)
    return [results[place] for place in range(len(named))]


@dataclass(frozen=True, eq=False)
class _Those(Sequence[tuple[Named, Path]]):
    """Some of the files, as they lie on disk now."""

    named: Sequence[tuple[Named, Path]]
    places: Sequence[int]
    shard: Path | None = None
    folder: Path = Path()

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: Any) -> Any:
        """What goes with the file of a number from 0, and the file."""
        one, path = self.named[self.places[number]]
        return one, path if self.shard is None else self.folder / path.relative_to(self.shard)


def each_in_turn(
    named: Sequence[tuple[Named, Path]], aside: Path
) -> Iterator[tuple[Sequence[int], Sequence[tuple[Named, Path]]]]:
    """Files as they lie on disk, and their places: those outside of shards, and of each shard.

    Arguments and errors as for `in_turn`; what is yielded is gone when the next is.
    """
    shards: dict[Path | None, array[int]] = {}
    for place, (_, path) in enumerate(named):
        shards.setdefault(shard_of(path), array("i")).append(place)
    for shard, places in shards.items():
        if shard is None:
            yield places, _Those(named, places)
            continue
        shutil.rmtree(aside, ignore_errors=True)  # left over from a run that was killed
        folder = aside / shard.name  # so that sentences name the shard
        try:
            unpack(shard, folder)
            yield places, _Those(named, places, shard, folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def read_sidecars(corpus: Corpus, files: Files) -> dict[Path, dict[str, str | None]]:
    """What the files beside each sound tell, by its path without the ending and then by field.

    A field is None where it is neither a line of text nor a number; what is missing is left out.

    Raises:
        SerError: if one is too long, damaged, or there twice.
    """
    told: dict[Path, dict[str, str | None]] = {}
    if not corpus.sidecar:
        return told
    shards: dict[Path | None, list[Path]] = {}
    for _, path in files:
        shards.setdefault(shard_of(path), []).append(path)
    for shard, paths in shards.items():
        wanted = {path.with_suffix(ending) for path in paths for ending in corpus.sidecar_endings}
        for path, content in _in_folder(wanted) if shard is None else _in_shard(shard, wanted):
            fields = _fields(path, content, corpus)
            known = told.setdefault(path.with_suffix(""), {})
            if known.keys() & fields.keys():
                raise SerError(f"{path} is there twice; make the shard again.")
            known.update(fields)
    return told


def _in_folder(wanted: set[Path]) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(wanted):
        if path.is_file():
            with path.open("rb") as file:
                yield path, file.read(_LARGEST_SIDECAR + 1)


def _in_shard(shard: Path, wanted: set[Path]) -> Iterator[tuple[Path, bytes]]:
    with open_tar(shard) as (archive, members):
        for member in members:
            path = shard / member.name
            file = archive.extractfile(member) if path in wanted else None
            if file is not None:
                yield path, file.read(_LARGEST_SIDECAR + 1)


def _fields(path: Path, content: bytes, corpus: Corpus) -> dict[str, str | None]:
    if len(content) > _LARGEST_SIDECAR:
        raise SerError(f"{path} is longer than {_LARGEST_SIDECAR} bytes, which no fields are.")
    keys = {field: key for field, key in corpus.sidecar.items() if key == path.suffix}
    try:
        text = content.decode("utf-8-sig")
        if path.suffix != ".json":
            return {field: _line(text.strip()) for field in keys}
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError
    except (ValueError, RecursionError):
        kind = "JSON object" if path.suffix == ".json" else "text in UTF-8"
        raise SerError(f"{path} is no {kind}; correct it.") from None
    return {field: _line(values[key]) for field, key in corpus.sidecar.items() if key in values}


def _line(value: Any) -> str | None:
    """A text or a number as one printable line; None if it is anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    text = unicodedata.normalize("NFC", str(value))
    return text if 0 < len(text) <= _LONGEST_TEXT and text.isprintable() else None
