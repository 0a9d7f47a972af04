"""From a corpus's source files to canonical clips and a checked manifest."""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
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
)
from ser.core.errors import SerError
from ser.core.files import partial_path, whole_folder, write_rows
from ser.core.processes import stream
from ser.download.corpus import Corpus
from ser.download.shards import each_in_turn, read_sidecars
from ser.download.source import Files, source_files


def build_corpus(corpus: Corpus, out: Path) -> None:
    """Write `out/clips/*.wav` (16 kHz, mono, 16 bit) and `out/manifest.csv`.

    Raises:
        SerError: if the source cannot be reached, or the corpus is incomplete or altered.
    """
    with source_files(corpus, out.parent / f"{corpus.name}-source") as files:
        named = without_defects(corpus, name_clips(corpus, files))
        with whole_folder(out) as aside:
            write_rows(aside / MANIFEST, COLUMNS, _make_clips(corpus, named, aside))
            decisions = {
                (f"{corpus.name}/{a}", f"{corpus.name}/{b}"): reason
                for (a, b), reason in corpus.not_the_same.items()
            }
            write_decisions(aside / DECISIONS, decisions)


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
    numbers, hashes = array("i"), array("q")
    kinds: Counter[tuple[str, str, str]] = Counter()
    examples: dict[tuple[str, str, str], str] = {}
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
        numbers.append(number)
        hashes.append(hash(name.clip))
        kind = name.speaker, name.gender, name.emotion
        kinds[kind] += 1
        examples[kind] = min(name.clip, examples.get(kind, name.clip))
    if not numbers:
        raise SerError(f"{corpus.title}: no file of sound was found; fetch the corpus.")
    named = NamedClips(corpus, files, told, numbers)
    _check_names(named, np.frombuffer(hashes, np.int64))
    table = pd.DataFrame(list(kinds), columns=["speaker", "gender", "emotion"], dtype=str)
    table = table.assign(clip=examples.values(), clips=kinds.values())
    check_rows(table, corpus.name)
    check_expected(table, corpus.name, corpus.expected)
    found = table["speaker"].nunique()
    if corpus.speakers not in (None, found):
        raise SerError(
            f"{corpus.name}: {found} speakers found, {corpus.speakers} expected; fetch the corpus "
            "again, or correct its file in ser/corpora."
        )
    return named


def _check_names(named: NamedClips, hashes: npt.NDArray[np.int64]) -> None:
    """Refuse two clips of one name, which have one hash; texts of all would be much memory."""
    first: dict[str, int] = {}
    for number in np.flatnonzero(pd.Series(hashes).duplicated(keep=False)).tolist():
        name, path = named[number]
        if (other := first.setdefault(name.clip, number)) != number:
            clip = name.clip.partition("/")[2]
            raise SerError(
                f"{named.corpus.title}: {named[other][1]} and {path} are one clip by their names "
                f"({clip}); remove one of them."
            )


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
    return replace(named, numbers=array("i", compress(named.numbers, sound)))


def load_checksums(corpus: Corpus) -> Mapping[str, str]:
    """SHA-256 of every clip's samples, by clip; empty for a corpus that has no such table."""
    if corpus.checksums_of is None:
        return {}
    table = resources.files("ser.corpora") / "checksums" / f"{corpus.name}.tsv"
    lines = table.read_text(encoding="utf-8").splitlines()[1:]
    rows = (line.split("\t") for line in lines)
    return {f"{corpus.name}/{clip}": digest for clip, digest in rows}


def _make_clips(corpus: Corpus, named: NamedClips, out: Path) -> Iterator[tuple[Any, ...]]:
    """Write canonical clips; then yield the rows of their manifest in its order."""
    durations_s, digests = np.empty(len(named)), np.empty((len(named), 32), np.uint8)
    clipped = 0
    work = partial(_make_clip, title=corpus.title, checksums_of=corpus.checksums_of)
    checksums = load_checksums(corpus)
    for places, those in each_in_turn(named, partial_path(out.parent / f"{corpus.name}-shard")):
        jobs = _Jobs(those, out, checksums)
        made = stream(work, jobs, f"{corpus.title}: clips", "clip")
        for place, (duration_s, digest, beyond) in zip(places, made, strict=True):
            durations_s[place] = duration_s
            digests[place] = np.frombuffer(bytes.fromhex(digest), np.uint8)
            clipped += beyond > 0
    if clipped:
        print(f"{corpus.title}: {clipped} clips went beyond full scale and were cut back to it")
    clips = Texts(name.clip for name, _ in named)
    for place in sorted(range(len(clips)), key=clips.__getitem__):
        told = {
            **vars(named[place][0]),
            "corpus": corpus.name,
            "language": corpus.language,
            "duration_s": float(durations_s[place]),
            "pcm_sha256": digests[place].tobytes().hex(),
        }
        yield tuple(told[column] for column in COLUMNS)


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
        those: Sequence[tuple[ClipName, Path]],
        out: Path,
        checksums: Mapping[str, str],
    ) -> None:
        self._those, self._out, self._checksums = those, out, checksums
        for folder in {clip_path(out, name.clip).parent for name, _ in those}:
            folder.mkdir(parents=True, exist_ok=True)

    def __len__(self) -> int:
        return len(self._those)

    def __getitem__(self, number: Any) -> Any:
        """The job of a number from 0."""
        name, source = self._those[number]
        target = clip_path(self._out, name.clip)
        return _Job(source, target, self._checksums.get(name.clip, ""))


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
