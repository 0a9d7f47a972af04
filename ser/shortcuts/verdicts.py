"""What was measured of shortcuts, in words: the one reader of its tables."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ser.core.errors import SerError
from ser.core.tables import Percent, Table
from ser.shortcuts.measure import COLUMNS, SPEAKER

_KINDS: dict[str, type[str] | type[int] | type[float]] = {
    "cue": str,
    "uar": Percent,
    "low": float,
    "high": float,
    "chance": Percent,
    "p": float,
    "warns": str,
    "speakers": int,
    "one_emotion": int,
}
_TABLE = Table("The table of shortcuts", _KINDS, "run `make studies`")
# what a cue is called, and what a model may learn from it instead of emotions
_WORDS = {
    "duration": ("Clip length", "the clock"),
    "loudness": ("The level", "the recording level"),
    "silence": ("Silence at the ends", "how clips were cut"),
    "format": ("The file format", "which files were converted"),
    "words": ("The sentence", "the words"),
    SPEAKER: ("Who speaks", "the voice"),
}
CUE_WORDS = {cue: name for cue, (name, _) in _WORDS.items()}


def table_path(corpus: str) -> str:
    """Where the table of a corpus lies, from the root of the repository."""
    return f"plots/studies/shortcuts/{corpus}.csv"


def warnings_beside(corpora: Sequence[str], root: Path = Path()) -> list[str]:
    """What is said beside a result of some corpora, as `said_of` has it.

    Raises:
        SerError: if a table is damaged.
    """
    found: list[str] = []
    for corpus in corpora:
        path = root / table_path(corpus)
        found += said_of(corpus, read_shortcuts(path) if path.exists() else None)
    return found


def said_of(corpus: str, table: pd.DataFrame | None) -> list[str]:
    """Warnings of a corpus, each with its name; or that it has none, or that none is measured."""
    if table is None:
        return [
            f"{corpus}: shortcuts are not measured yet; `ser corpora check {corpus}` measures "
            f"them, `dvc repro studies/dvc.yaml:shortcuts@{corpus}` writes their table."
        ]
    found = sentences(table) or ["No shortcut can be told from chance."]
    return [f"{corpus}: {sentence}" for sentence in found]


def sentences(table: pd.DataFrame) -> list[str]:
    """The warnings of a table of shortcuts, the worst first; none of a clean corpus."""
    if table.empty:
        return []
    found = []
    if 2 * table["one_emotion"].iloc[0] > table["speakers"].iloc[0]:
        one, all_of_them = table[["one_emotion", "speakers"]].iloc[0]
        found.append(
            f"{one} of {all_of_them} speakers show one emotion: no within-corpus score means "
            "anything."
        )
    worst = table[table["warns"]].sort_values("uar", ascending=False, kind="stable")
    return found + [f"{_measured(row)}: {_advice(row)}." for row in worst.to_dict("records")]


def described(table: pd.DataFrame) -> list[str]:
    """A sentence for every cue, whether it warns or not."""
    return [f"{_measured(row)}." for row in table.to_dict("records")]


def _measured(row: dict[str, float | str]) -> str:
    name, _ = _WORDS[str(row["cue"])]
    interval = (
        ""
        if pd.isna(row["low"]) or row["low"] == row["high"]
        else f" (95 % interval {row['low']:.0f} to {row['high']:.0f})"
    )
    scores = f"{row['uar']:.0f} %{interval} where chance is {row['chance']:.0f} %"
    return f"{name} alone recognises {scores}"


def _advice(row: dict[str, float | str]) -> str:
    return f"a model may learn {_WORDS[str(row['cue'])][1]}"


def as_written(table: pd.DataFrame) -> pd.DataFrame:
    """What `measure_shortcuts` gave, as a table has it."""
    return table.assign(warns=table["warns"].map({True: "yes", False: "no"}))[list(COLUMNS)]


def read_shortcuts(path: Path) -> pd.DataFrame:
    """What `as_written` gave, from its file.

    Raises:
        SerError: if it is missing or damaged.
    """
    return _checked(_TABLE.read(path), str(path))


def parse_shortcuts(text: str, source: str) -> pd.DataFrame:
    """The same of a text, which comes from `source`.

    Raises:
        SerError: if it is damaged.
    """
    return _checked(_TABLE.parse(text, source), source)


def _checked(table: pd.DataFrame, source: str) -> pd.DataFrame:
    right = (
        table["cue"].isin(list(_WORDS))
        & table["warns"].isin(["yes", "no"])
        & table["one_emotion"].between(0, table["speakers"])
    )
    if not right.all():
        raise SerError(
            f"{_TABLE.what} {source} must hold known cues, yes or no in the column warns, and no "
            f"more one_emotion than speakers; {_TABLE.remedy}."
        )
    return table.assign(warns=table["warns"] == "yes")
