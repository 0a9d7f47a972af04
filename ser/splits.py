"""Protocols: which speakers train, validate and test in each fold; and the guards against leaks.

A fold table has one row per fold and clip: `fold`, `clip`, `role` (train, validation or test).
Over the folds of a protocol every clip is tested exactly once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ser.clips import speaker_keys
from ser.errors import LeakError, SerError
from ser.files import write_csv

ROLES = ("train", "validation", "test")
# A system that mixes corpora is tested in this many folds, whatever the corpora's own numbers.
MIXED_FOLDS = 5


@dataclass(frozen=True)
class Fold:
    """Speakers held out of one fold; all others train."""

    test: tuple[str, ...]
    validation: tuple[str, ...]


Protocol = Callable[[list[str]], list[Fold]]

# Test actors: Luna-Jimenez et al. (2021), "Multimodal emotion recognition on RAVDESS dataset using
# transfer learning", Sensors 21(22): 7665. Validation actors: Krasnoproshin & Vashkevich (2026).
RAVDESS_FIVE_FOLDS = (
    Fold(test=("02", "05", "14", "15", "16"), validation=("03", "06")),
    Fold(test=("03", "06", "07", "13", "18"), validation=("10", "11")),
    Fold(test=("10", "11", "12", "19", "20"), validation=("08", "17")),
    Fold(test=("08", "17", "21", "23", "24"), validation=("01", "14")),
    Fold(test=("01", "04", "09", "22"), validation=("02", "05")),
)


def ravdess_five_fold(speakers: list[str]) -> list[Fold]:
    """Five folds of RAVDESS actors, each with two validation actors."""
    tested = sorted(actor for fold in RAVDESS_FIVE_FOLDS for actor in fold.test)
    if sorted(speakers) != tested:
        raise SerError(
            "Protocol ravdess_five_fold needs the 24 actors of RAVDESS; choose another protocol "
            "for this corpus in params.yaml."
        )
    return list(RAVDESS_FIVE_FOLDS)


def leave_one_speaker_out(speakers: list[str]) -> list[Fold]:
    """One fold a speaker (LOSO); the next speaker in sorted order validates."""
    if len(speakers) < 3:
        raise SerError("Protocol leave_one_speaker_out needs at least three speakers.")
    following = speakers[1:] + speakers[:1]
    return [
        Fold(test=(speaker,), validation=(after,))
        for speaker, after in zip(speakers, following, strict=True)
    ]


PROTOCOLS: dict[str, Protocol] = {
    "ravdess_five_fold": ravdess_five_fold,
    "leave_one_speaker_out": leave_one_speaker_out,
}


def assign_folds(manifest: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """Fold table of one corpus under a protocol.

    Raises:
        SerError: if the protocol is unknown or does not fit the corpus.
    """
    if protocol not in PROTOCOLS:
        known = " or ".join(PROTOCOLS)
        raise SerError(f"params.yaml: unknown protocol {protocol!r}; it must be {known}.")
    folds = PROTOCOLS[protocol](sorted(manifest["speaker"].unique()))
    tables = []
    for number, fold in enumerate(folds):
        roles = manifest["speaker"].map(_speaker_roles(fold)).fillna("train")
        tables.append(pd.DataFrame({"fold": number, "clip": manifest["clip"], "role": roles}))
    return pd.concat(tables, ignore_index=True)


def _speaker_roles(fold: Fold) -> dict[str, str]:
    # test last: a speaker listed twice is tested
    return {**dict.fromkeys(fold.validation, "validation"), **dict.fromkeys(fold.test, "test")}


def mix_folds(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Fold table of several corpora together.

    Fold k of the mix holds out what folds k, k + 5, k + 10, ... of each corpus hold out, so every
    clip is still tested once; a speaker held out for both test and validation is tested.
    """
    if len(tables) == 1:
        return tables[0]
    merged = pd.concat(
        [table.assign(fold=table["fold"] % MIXED_FOLDS) for table in tables], ignore_index=True
    )
    rank = merged["role"].map(ROLES.index)
    strongest = merged.assign(rank=rank).groupby(["fold", "clip"], as_index=False)["rank"].max()
    return pd.DataFrame(
        {
            "fold": strongest["fold"],
            "clip": strongest["clip"],
            "role": strongest["rank"].map(dict(enumerate(ROLES))),
        }
    )


