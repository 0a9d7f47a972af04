"""Tables in texts: Markdown in two languages, between markers that name what stands there."""

import csv
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ser.core.errors import SerError
from ser.core.files import whole_file

Language = Literal["en", "es"]
# what tables say: words as the code has them, then in each language; English only where it differs
_WORDS = Path(__file__).with_name("words.csv")
DASH = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"
_POINT = {"en": ".", "es": ","}


@cache
def _phrases() -> dict[tuple[str, str], str]:
    with _WORDS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {(row["words"], name): row[name] for row in rows for name in ("en", "es") if row[name]}


def say(words: str, language: Language) -> str:
    """Words of a table in a language; what is no word of ours, such as a corpus, stays."""
    return _phrases().get((words, language), words)


def number(value: float | None, language: Language, decimals: int = 1, signed: bool = False) -> str:
    """A number in words of a language; a dash stands for none."""
    if value is None or pd.isna(value):
        return DASH
    # rounded first, so that what rounds to zero has no minus; by Python, for numpy rounds otherwise
    text = f"{round(float(value), decimals) + 0.0:{'+' if signed else ''}.{decimals}f}"
    return text.replace("-", _MINUS).replace(".", _POINT[language])


def with_interval(
    row: "pd.Series[Any]", column: str, language: Language, signed: bool = False
) -> str:
    """The value of a column, with `<column>_low` and `<column>_high` if they are known."""
    score, low, high = (
        number(row[name], language, signed=signed)
        for name in (column, f"{column}_low", f"{column}_high")
    )
    if DASH in (low, high):
        return score
    # a minus beside a dash is hard to read
    between = f" {DASH} " if signed else DASH
    return f"{score} ({low}{between}{high})"


def markdown_table(header: Sequence[str], lines: Sequence[Sequence[str]], names: int = 1) -> str:
    """A table whose first columns are names, to the left, and the others numbers, to the right."""
    rule = ["---"] * names + ["---:"] * (len(header) - names)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *lines))


def begin(name: str) -> str:
    """The line before what is called `name`."""
    return f"<!-- {name}:begin -->"


def end(name: str) -> str:
    """The line after what is called `name`."""
    return f"<!-- {name}:end -->"


def marked(text: str) -> list[str]:
    """Names of all that stands between markers in a text, in order."""
    return re.findall(r"^<!-- (\S+):begin -->$", text, re.MULTILINE)


def between(text: str, name: str) -> str:
    """What stands between the markers of `name`, without the line ends around it."""
    return text.partition(begin(name))[2].partition(end(name))[0].strip()


def put_between(path: Path, name: str, content: str) -> None:
    """Put something between two markers of a text, in place of what stands there.

    Raises:
        SerError: if the text does not have each marker once, in order.
    """
    text = path.read_text(encoding="utf-8")
    first, last = begin(name), end(name)
    before, opened, rest = text.partition(first)
    _, closed, after = rest.partition(last)
    if not (opened and closed) or text.count(first) != 1 or text.count(last) != 1:
        raise SerError(f"{path} needs the lines {first} and {last}, once each and in this order.")
    with whole_file(path) as aside:
        aside.write_text(f"{before}{first}\n{content}\n{last}{after}", encoding="utf-8")
