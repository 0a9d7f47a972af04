"""From a corpus's source files to canonical clips and a checked manifest."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from importlib import resources
from itertools import compress
from pathlib import Path
from sys import intern
from typing import Any

import numpy as np
import pandas as pd

from ser.clips.audio import SAMPLE_RATE_HZ, pcm_sha256, read_sound, write_wav
from ser.clips.listing import Texts
from ser.clips.manifest import (
    COLUMNS,
    DECISIONS,
    MANIFEST,
    ClipName,
    check_expected,
    check_rows,
    clip_path,
    write_decisions,
    write_manifest,
)
from ser.core.errors import SerError
from ser.core.files import partial_path, whole_folder
from ser.core.processes import stream
from ser.download.corpus import Corpus
from ser.download.shards import each_in_turn, read_sidecars
from ser.download.source import Files, source_files


def build_corpus(corpus: Corpus, out: Path) -> pd.DataFrame:
    """Write `out/clips/*.wav` (16 kHz, mono, 16 bit) and `out/manifest.csv`; return the manifest.

    Raises:
        SerError: if the source cannot be reached, or the corpus is incomplete or altered.
    """
    with source_files(corpus, out.parent / f"{corpus.name}-source") as files:
        named = without_defects(corpus, name_clips(corpus, files))
        with whole_folder(out) as aside:
            manifest = _make_clips(corpus, named, aside)
            write_manifest(aside / MANIFEST, manifest)
            decisions = {
                (f"{corpus.name}/{a}", f"{corpus.name}/{b}"): reason
                for (a, b), reason in corpus.not_the_same.items()
            }
            write_decisions(aside / DECISIONS, decisions)
    return manifest


@dataclass(frozen=True, eq=False)
class NamedClips(Sequence[tuple[ClipName, Path]]):
    """Names of clips and their source files; a name is read from the file's each time anew.

    Attributes:
        told: what sidecars tell.
        numbers: of those files that are clips.
    """

    corpus: Corpus
    files: Files
    told: Mapping[Path, Mapping[str, str | None]]
    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, number: Any) -> Any:
        """The name and file of a number from 0."""
        relative, path = self.files[self.numbers[number]]
        name = self.corpus.clip_name(relative, self.told.get(path.with_suffix(""), {}))
        assert name is not None  # it was one when the files were looked through
        # two corpora may use one name for different clips
        return replace(name, clip=f"{self.corpus.name}/{name.clip}"), path


def name_clips(corpus: Corpus, files: Files) -> NamedClips:
    """Read every file's name, and check all that names tell before any sound is read.

    Raises:
        SerError: naming the first file whose name or sidecar breaks the corpus's rules, the two
            files of a clip that is there twice, or the count that is not as published.
    """
    told = read_sidecars(corpus, files)
    numbers: dict[str, int] = {}
    columns: dict[str, list[str]] = {"speaker": [], "gender": [], "emotion": []}
    for number, (relative, path) in enumerate(files):
        try:
            name = corpus.clip_name(relative, told.get(path.with_suffix(""), {}))
        except ValueError as error:
            raise SerError(
                f"{corpus.title}: {relative} is no clip of it ({error}); remove the file if it is "
                f"none, or correct ser/corpora/{corpus.name}.py."
            ) from None
        if name is None:
            continue
        if name.clip in numbers:
            raise SerError(
                f"{corpus.title}: {files[numbers[name.clip]][1]} and {path} are one clip by their "
                f"names ({name.clip}); remove one of them."
            )
        numbers[name.clip] = number
        for column, values in columns.items():
            values.append(intern(getattr(name, column)))
    if not numbers:
        raise SerError(f"{corpus.title}: no file of sound was found; fetch the corpus.")
    table = pd.DataFrame({"clip": list(numbers), **columns})
    check_rows(table, corpus.name)
    check_expected(table, corpus.name, corpus.expected)
    found = table["speaker"].nunique()
    if corpus.speakers not in (None, found):
        raise SerError(
            f"{corpus.name}: {found} speakers found, {corpus.speakers} expected; fetch the corpus "
            "again, or correct its file in ser/corpora."
        )
    return NamedClips(corpus, files, told, array("q", numbers.values()))


def without_defects(corpus: Corpus, named: NamedClips) -> NamedClips:
    """The clips that can be used; says how many are left out.

    Raises:
        SerError: if the corpus names a defect in a clip that it has not.
    """
    if not corpus.defects:
        return named
    defects = {f"{corpus.name}/{clip}" for clip in corpus.defects}
    strange = sorted(defects - {name.clip for name, _ in named})
    if strange:
        raise SerError(
            f"ser/corpora/{corpus.name}.py names a defect in {strange[0]}, which is no clip of it."
        )
    print(f"{corpus.title}: {len(defects)} clips with known defects are left out")
    sound = [name.clip not in defects for name, _ in named]
    return replace(named, numbers=array("q", compress(named.numbers, sound)))


def load_checksums(corpus: Corpus) -> Mapping[str, str]:
    """SHA-256 of every clip's samples, by clip; empty for a corpus that has no such table."""
    if corpus.checksums_of is None:
        return {}
    table = resources.files("ser.corpora") / "checksums" / f"{corpus.name}.tsv"
    lines = table.read_text(encoding="utf-8").splitlines()[1:]
    rows = (line.split("\t") for line in lines)
    return {f"{corpus.name}/{clip}": digest for clip, digest in rows}


