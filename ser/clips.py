"""The manifest: one row a clip; reading, writing, checking."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ser.errors import SerError
from ser.files import write_csv
from ser.labels import EMOTIONS

GENDERS = ("female", "male")
MANIFEST = "manifest.csv"

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
TEXT_COLUMNS = tuple(column for column in COLUMNS if column != "duration_s")


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
    """What a complete corpus holds: clips, clips per emotion, genders per speaker."""

    n_clips: int
    emotions: Mapping[str, int]
    genders: Mapping[str, str]


def read_manifest(path: Path) -> pd.DataFrame:
    """Read a manifest written by `write_manifest` (or an extension of it with more columns).

    Raises:
        SerError: if the file is missing, unreadable or lacks a column.
    """
    try:
        # keep_default_na: a sentence called "NA" is a name, not a gap
        manifest = pd.read_csv(path, dtype=dict.fromkeys(TEXT_COLUMNS, str), keep_default_na=False)
    except FileNotFoundError:
        raise SerError(f"The manifest {path} is missing; run `dvc repro`.") from None
    except ValueError as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SerError(f"The manifest {path} is not a readable CSV: {reason}.") from None
    missing = [column for column in COLUMNS if column not in manifest.columns]
    if missing:
        raise SerError(f"The manifest {path} lacks the columns {', '.join(missing)}.")
    return manifest


def clip_path(folder: Path, clip: str) -> Path:
    """Path of a canonical clip in a corpus's folder; `clip` begins with the corpus's name."""
    return folder / "clips" / f"{clip.partition('/')[2]}.wav"


def speaker_keys(manifest: pd.DataFrame) -> pd.Series:
    """Corpus and speaker of every row: speaker "03" is somebody else in another corpus."""
    return manifest["corpus"] + "/" + manifest["speaker"]


def write_manifest(path: Path, manifest: pd.DataFrame) -> None:
    """Write a manifest in the order of `clip`."""
    write_csv(path, manifest.sort_values("clip", ignore_index=True))


def check_rows(manifest: pd.DataFrame, corpus: str) -> None:
    """Check what holds for every corpus.

    Raises:
        SerError: naming the first clip that breaks a rule.
    """
    repeated = manifest.loc[manifest["clip"].duplicated(), "clip"]
    if not repeated.empty:
        raise SerError(f"{corpus}: clip {repeated.iloc[0]} is listed more than once.")
    for column, allowed in (("emotion", EMOTIONS), ("gender", GENDERS)):
        strange = manifest[~manifest[column].isin(allowed)]
        if not strange.empty:
            row = strange.iloc[0]
            raise SerError(
                f"{corpus}: clip {row['clip']} has {column} {row[column]!r}, "
                f"which is not one of {', '.join(allowed)}."
            )


def check_expected(manifest: pd.DataFrame, corpus: str, expected: Expected) -> None:
    """Check that a corpus is complete.

    Raises:
        SerError: saying which count differs, what was found and what was expected.
    """
    speakers = set(manifest["speaker"])
    if speakers != set(expected.genders):
        odd = sorted(speakers ^ set(expected.genders))
        raise SerError(
            f"{corpus}: speakers differ from the published corpus ({', '.join(odd)} missing or "
            "unknown); fetch the corpus again."
        )
    wrong = manifest[manifest["gender"] != manifest["speaker"].map(expected.genders)]
    if not wrong.empty:
        speaker = wrong["speaker"].min()
        raise SerError(f"{corpus}: speaker {speaker} has the wrong gender in the manifest.")
    if len(manifest) != expected.n_clips:
        raise SerError(
            f"{corpus}: {len(manifest)} clips found, {expected.n_clips} expected; "
            "fetch the corpus again."
        )
    counts = manifest["emotion"].value_counts().to_dict()
    for emotion, count in expected.emotions.items():
        if counts.get(emotion, 0) != count:
            raise SerError(
                f"{corpus}: {counts.get(emotion, 0)} clips are {emotion}, {count} expected; "
                "fetch the corpus again."
            )
