"""The manifest: one row a clip; reading, writing, checking."""

import heapq
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ser.clips.labels import is_emotion
from ser.core.errors import SerError
from ser.core.files import write_csv
from ser.core.tables import Names, Table, sharing

GENDERS = ("female", "male")
# of speakers whose gender the publisher does not tell; systems of one gender leave them out
UNKNOWN = "unknown"
MANIFEST = "manifest.csv"
# pairs of clips that look like one recording and, as the corpus's file says, are not
DECISIONS = "not_the_same.csv"

# clip: corpus and path within it, without its ending; unique over all corpora; take: repetition of
# one sentence by one speaker; pcm_sha256: hash of the canonical little-endian int16 samples.
COLUMNS = (
    "clip",
    "corpus",
    "language",
    "speaker",
    "gender",
    "emotion",
    "intensity",
    "sentence",
    "take",
    "duration_s",
    "pcm_sha256",
)
_TABLE = Table("The manifest", {name: float if name == "duration_s" else str for name in COLUMNS})
_DECISIONS = Table("The list of pairs", {"clip_a": str, "clip_b": str, "reason": str})


@dataclass(frozen=True)
class ClipName:
    """What a corpus says of a clip in its file name, in the shared terms."""

    clip: str
    speaker: str
    gender: str
    emotion: str
    intensity: str
    sentence: str
    take: str


@dataclass(frozen=True)
class Expected:
    """What a complete corpus holds: clips, clips per emotion, genders per speaker.

    A count that is not published, or not known for certain, is None; without genders there is no
    list of speakers.
    """

    n_clips: int | None
    emotions: Mapping[str, int | None]
    genders: Mapping[str, str]


def read_manifest(path: Path) -> pd.DataFrame:
    """Read a manifest written by `write_manifest` (or an extension of it with more columns).

    Raises:
        SerError: if the file is missing or damaged, or a row cannot be one of a clip.
    """
    manifest = _TABLE.read(path)
    if manifest.empty:
        raise SerError(f"The manifest {path} lists no clip; run `dvc repro`.")
    check_rows(manifest, str(path))
    return manifest


def read_manifest_parts(path: Path, *, may_be_empty: bool = False) -> Iterator[pd.DataFrame]:
    """The same some rows at a time.

    Raises:
        SerError: as for `read_manifest`, or if clips are not in order.
    """
    last = ""
    for part in _TABLE.read_parts(path):
        check_rows(part, str(path))
        if (wrong := part["clip"] <= part["clip"].shift(fill_value=last)).any():
            clip = part.loc[wrong, "clip"].iloc[0]
            raise SerError(f"{path}: clip {clip} is not in its place; run `dvc repro`.")
        if len(part):
            last = part["clip"].iloc[-1]
            yield part
    if not last and not may_be_empty:
        raise SerError(f"The manifest {path} lists no clip; run `dvc repro`.")


def read_for_folds(path: Path) -> pd.DataFrame:
    """What folds are made by, in little memory: names are categories, `pcm_sha256` is a number.

    Equal hashes are equal numbers, which differ from run to run.

    Raises:
        SerError: as for `read_manifest_parts`.
    """
    clips: list[str] = []
    hashes = array("q")
    names = {name: Names() for name in ("corpus", "speaker", "emotion", "sentence")}
    for part in read_manifest_parts(path):
        clips.extend(part["clip"])
        hashes.extend(map(hash, part["pcm_sha256"]))
        for name, column in names.items():
            column.extend(part[name])
    columns = {name: column.column() for name, column in names.items()}
    table = pd.DataFrame({"clip": pd.Series(clips, dtype=str), **columns})
    return table.assign(pcm_sha256=np.frombuffer(hashes, np.int64))


def read_genders(folder: Path) -> pd.DataFrame:
    """All clips of a corpus that was split by gender, sorted by clip.

    Raises:
        SerError: as for `read_manifest_parts`.
    """
    parts = [
        sharing(part, "take_group", "clip") if "take_group" in part else part
        for path in _genders(folder)
        for part in read_manifest_parts(path, may_be_empty=True)
    ]
    if not parts:
        raise SerError(f"The manifests in {folder} list no clip; run `dvc repro`.")
    manifest = pd.concat(parts, ignore_index=True).sort_values("clip", ignore_index=True)
    check_rows(manifest, str(folder))
    return manifest


def clip_hashes(path: Path, *, may_be_empty: bool = False) -> Iterator[tuple[str, str]]:
    """Clips of a manifest in their order, each with the hash of its samples.

    Raises:
        SerError: as for `read_manifest_parts`, or if one is no hash.
    """
    for part in read_manifest_parts(path, may_be_empty=may_be_empty):
        strange = part[~part["pcm_sha256"].str.fullmatch("[0-9a-f]{64}")]
        if not strange.empty:
            row = strange.iloc[0]
            raise SerError(
                f"{path}: clip {row['clip']} has pcm_sha256 {row['pcm_sha256']!r}, which is no "
                "SHA-256; run `dvc repro`."
            )
        yield from zip(part["clip"], part["pcm_sha256"], strict=True)