def _make_clips(corpus: Corpus, named: NamedClips, out: Path) -> pd.DataFrame:
    """Write canonical clips; return their manifest."""
    durations_s, digests = np.empty(len(named)), np.empty(len(named), dtype="S64")
    clipped = 0
    work = partial(_make_clip, title=corpus.title, checksums_of=corpus.checksums_of)
    checksums = load_checksums(corpus)
    for places, those in each_in_turn(named, partial_path(out.parent / f"{corpus.name}-shard")):
        jobs = _Jobs(those, out, checksums)
        made = stream(work, jobs, f"{corpus.title}: clips", "clip")
        for place, (duration_s, digest, beyond) in zip(places, made, strict=True):
            durations_s[place], digests[place] = duration_s, digest
            clipped += beyond > 0
    if clipped:
        print(f"{corpus.title}: {clipped} clips went beyond full scale and were cut back to it")
    columns: dict[str, list[str]] = {field.name: [] for field in fields(ClipName)}
    for name, _ in named:
        for column, values in columns.items():
            values.append(intern(getattr(name, column)))
    manifest = pd.DataFrame(columns, dtype=str)
    manifest = manifest.assign(corpus=corpus.name, language=corpus.language, duration_s=durations_s)
    return manifest.assign(pcm_sha256=[digest.decode() for digest in digests])[list(COLUMNS)]


@dataclass(frozen=True)
class _Job:
    """A clip to make: its source file, where it goes, and its published checksum."""

    source: Path
    target: Path
    checksum: str


class _Jobs(Sequence[_Job]):
    """Clips to make, for whom there are folders."""

    def __init__(
        self,
        those: Iterable[tuple[ClipName, Path]],
        out: Path,
        checksums: Mapping[str, str],
    ) -> None:
        self._clips, self._sources = Texts(), Texts()
        self._out, self._checksums = out, checksums
        for name, path in those:
            self._clips.append(name.clip)
            self._sources.append(str(path))
        for folder in {clip_path(out, clip).parent for clip in self._clips}:
            folder.mkdir(parents=True, exist_ok=True)

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, number: Any) -> Any:
        """The job of a number from 0."""
        clip = self._clips[number]
        target = clip_path(self._out, clip)
        return _Job(Path(self._sources[number]), target, self._checksums.get(clip, ""))


def _make_clip(job: _Job, title: str, checksums_of: str | None) -> tuple[float, str, int]:
    """Its length in seconds, the hash of its samples, and how many were beyond full scale."""
    sound = read_sound(job.source)
    digest = pcm_sha256(sound.samples)
    if checksums_of is not None:
        found = digest if checksums_of == "canonical" else sound.source_sha256
        if found != job.checksum:
            raise SerError(
                f"{title}: the samples of {job.source.name} are not the published ones; "
                "fetch the corpus again."
            )
    write_wav(job.target, sound.samples)
    return len(sound.samples) / SAMPLE_RATE_HZ, digest, sound.clipped
