"""From a corpus's source files to canonical clips and a checked manifest."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources
from pathlib import Path, PurePosixPath

import pandas as pd

from ser.audio import SAMPLE_RATE_HZ, canonical, pcm_sha256, read_pcm, write_wav
from ser.clips import (
    COLUMNS,
    MANIFEST,
    ClipName,
    check_expected,
    check_rows,
    clip_path,
    write_manifest,
)
from ser.corpora.corpus import Corpus
from ser.corpora.source import source_files
from ser.errors import SerError
from ser.files import whole_folder
from ser.processes import spread


def build_corpus(corpus: Corpus, out: Path, processes: int = 2) -> pd.DataFrame:
    """Write `out/clips/*.wav` (16 kHz, mono, 16 bit) and `out/manifest.csv`; return the manifest.

    Raises:
        SerError: if the source cannot be reached, or the corpus is incomplete or altered.
    """
    with source_files(corpus, out.parent / f"{corpus.name}-source") as files:
        named = name_clips(corpus, files)
        checksums = load_checksums(corpus)
        with whole_folder(out) as aside:
            for folder in {clip_path(aside, name.clip).parent for name, _ in named}:
                folder.mkdir(parents=True, exist_ok=True)
            rows = _make_clips(corpus, named, aside, checksums, processes)
            manifest = pd.DataFrame(rows, columns=list(COLUMNS))
            check_rows(manifest, corpus.name)
            check_expected(manifest, corpus.name, corpus.expected)
            write_manifest(aside / MANIFEST, manifest)
    return manifest


def name_clips(
    corpus: Corpus, files: list[tuple[PurePosixPath, Path]]
) -> list[tuple[ClipName, Path]]:
    """Read every file's name.

    Raises:
        SerError: naming the first file whose name breaks the corpus's rules.
    """
    named = []
    for relative, path in files:
        try:
            name = corpus.parse(relative)
        except ValueError as error:
            raise SerError(
                f"{corpus.title}: {relative} is not named as a clip of it ({error}); remove it."
            ) from None
        if name is not None:
            # two corpora may use one name for different clips
            named.append((replace(name, clip=f"{corpus.name}/{name.clip}"), path))
    return named


def load_checksums(corpus: Corpus) -> Mapping[str, str]:
    """SHA-256 of every clip's samples, by clip; empty for a corpus made by code."""
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
    processes: int,
) -> list[dict[str, object]]:
    jobs = [
        _Job(name, path, clip_path(out, name.clip), checksums.get(name.clip, ""))
        for name, path in named
    ]
    work = partial(_make_clip, title=corpus.title, checksums_of=corpus.checksums_of)
    rows = spread(work, jobs, processes, f"{corpus.title}: clips", "clip")
    return [{**row, "corpus": corpus.name, "language": corpus.language} for row in rows]


@dataclass(frozen=True)
class _Job:
    """A clip to make: its name, its source file, where it goes, and its published checksum."""

    name: ClipName
    source: Path
    target: Path
    checksum: str


def _make_clip(job: _Job, title: str, checksums_of: str | None) -> dict[str, object]:
    source, sample_rate_hz = read_pcm(job.source)
    samples = canonical(source, sample_rate_hz)
    digest = pcm_sha256(samples)
    if checksums_of is not None:
        found = digest if checksums_of == "canonical" else pcm_sha256(source)
        if found != job.checksum:
            raise SerError(
                f"{title}: the samples of {job.source.name} are not the published ones; "
                "fetch the corpus again."
            )
    write_wav(job.target, samples)
    duration_s = len(samples) / SAMPLE_RATE_HZ
    return {**vars(job.name), "duration_s": duration_s, "pcm_sha256": digest}
