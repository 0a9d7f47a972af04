"""Fold tables: reading, writing, mixing of corpora, choice of one gender.

A fold table has one row per fold and clip: `fold`, `clip`, `role` (train, validation or test). A
clip without a row in a fold has no part in it. Over the folds every clip is tested exactly once.
"""

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from ser.clips.manifest import speaker_keys
from ser.core.errors import SerError
from ser.core.files import whole_file
from ser.core.tables import Names, Table, csv_texts

ROLES = ("train", "validation", "test")
# A system that mixes corpora is tested in this many folds, whatever the corpora's own numbers.
MIXED_FOLDS = 5
# that are looked at together
_ROWS = 50_000
_TABLE = Table("The fold table", {"fold": int, "clip": str, "role": str})


def mix_folds(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Fold table of several corpora together.

    Fold k of the mix holds out what folds k, k + 5, k + 10, ... of each corpus hold out, so every
    clip is still tested once; a speaker held out for both test and validation is tested. A clip
    trains only where it trains in all of these folds.
    """
    if len(tables) == 1:
        return tables[0]
    return pd.concat([_merged(table) for table in tables], ignore_index=True).sort_values(
        ["fold", "clip"], ignore_index=True
    )


def _merged(table: pd.DataFrame) -> pd.DataFrame:
    parts = table.groupby(table["fold"] % MIXED_FOLDS)["fold"].nunique()
    merged = table.assign(
        fold=table["fold"] % MIXED_FOLDS, rank=table["role"].map(ROLES.index).astype(int)
    )
    grouped = merged.groupby(["fold", "clip"], as_index=False)["rank"].agg(["max", "size"])
    everywhere = grouped["size"] == grouped["fold"].map(parts)
    kept = grouped[everywhere | (grouped["max"] > 0)].reset_index(drop=True)
    return pd.DataFrame(
        {
            "fold": kept["fold"],
            "clip": kept["clip"],
            "role": kept["max"].map(dict(enumerate(ROLES))),
        }
    )


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
    if clips.empty:
        corpora = ", ".join(sorted(manifest["corpus"].unique()))
        raise SerError(
            f"No clip of {corpora} is of gender {gender}; choose another in params.yaml."
        )
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


def in_order(folds: pd.DataFrame) -> pd.DataFrame:
    """The table's own columns, sorted by fold and clip: equal tables are equal row by row."""
    folds = folds[["fold", "clip", "role"]]
    if folds["fold"].nunique() == 1:  # much faster, most of all where they are in order
        return folds.sort_values("clip", kind="stable", ignore_index=True)
    return folds.sort_values(["fold", "clip"], ignore_index=True)


def hash_folds(folds: pd.DataFrame) -> str:
    """SHA-256 of a fold table, whatever the order of its rows."""
    digest = hashlib.sha256()
    for text in csv_texts([in_order(folds)]):
        digest.update(text)
    return digest.hexdigest()


def write_each_fold(path: Path, folds: Iterable[pd.DataFrame]) -> str:
    """Write a fold table as its folds come, in the order of their numbers.

    Returns:
        What `hash_folds` gives of all of it.
    """
    digest = hashlib.sha256()
    with whole_file(path) as aside, aside.open("wb") as file:
        for text in csv_texts(map(in_order, folds)):
            digest.update(text)
            file.write(text)
    return digest.hexdigest()


def read_folds(path: Path) -> pd.DataFrame:
    """Read a fold table, which has a row for each fold and clip: clips and roles are categories.

    Raises:
        SerError: if it is missing or damaged.
    """
    folds, clips, roles = array("q"), Names(), Names(ROLES)
    for part in _TABLE.read_parts(path):
        folds.extend(part["fold"])
        clips.extend(part["clip"])
        roles.extend(part["role"])
    numbers = np.frombuffer(folds, np.int64)
    return pd.DataFrame({"fold": numbers, "clip": clips.column(), "role": roles.column()})


def in_parts(folds: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The rows of a fold table, all of some folds at a time: of a small one, all at once."""
    numbers = np.sort(folds["fold"].unique())
    at_once = max(1, _ROWS * len(numbers) // max(len(folds), 1))
    for begin in range(0, len(numbers), at_once):
        yield folds[folds["fold"].isin(numbers[begin : begin + at_once])]
