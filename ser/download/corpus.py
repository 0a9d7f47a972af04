"""What a corpus is: where it comes from, how its files are named, what a complete one holds."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from ser.clips.manifest import ClipName, Expected

# what the parts of a Creative Commons licence ask for
_TERMS = {
    "BY": "name the authors",
    "NC": "no commercial use",
    "SA": "share what you make of it under the same licence",
    "ND": "pass it on unchanged only",
}


@dataclass(frozen=True)
class Archive:
    """An official download.

    `sha256`, `md5` and `size_bytes` are None where the publisher states none and no copy was at
    hand to take them from; every clip is then still checked against the corpus's table of
    checksums, where there is one.
    `by_hand`: `url` is a page to fetch the corpus from by hand, not the archive itself;
    `on_request`: a page where one asks for it. Either way it may also be put in place unpacked.
    """

    url: str
    file_name: str
    size_bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    by_hand: bool = False
    on_request: bool = False

    @property
    def is_direct(self) -> bool:
        """Whether a program can fetch it."""
        return not (self.by_hand or self.on_request)


def github(repository: str, commit: str) -> Archive:
    """What a repository holds at a commit."""
    name = repository.rpartition("/")[2]
    return Archive(f"https://github.com/{repository}/archive/{commit}.zip", f"{name}.zip")


def zenodo(record: int, file_name: str, **known: Any) -> Archive:
    """A file of a record of Zenodo; `known` is what is known of it, as for `Archive`."""
    return Archive(f"https://zenodo.org/records/{record}/files/{file_name}", file_name, **known)


@dataclass(frozen=True)
class Corpus:
    """A corpus as its publisher describes it, in the terms of this project.

    Attributes:
        language: ISO 639 code.
        licence: its name, or what is known of it in words.
        parse: reads a file's path within the corpus into a `ClipName`; None for files that are
            not clips; raises `ValueError` for a name that breaks the corpus's own rules. Where
            there is a `sidecar`, it also gets what that tells, by field (`clip_name`).
        checksums_of: whether `checksums/<name>.tsv` hashes the samples as published ("source") or
            in canonical form ("canonical", where only that form could be seen); None where there is
            no table.
        generate: writes the source files into a folder, for a corpus that is made by code.
        scheme: how clips are named, with the fields in braces.
        pattern: the same as a regular expression with every code written out.
        sidecar: the fields of `ClipName` that a file beside each sound tells: by field, its key in
            the object of `<clip>.json`, or the ending of a file that holds nothing else.
        n_speakers: how many there are, where they are not listed one by one.
        hours: of speech, as published.
        note: what to keep in mind about it.
        unverified: what this file says, or leaves out, and could not be checked with the publisher.
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
    parse: Callable[..., ClipName | None]
    archives: tuple[Archive, ...] = ()
    checksums_of: Literal["source", "canonical"] | None = None
    generate: Callable[[Path], None] | None = None
    scheme: str = ""
    pattern: str = ""
    sidecar: Mapping[str, str] = field(default_factory=dict)
    n_speakers: int | None = None
    hours: float | None = None
    note: str = ""
    unverified: str = ""
    defects: Mapping[str, str] = field(default_factory=dict)
    not_the_same: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def clip_name(self, path: PurePosixPath, told: Mapping[str, str | None]) -> ClipName | None:
        """What the name of a file and `told`, by its sidecar, say of a clip; raises as `parse`."""
        return self.parse(path, told) if self.sidecar else self.parse(path)

    @property
    def sidecar_endings(self) -> tuple[str, ...]:
        """Endings of the files beside each sound that are read."""
        return tuple(
            sorted({key if key.startswith(".") else ".json" for key in self.sidecar.values()})
        )

    @property
    def terms(self) -> str:
        """What the licence asks for, in words, where its name does not say so itself."""
        if self.licence.startswith("CC0"):
            return "no conditions"
        named = re.match(r"CC ([A-Z-]+)\b", self.licence)
        return "; ".join(_TERMS[part] for part in named[1].split("-")) if named else ""

    @property
    def speakers(self) -> int | None:
        """How many speakers a complete one has; None where that is not known."""
        return len(self.expected.genders) or self.n_speakers

    @property
    def is_direct(self) -> bool:
        """Whether a program can fetch all of it."""
        return bool(self.archives) and all(archive.is_direct for archive in self.archives)