def gender_hashes(folder: Path) -> Iterator[tuple[str, str]]:
    """The same of a corpus that was split by gender."""
    return heapq.merge(*(clip_hashes(path, may_be_empty=True) for path in _genders(folder)))


def _genders(folder: Path) -> list[Path]:
    return [folder / f"{name}.csv" for name in (*GENDERS, UNKNOWN)]


def write_decisions(path: Path, decisions: Mapping[tuple[str, str], str]) -> None:
    """Write why pairs of clips that look like one recording are not."""
    rows = [(*pair, reason) for pair, reason in sorted(decisions.items())]
    write_csv(path, pd.DataFrame(rows, columns=list(_DECISIONS.columns)))


def read_decisions(path: Path) -> pd.DataFrame:
    """What `write_decisions` wrote.

    Raises:
        SerError: if the file is missing or damaged.
    """
    return _DECISIONS.read(path)


def clip_path(folder: Path, clip: str) -> Path:
    """Path of a canonical clip in a corpus's folder; `clip` begins with the corpus's name.

    Raises:
        SerError: if the name would lead out of the folder.
    """
    name = clip.partition("/")[2]
    if not name or name.startswith("/") or ".." in name.split("/"):
        raise SerError(f"Clip {clip!r} does not lie in {folder}; run `dvc repro`.")
    return folder / "clips" / f"{name}.wav"


def speaker_keys(manifest: pd.DataFrame) -> pd.Series:
    """Corpus and speaker of every row: speaker "03" is somebody else in another corpus."""
    return manifest["corpus"] + "/" + manifest["speaker"]


def write_manifest(path: Path, manifest: pd.DataFrame) -> None:
    """Write a manifest in the order of `clip`."""
    write_csv(path, manifest.sort_values("clip", ignore_index=True))


def check_rows(manifest: pd.DataFrame, corpus: str) -> None:
    """Check what holds for every corpus.

    Args:
        corpus: what sentences call it.

    Raises:
        SerError: naming the first clip that breaks a rule.
    """
    repeated = manifest.loc[manifest["clip"].duplicated(), "clip"]
    if not repeated.empty:
        raise SerError(f"{corpus}: clip {repeated.iloc[0]} is listed more than once.")
    nameless = manifest.loc[(manifest["speaker"] == "") | (manifest["clip"] == ""), "clip"]
    if not nameless.empty:
        raise SerError(f"{corpus}: clip {nameless.iloc[0]!r} lacks its name or its speaker.")
    genders = (*GENDERS, UNKNOWN)
    names = {emotion for emotion in manifest["emotion"].unique() if is_emotion(emotion)}
    for column, allowed, rule in (
        ("emotion", names, "a name in small letters, with _ between words"),
        ("gender", genders, f"one of {', '.join(genders)}"),
    ):
        strange = manifest[~manifest[column].isin(allowed)]
        if not strange.empty:
            row = strange.iloc[0]
            raise SerError(
                f"{corpus}: clip {row['clip']} has {column} {row[column]!r}, which is not {rule}."
            )


def check_expected(manifest: pd.DataFrame, corpus: str, expected: Expected) -> None:
    """Check that a corpus is complete.

    Args:
        manifest: one row a clip, or a kind of clips: `clips` says how many there are of it, and
            `clip` is one of them.

    Raises:
        SerError: saying which count differs, what was found and what was expected.
    """
    found, wanted = set(manifest["speaker"]), set(expected.genders)
    remedy = "fetch the corpus again, or correct its file in ser/corpora"
    for speakers, what in ((wanted - found, "missing"), (found - wanted, "unknown")):
        if speakers and wanted:
            raise SerError(
                f"{corpus}: speakers are {what} ({', '.join(sorted(speakers))}); {remedy}."
            )
    wrong = manifest[manifest["gender"] != manifest["speaker"].map(expected.genders)]
    if wanted and not wrong.empty:
        speaker = wrong["speaker"].min()
        raise SerError(f"{corpus}: speaker {speaker} has another gender in the names of clips.")
    each = manifest["clips"] if "clips" in manifest else pd.Series(1, manifest.index)
    if expected.n_clips not in (None, each.sum()):
        raise SerError(
            f"{corpus}: {each.sum()} clips found, {expected.n_clips} expected; {remedy}."
        )
    counts = each.groupby(manifest["emotion"]).sum()
    strange = manifest[~manifest["emotion"].isin(expected.emotions.keys())]
    if expected.emotions and not strange.empty:
        row = strange.iloc[0]
        raise SerError(
            f"{corpus}: clip {row['clip']} has emotion {row['emotion']!r}, which is not one of "
            f"{', '.join(expected.emotions)}; {remedy}."
        )
    for emotion, count in expected.emotions.items():
        if count is not None and counts.get(emotion, 0) != count:
            raise SerError(
                f"{corpus}: {counts.get(emotion, 0)} clips are {emotion}, {count} expected; "
                f"{remedy}."
            )
