"""What a corpus is: where it comes from, how its files are named, what a complete one holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from ser.clips.manifest import ClipName, Expected


@dataclass(frozen=True)
class Archive:
    """An official download.

    `sha256` and `size_bytes` are None where the publisher states none and no copy was at hand to
    take them from; every clip is then still checked against the corpus's table of checksums.
    `by_hand`: `url` is a page to fetch the archive from by hand, not the archive itself.
    """

    url: str
    file_name: str
    size_bytes: int | None = None
    sha256: str | None = None
    by_hand: bool = False


@dataclass(frozen=True)
class Corpus:
    """A corpus as its publisher describes it, in the terms of this project.

    Attributes:
        parse: reads a file's path within the corpus into a `ClipName`; None for files that are
            not clips; raises `ValueError` for a name that breaks the corpus's own rules.
        checksums_of: whether `checksums/<name>.tsv` hashes the samples as published ("source") or
            in canonical form ("canonical", where only that form could be seen); None for a corpus
            that is made on the spot.
        generate: writes the source files into a folder, for a corpus that is made by code.
        defects: published clips that cannot be used, with the reason; they are left out. Clips are
            named as `parse` names them.
        not_the_same: pairs of clips that look like one recording and are not, with the reason.
    """

    name: str
    title: str
    language: str
    licence: str
    citation: str
    expected: Expected
    parse: Callable[[PurePosixPath], ClipName | None]
    archives: tuple[Archive, ...] = ()
    checksums_of: Literal["source", "canonical"] | None = None
    generate: Callable[[Path], None] | None = None
    defects: Mapping[str, str] = field(default_factory=dict)
    not_the_same: Mapping[tuple[str, str], str] = field(default_factory=dict)
