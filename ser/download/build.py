"""From a corpus's source files to canonical clips and a checked manifest."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources
from pathlib import Path

import pandas as pd

from ser.clips.audio import SAMPLE_RATE_HZ, pcm_sha256, read_sound, write_wav
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
from ser.core.processes import spread
from ser.download.corpus import Corpus
from ser.download.shards import in_turn, read_sidecars
from ser.download.source import Files, source_files


def build_corpus(corpus: Corpus, out: Path) -> pd.DataFrame:
    """Write `out/clips/*.wav` (16 kHz, mono, 16 bit) and `out/manifest.csv`; return the manifest.

    Raises:
        SerError: if the source cannot be reached, or the corpus is incomplete or altered.
    """
    with source_files(corpus, out.parent / f"{corpus.name}-source") as files:
        named = without_defects(corpus, name_clips(corpus, files))
        checksums = load_checksums(corpus)
        with whole_folder(out) as aside:
            for folder in {clip_path(aside, name.clip).parent for name, _ in named}:
                folder.mkdir(parents=True, exist_ok=True)
            rows = _make_clips(corpus, named, aside, checksums)
            manifest = pd.DataFrame(rows, columns=list(COLUMNS))
            write_manifest(aside / MANIFEST, manifest)
            decisions = {
                (f"{corpus.name}/{a}", f"{corpus.name}/{b}"): reason
                for (a, b), reason in corpus.not_the_same.items()
            }
            write_decisions(aside / DECISIONS, decisions)
    return manifest


def name_clips(corpus: Corpus, files: Files) -> list[tuple[ClipName, Path]]:
    """Read every file's name, and check all that names tell before any sound is read.

    Raises:
        SerError: naming the first file whose name or sidecar breaks the corpus's rules, the two
            files of a clip that is there twice, or the count that is not as published.
    """
    told = read_sidecars(corpus, files)
    named: dict[str, tuple[ClipName, Path]] = {}
    for relative, path in files:
        try:
            name = corpus.clip_name(relative, told.get(path.with_suffix(""), {}))
        except ValueError as error:
            raise SerError(
                f"{corpus.title}: {relative} is no clip of it ({error}); remove the file if it is "
                f"none, or correct ser/corpora/{corpus.name}.py."
            ) from None
        if name is None:
            continue
        if name.clip in named:
            raise SerError(
                f"{corpus.title}: {named[name.clip][1]} and {path} are one clip by their names "
                f"({name.clip}); remove one of them."
            )
        named[name.clip] = (name, path)
    if not named:
        raise SerError(f"{corpus.title}: no file of sound was found; fetch the corpus.")
    table = pd.DataFrame([vars(name) for name, _ in named.values()])
    check_rows(table, corpus.name)
    check_expected(table, corpus.name, corpus.expected)
    found = table["speaker"].nunique()
    if corpus.speakers not in (None, found):
        raise SerError(
            f"{corpus.name}: {found} speakers found, {corpus.speakers} expected; fetch the corpus "
            "again, or correct its file in ser/corpora."
        )
    return [
        # two corpora may use one name for different clips
        (replace(name, clip=f"{corpus.name}/{name.clip}"), path)
        for name, path in named.values()
    ]


def without_defects(
    corpus: Corpus, named: list[tuple[ClipName, Path]]
) -> list[tuple[ClipName, Path]]:
    """The clips that can be used; says how many are left out.

    Raises:
        SerError: if the corpus names a defect in a clip that it has not.
    """
    defects = {f"{corpus.name}/{clip}" for clip in corpus.defects}
    strange = sorted(defects - {name.clip for name, _ in named})
    if strange:
        raise SerError(
            f"ser/corpora/{corpus.name}.py names a defect in {strange[0]}, which is no clip of it."
        )
    if defects:
        print(f"{corpus.title}: {len(defects)} clips with known defects are left out")
    return [(name, path) for name, path in named if name.clip not in defects]


def load_checksums(corpus: Corpus) -> Mapping[str, str]:
    """SHA-256 of every clip's samples, by clip; empty for a corpus that has no such table."""
    if corpus.checksums_of is None:
        return {}
    table = resources.files("ser.corpora") / "checksums" / f"{corpus.name}.tsv"
    lines = table.read_text(encoding="utf-8").splitlines()[1:]
    rows = (line.split("\t") for line in lines)
    return {f"{corpus.name}/{clip}": digest for clip, digest in rows}


def _make_clips(
    corpus: Corpus,
    named: list[tuple[ClipName, Path]],
    out: Path,
    checksums: Mapping[str, str],
) -> list[dict[str, object]]:
    work = partial(_make_clip, title=corpus.title, checksums_of=corpus.checksums_of)

    def make(those: list[tuple[ClipName, Path]]) -> list[tuple[dict[str, object], int]]:
        jobs = [
            _Job(name, path, clip_path(out, name.clip), checksums.get(name.clip, ""))
            for name, path in those
        ]
        return spread(work, jobs, f"{corpus.title}: clips", "clip")

    rows = in_turn(named, partial_path(out.parent / f"{corpus.name}-shard"), make)
    clipped = sum(samples > 0 for _, samples in rows)
    if clipped:
        print(f"{corpus.title}: {clipped} clips went beyond full scale and were cut back to it")
    return [{**row, "corpus": corpus.name, "language": corpus.language} for row, _ in rows]


@dataclass(frozen=True)
class _Job:
    """A clip to make: its name, its source file, where it goes, and its published checksum."""

    name: ClipName
    source: Path
    target: Path
    checksum: str


def _make_clip(job: _Job, title: str, checksums_of: str | None) -> tuple[dict[str, object], int]:
    """A row of the manifest, and how many samples were beyond full scale."""
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
    duration_s = len(sound.samples) / SAMPLE_RATE_HZ
    row = {**vars(job.name), "duration_s": duration_s, "pcm_sha256": digest}
    return row, sound.clipped
