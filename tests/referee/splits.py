"""Splits and predictions as other people write them, whose faults are known."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ser.referee.audit import Asked, Audit, audit
from tests.builders import make_manifest

EIGHT = [f"{number:02d}" for number in range(1, 9)]


def held_out(speakers: int = 8, clips_each: int = 4, tested: int = 2) -> pd.DataFrame:
    """A clean split: the first speakers are tested, the next one validates."""
    manifest = make_manifest(speakers, clips_each=clips_each)
    names = sorted(manifest["speaker"].unique())
    roles = dict.fromkeys(names[:tested], "test") | {names[tested]: "val"}
    return pd.DataFrame(
        {
            "file": "corpus/" + manifest["clip"] + ".wav",
            "speaker": manifest["speaker"],
            "emotion": manifest["emotion"],
            "sentence": manifest["sentence"],
            "split": manifest["speaker"].map(roles).fillna("train"),
        }
    )


def folds_of_speakers(speakers: int = 6, clips_each: int = 4) -> pd.DataFrame:
    """Leave one speaker out: a row a clip, with the fold that tests it."""
    table = held_out(speakers, clips_each).drop(columns="split")
    return table.assign(fold=table["speaker"].map(int))


def submit(folder: Path, *tables: pd.DataFrame, **asked: object) -> Audit:
    """Audit tables that are written as CSV files."""
    paths = []
    for number, table in enumerate(tables):
        paths.append(folder / f"table{number}.csv")
        table.to_csv(paths[-1], index=False)
    return audit(paths, Asked(**asked))  # type: ignore[arg-type]


def crossing(table: pd.DataFrame, unit: str) -> tuple[int, int]:
    """Things on both sides and tested clips concerned, counted in another way than the audit."""
    train = set(table.loc[table["split"] != "test", unit])
    tests = table[table["split"] == "test"]
    both = [value for value in tests[unit] if value in train]
    return len(set(both)), len(both)


def change(table: pd.DataFrame, row: int, **values: str) -> pd.DataFrame:
    """The table with other values in one row."""
    changed = table.copy()
    for column, value in values.items():
        changed.loc[changed.index[row], column] = value
    return changed


Damage = Callable[[pd.DataFrame], pd.DataFrame]
