"""Is a folder of sound the corpus that it should be, and what does it give away?"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from ser.clips.audio import pcm_sha256, read_sound, write_wav
from ser.clips.labels import is_emotion
from ser.clips.listing import ClipFiles
from ser.clips.manifest import ClipName, clip_path
from ser.core.errors import SerError
from ser.core.processes import spread
from ser.download.build import load_checksums
from ser.download.corpus import Corpus
from ser.download.shards import in_turn, read_sidecars
from ser.download.source import Files
from ser.shortcuts.cues import Cues, format_of, measure
from ser.shortcuts.measure import measure_shortcuts
from ser.splits.takes import ALIKE, find_pairs


@dataclass
class Report:
    """What is wrong with a folder.

    Attributes:
        faults: sentences of what is missing, extra or damaged; empty for the whole corpus.
        notes: sentences of what there is.
        named: its clips by their names, and their files.
        pairs: clips that are one recording, as `find_pairs` lists them.
        shortcuts: as `measure_shortcuts` lists them.
    """

    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    named: list[tuple[ClipName, Path]] = field(default_factory=list)
    pairs: pd.DataFrame = field(default_factory=pd.DataFrame)
    shortcuts: pd.DataFrame = field(default_factory=pd.DataFrame)


def check_folder(corpus: Corpus, files: Files, names_only: bool = False) -> Report:
    """What names tell of a corpus's files, and then their sound."""
    report = check_names(corpus, files)
    if not names_only:
        check_sound(corpus, report)
    return report


def check_names(corpus: Corpus, files: Files) -> Report:
    """What the names of files tell, before any sound is read."""
    report = Report()
    told = read_sidecars(corpus, files)
    clips: dict[str, tuple[ClipName, Path]] = {}
    for relative, path in files:
        try:
            name = corpus.clip_name(relative, told.get(path.with_suffix(""), {}))
        except ValueError as error:
            report.faults.append(f"{relative} is no clip of it: {error}.")
            continue
        if name is None:
            continue
        if name.clip in clips:
            report.faults.append(f"{path} and {clips[name.clip][1]} are one clip, {name.clip}.")
            continue
        clips[name.clip] = (name, path)
    report.named = list(clips.values())
    rows = [name for name, _ in report.named]
    emotions = Counter(name.emotion for name in rows)
    speakers = {name.speaker for name in rows}
    expected = corpus.expected
    _compare(report, "clips", len(rows), expected.n_clips)
    for emotion, count in expected.emotions.items():
        _compare(report, f"clips of {emotion}", emotions[emotion], count)
    for emotion in sorted(set(emotions) - set(expected.emotions)):
        report.faults.append(f"{emotions[emotion]} clips show {emotion}, which it has not.")
    if not all(map(is_emotion, emotions)):
        report.faults.append("An emotion is named otherwise than in small letters and _.")
    lacking, odd = set(expected.genders) - speakers, speakers - set(expected.genders)
    if expected.genders and (lacking or odd):
        report.faults += [f"Speaker {one} is missing." for one in sorted(lacking)]
        report.faults += [f"Speaker {one} is unknown." for one in sorted(odd)]
    else:
        _compare(report, "speakers", len(speakers), corpus.speakers)
    table = {clip.partition("/")[2] for clip in load_checksums(corpus)}
    for clip in sorted(table - set(clips))[:20]:
        report.faults.append(f"{clip} is missing.")
    if rows:
        report.shortcuts = measure_shortcuts(
            pd.DataFrame([vars(name) for name in rows]).assign(corpus=corpus.name)
        )
    report.notes.append(
        f"{len(rows)} clips, {len(speakers)} speakers, "
        + ", ".join(f"{emotion} {count}" for emotion, count in sorted(emotions.items()))
        + "."
    )
    return report


def _compare(report: Report, what: str, found: int, expected: int | None) -> None:
    if expected not in (None, found):
        report.faults.append(f"{found} {what} are there, {expected} expected.")


def check_sound(corpus: Corpus, report: Report) -> None:
    """Read the sound of all named clips, and add what it tells to a report."""
    if not report.named:
        return
    with TemporaryDirectory(prefix="ser-check-") as aside:
        folder = Path(aside) / corpus.name

        def hear(those: list[tuple[ClipName, Path]]) -> list[_Heard | str]:
            jobs = [
                _Job(path, clip_path(folder, f"{corpus.name}/{name.clip}")) for name, path in those
            ]
            for parent in {job.target.parent for job in jobs}:
                parent.mkdir(parents=True, exist_ok=True)
            return spread(_hear, jobs, f"{corpus.title}: sound", "clip")

        found = in_turn(report.named, Path(aside) / "shard", hear)
        report.faults += [one for one in found if isinstance(one, str)]
        rows = [
            {
                **vars(name),
                "clip": f"{corpus.name}/{name.clip}",
                "corpus": corpus.name,
                "pcm_sha256": heard.digest,
                **vars(heard.cues),
            }
            for (name, _), heard in zip(report.named, found, strict=True)
            if isinstance(heard, _Heard)
        ]
        if not rows:
            return
        clips = pd.DataFrame(rows)
        decided = [
            (f"{corpus.name}/{a}", f"{corpus.name}/{b}", reason)
            for (a, b), reason in corpus.not_the_same.items()
        ]
        files = ClipFiles.of(zip(clips["clip"], clips["pcm_sha256"], strict=True), folder)
        report.pairs = find_pairs(
            files, pd.DataFrame(decided, columns=["clip_a", "clip_b", "reason"])
        )
    _compare_samples(corpus, report, clips, found)
    same = report.pairs[report.pairs["what"] != ALIKE] if len(report.pairs) else report.pairs
    report.faults += [
        f"{row.clip_a} and {row.clip_b} are one recording ({row.what})."
        for row in same.itertuples()
    ]
    length = clips["duration_s"]
    formats = ", ".join(
        f"{count} of {kind}" for kind, count in clips["file_format"].value_counts().items()
    )
    report.notes.append(
        f"{length.sum() / 3600:.2f} h; clips of {length.min():.1f} to {length.max():.1f} s, "
        f"{length.median():.1f} in the middle; {formats}."
    )
    report.shortcuts = measure_shortcuts(clips)


def _compare_samples(
    corpus: Corpus, report: Report, clips: pd.DataFrame, found: list["_Heard | str"]
) -> None:
    checksums = load_checksums(corpus)
    heard = [one for one in found if isinstance(one, _Heard)]
    for clip, one in zip(clips["clip"], heard, strict=True):
        digest = one.digest if corpus.checksums_of == "canonical" else one.source_digest
        if checksums and checksums.get(clip) != digest:
            report.faults.append(f"{clip} has not the published samples.")


@dataclass(frozen=True)
class _Job:
    source: Path
    target: Path


@dataclass(frozen=True)
class _Heard:
    digest: str
    source_digest: str
    cues: Cues


def _hear(job: _Job) -> "_Heard | str":
    """What a file of sound is, its canonical form written; a sentence if it is none."""
    try:
        sound = read_sound(job.source)
        kind = format_of(job.source)
    except SerError as error:
        return str(error)
    write_wav(job.target, sound.samples)
    return _Heard(pcm_sha256(sound.samples), sound.source_sha256, measure(sound.samples, kind))
