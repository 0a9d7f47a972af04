"""A page for every system: each clip's answer, in a table that can be sorted and filtered."""

from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from ser.guards.protocol import Protocol
from ser.reports.markdown import Language, number, say

FOLDER = "docs/answers"
# where the table goes when the page is built: neither Markdown nor the search should read it
PLACE = "<!-- answers -->"

_TITLE = "Answers of `{system}`"
_INTRODUCTION = (
    "Every clip, with the answer of models that never heard its speaker: the most probable "
    "emotion, mean over all seeds. The surest mistakes come first; press a heading to sort, type "
    "to filter (`angry fearful 18`). *Right* is the share of seeds that recognise the clip. "
    "Protocol: `{protocol}`{mark}. The same as a file: [{table}](../../{table})."
)
_FIGURE = "Pairs that are confused, and how sure right and wrong answers are"
_HEADINGS = (
    "clip",
    "speaker",
    "gender",
    "true",
    "answer",
    "probability",
    "of the true",
    "right",
)


def table_path(system: str) -> str:
    """Where the table of a system's answers lies in the repository."""
    return f"plots/studies/mistakes/{system}.csv"


def answers_page(system: str, protocol: Protocol, language: Language) -> str:
    """The page of one system that was tested under a protocol, in Markdown; without its table."""
    path = table_path(system)
    mark = f" (**{protocol.mark}**)" if protocol.mark else ""
    words = {"system": system, "protocol": protocol.name, "mark": mark}
    figure = path.replace("mistakes", "figures/mistakes").replace(".csv", ".png")
    return "\n\n".join(
        [
            f"# {say(_TITLE, language).format(**words)}",
            say(_INTRODUCTION, language).format(**words, table=path),
            f"![{say(_FIGURE, language)}](../../{figure})",
            PLACE,
            "",
        ]
    )


def read_answers(path: Path) -> pd.DataFrame:
    """The table of a system's answers, one row a clip."""
    return pd.read_csv(path, dtype={"speaker": str}, keep_default_na=False)


def answers_table(table: pd.DataFrame, language: Language) -> str:
    """The table of a page, in HTML: one row a clip."""
    headings = "".join(
        f'<th scope="col"><button type="button">{say(name, language)}</button></th>'
        for name in _HEADINGS
    )
    rows = "\n".join(_row(row, language) for row in table.itertuples())
    label = say("filter", language)
    return (
        f'<input class="answers-filter" type="search" placeholder="{label}" aria-label="{label}">\n'
        f'<div class="answers"><table class="answers-table"><thead><tr>{headings}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(row: Any, language: Language) -> str:
    names = (row.clip, row.speaker, row.gender, row.emotion, row.answer)
    values = (row.confidence, row.of_truth, row.right)
    cells = "".join(f"<td>{escape(str(name))}</td>" for name in names)
    cells += "".join(f'<td class="number">{number(value, language, 2)}</td>' for value in values)
    wrong = "" if row.emotion == row.answer else ' class="wrong"'
    return f"<tr{wrong}>{cells}</tr>"