def check_folds(manifest: pd.DataFrame, folds: pd.DataFrame) -> None:
    """The guard: refuse folds that leak.

    Args:
        manifest: the clips, with a column `take_group` shared by takes that are (nearly) the same.
        folds: their fold table.

    Raises:
        LeakError: saying which speaker, take or clip stands on both sides of which fold.
        SerError: if a clip is missing, unknown, or not tested exactly once.
    """
    _check_coverage(manifest, folds)
    keys = manifest.assign(speaker_key=speaker_keys(manifest))
    rows = folds.merge(keys[["clip", "speaker_key", "take_group"]], on="clip", validate="m:1")
    for column, noun in (("speaker_key", "speaker"), ("take_group", "take")):
        sides = rows.groupby(["fold", column])["role"].unique()
        crossing = sides[sides.map(len) > 1]
        if not crossing.empty:
            fold, who = crossing.index[0]
            roles = " and ".join(sorted(crossing.iloc[0]))
            raise LeakError(f"Fold {fold} leaks: {noun} {who} is in {roles}; correct the folds.")


def _check_coverage(manifest: pd.DataFrame, folds: pd.DataFrame) -> None:
    doubled = folds[folds.duplicated(["fold", "clip"])]
    if not doubled.empty:
        row = doubled.iloc[0]
        raise LeakError(f"Fold {row['fold']} leaks: clip {row['clip']} has more than one role.")
    strange = sorted(set(folds["role"]) - set(ROLES))
    if strange:
        raise SerError(f"The folds hold the unknown role {strange[0]!r}.")
    odd = sorted(set(folds["clip"]) ^ set(manifest["clip"]))
    if odd:
        raise SerError(f"Clip {odd[0]} is in the manifest or in the folds, but not in both.")
    tests = folds[folds["role"] == "test"].groupby("clip").size()
    wrong = [clip for clip in manifest["clip"] if tests.get(clip, 0) != 1]
    if wrong:
        count = tests.get(wrong[0], 0)
        raise SerError(f"Clip {wrong[0]} is tested in {count} folds instead of exactly one.")
    for number, fold in folds.groupby("fold"):
        lacking = [role for role in ROLES if role not in set(fold["role"])]
        if lacking:
            raise SerError(f"Fold {number} has no {lacking[0]} clips; choose another protocol.")


def select_gender(
    manifest: pd.DataFrame, folds: pd.DataFrame, gender: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Clips and folds of one gender, or of "all".

    Folds in which nobody of that gender is tested are left out: leave-one-speaker-out then tests
    each remaining speaker once. A fold whose validation speaker has the other gender takes the
    tested speaker's next neighbour of the same gender.
    """
    if gender == "all":
        return manifest, folds
    clips = manifest[manifest["gender"] == gender].reset_index(drop=True)
    kept = folds[folds["clip"].isin(clips["clip"])]
    tested = kept.loc[kept["role"] == "test", "fold"].unique()
    kept = kept[kept["fold"].isin(tested)].reset_index(drop=True)
    parts = [_ensure_validation(clips, fold) for _, fold in kept.groupby("fold")]
    return clips, pd.concat(parts, ignore_index=True)


def _ensure_validation(clips: pd.DataFrame, fold: pd.DataFrame) -> pd.DataFrame:
    if (fold["role"] == "validation").any():
        return fold
    keys = dict(zip(clips["clip"], speaker_keys(clips), strict=True))
    speakers = fold["clip"].map(keys)
    everyone = sorted(set(speakers))
    tested = set(speakers[fold["role"] == "test"])
    start = everyone.index(max(tested)) + 1
    candidates = [who for who in everyone[start:] + everyone[:start] if who not in tested]
    if not candidates:
        return fold
    return fold.assign(role=fold["role"].mask(speakers == candidates[0], "validation"))


def write_folds(path: Path, folds: pd.DataFrame) -> None:
    """Write a fold table in the order of fold and clip."""
    write_csv(path, folds.sort_values(["fold", "clip"], ignore_index=True))


def read_folds(path: Path) -> pd.DataFrame:
    """Read a fold table.

    Raises:
        SerError: if it is missing or lacks a column.
    """
    try:
        folds = pd.read_csv(path, dtype={"fold": int, "clip": str, "role": str})
    except FileNotFoundError:
        raise SerError(f"The fold table {path} is missing; run `dvc repro`.") from None
    except ValueError as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SerError(f"The fold table {path} is not a readable CSV: {reason}.") from None
    missing = [column for column in ("fold", "clip", "role") if column not in folds.columns]
    if missing:
        raise SerError(f"The fold table {path} lacks the columns {', '.join(missing)}.")
    return folds


def clips_of(folds: pd.DataFrame, fold: int, role: str) -> Iterable[str]:
    """Clips that have `role` in `fold`."""
    rows = folds[(folds["fold"] == fold) & (folds["role"] == role)]
    return list(rows["clip"])
