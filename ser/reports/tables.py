"""Tables of the studies for the texts, in the two languages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from ser.core.errors import SerError
from ser.core.tables import Table
from ser.guards.protocol import NO_MARK
from ser.reports.markdown import (
    DASH,
    Language,
    markdown_table,
    marked,
    number,
    put_between,
    say,
    with_interval,
)

# between which markers the results of the README and of a benchmark stand
RESULTS = "results"
Row = Any  # a row of a table: what it holds by column
Cell = Callable[[Row, Language], str]
Render = Callable[[pd.DataFrame, Language], str]

_UAR = "UAR in % (95 % interval)"
_GAIN = "gain in points (95 % interval)"
_SPREAD = "deviation over seeds"


def _words(column: str) -> Cell:
    return lambda row, language: say(str(row[column]), language)


def _code(column: str) -> Cell:
    return lambda row, language: f"`{row[column]}`"


def _number(column: str, decimals: int = 1) -> Cell:
    return lambda row, language: number(row[column], language, decimals)


def _interval(column: str, signed: bool = False) -> Cell:
    return lambda row, language: with_interval(row, column, language, signed)


def _bold_if_marked(column: str) -> Cell:
    def cell(row: Row, language: Language) -> str:
        name = say(str(row[column]), language)
        return name if row["mark"] == NO_MARK else f"**{name}**"

    return cell


def _shortest(column: str) -> Cell:
    def cell(row: Row, language: Language) -> str:
        text = f"{row[column]:g}"
        return text.replace(".", ",") if language == "es" else text

    return cell


def _rows(columns: dict[str, Cell], names: int = 1) -> Render:
    """A table with a line a row; `names` of its first columns are names."""

    def table(rows: pd.DataFrame, language: Language) -> str:
        lines = [[cell(row, language) for cell in columns.values()] for _, row in rows.iterrows()]
        return markdown_table([say(name, language) for name in columns], lines, names)

    return table


def _pivot(rows: dict[str, str], column: str, cell: Cell, names: int | None = None) -> Render:
    """A table with a line for each value of some columns, and a column for each of `column`.

    Args:
        rows: the columns whose values are lines, by what they are called.
        names: how many of them are names; all by default.
    """

    def table(data: pd.DataFrame, language: Language) -> str:
        heads = list(data[column].unique())
        lines = []
        for keys, some in data.groupby(list(rows.values()), sort=False):
            cells = {row[column]: cell(row, language) for _, row in some.iterrows()}
            line = [say(str(key), language) for key in keys]
            lines.append([*line, *(cells.get(head, DASH) for head in heads)])
        header = [say(str(words), language) for words in (*rows, *heads)]
        return markdown_table(header, lines, names or len(rows))

    return table


def _curve_table(rows: pd.DataFrame, language: Language) -> str:
    """A row a tested corpus; a column a number of its speakers who train."""
    within = rows.drop_duplicates("tested_on").assign(
        label="alone, all speakers", uar=lambda table: table["within"]
    )
    named = rows.assign(label=rows["label"].astype(str).replace("all", "all that remain"))
    table = _pivot({"tested on": "tested_on"}, "label", _number("uar"))
    return table(pd.concat([named, within]).sort_values("tested_on", kind="stable"), language)


def _card_table(rows: pd.DataFrame, language: Language) -> str:
    """A row an emotion, women and men together."""
    sums = rows.groupby("emotion", sort=False)[["n_clips", "n_speakers"]].sum()
    means = ["speech_s", "silence_percent", "level_db"]
    weighted = rows[means].mul(rows["n_clips"], axis=0).groupby(rows["emotion"], sort=False).sum()
    table = sums.join(weighted.div(sums["n_clips"], axis=0)).reset_index()
    return _CARD(table, language)


_CARD = _rows(
    {
        "emotion": _code("emotion"),
        "clips": _number("n_clips", 0),
        "speakers": _number("n_speakers", 0),
        "speech in s": _number("speech_s"),
        "silence in %": _number("silence_percent"),
        "level in dB": _number("level_db"),
    }
)


def _groups_table(rows: pd.DataFrame, language: Language) -> str:
    """A row a group of functionals; a column a way to ask what it is worth."""
    kinds = {
        "alone": f"alone: {_UAR}",
        "without": "without it: points",
        "permuted": "permuted: points",
        "occluded": "set to its mean: points",
    }

    def cell(row: Row, language: Language) -> str:
        alone = row["way"] == kinds["alone"]
        return with_interval(row, "uar" if alone else "difference", language, signed=not alone)

    table = _pivot({"group": "name", "functionals": "functionals"}, "way", cell, names=1)
    return table(rows.assign(way=rows["way"].map(kinds)), language)


_TABLES: dict[str, Render] = {
    "optimizers": _rows(
        {
            "optimizer": _words("name"),
            "learning rate": _shortest("rate"),
            "validation UAR in %": _number("validation_uar"),
            _UAR: _interval("uar"),
            _SPREAD: _number("uar_deviation"),
            _GAIN: _interval("difference", signed=True),
        }
    ),
    "augmentations": _rows(
        {
            "augmentation": _words("name"),
            _UAR: _interval("uar"),
            _SPREAD: _number("uar_deviation"),
            _GAIN: _interval("difference", signed=True),
        }
    ),
    "importance": _groups_table,
    "card": _card_table,
    "ladder": _rows(
        {
            "rung": _bold_if_marked("name"),
            "protocol": _code("protocol"),
            _UAR: _interval("uar"),
            _SPREAD: _number("uar_deviation"),
            _GAIN: _interval("difference", signed=True),
        },
        names=2,
    ),
    "gender": _pivot({"trained on": "name"}, "tested", _interval("uar")),
    "speaker_normalisation": _rows(
        {
            "unlabelled clips": _number("clips", 0),
            _UAR: _interval("uar"),
            _GAIN: _interval("difference", signed=True),
        }
    ),
    "cross_lingual": _pivot(
        {"model": "model", "trained on": "trained_on"}, "tested_on", _interval("uar")
    ),
    "cross_lingual_curve": _curve_table,
    "cross_lingual_gains": _rows(
        {
            "tested on": _code("tested_on"),
            "chance": _number("chance"),
            "alone": _number("alone"),
            "one for all": _interval("uar"),
            _GAIN: _interval("difference", signed=True),
        }
    ),
    "notebooks": _rows(
        {
            "notebook": _words("name"),
            "split": _bold_if_marked("split"),
            _UAR: _interval("uar"),
            "accuracy in %": _number("accuracy"),
            "training accuracy in %": _number("training_accuracy"),
        },
        names=2,
    ),
}


def study_table(name: str, plots: Path, language: Language) -> str:
    """The table called `<study>/<subject>`, from `plots/studies/<study>/<subject>.csv`.

    Raises:
        SerError: if there is no such study, or its results are missing.
    """
    study, _, subject = name.partition("/")
    kinds = (study + ending for ending in ("_curve", "_gains") if subject.endswith(ending))
    kind = next(kinds, study)
    if kind not in _TABLES:
        known = ", ".join(_TABLES)
        raise SerError(f"A text asks for the table {name}; there are tables of {known}.")
    rows = read_rows(plots / f"studies/{study}/{subject}.csv", "run `make studies`")
    return _TABLES[kind](rows, language)


def read_rows(path: Path, remedy: str) -> pd.DataFrame:
    """A table of results; columns that hold numbers and gaps only are numbers.

    Raises:
        SerError: if it is missing, with the remedy, or is no table.
    """
    return Table("The table", {}, remedy).read(path).apply(_as_numbers)


def _as_numbers(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Numbers, with gaps, where a column holds nothing else."""
    known = column[column.astype(str) != ""]
    numbers = pd.to_numeric(known, errors="coerce")
    return column if numbers.isna().any() else numbers.reindex(column.index)


def study_tables(text: str) -> list[str]:
    """Names of the tables of studies in a text; names without a slash are those of benchmarks."""
    return [name for name in marked(text) if "/" in name]


def update_studies(path: Path, plots: Path, language: Language) -> None:
    """Bring every table of a text up to date."""
    for name in study_tables(path.read_text(encoding="utf-8")):
        put_between(path, name, study_table(name, plots, language))
