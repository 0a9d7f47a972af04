"""A page for every system: each clip's answer, in a table that can be sorted and filtered."""

from html import escape
from pathlib import Path

import pandas as pd

from ser.markdown import Language, number
from ser.params import Params
from ser.splits.protocols import find_protocol

FOLDER = "docs/answers"

_TITLE = {"en": "Answers of `{system}`", "es": "Respuestas de `{system}`"}
_INTRODUCTION = {
    "en": (
        "Every clip, with the answer of models that never heard its speaker: the most probable "
        "emotion, mean over all seeds. The surest mistakes come first; press a heading to sort, "
        "type to filter (`angry fearful 18`). *Right* is the share of seeds that recognise the "
        "clip. Protocol: `{protocol}`{mark}. The same as a file: "
        "[plots/mistakes/{system}.csv](../../plots/mistakes/{system}.csv)."
    ),
    "es": (
        "Cada clip, con la respuesta de modelos que nunca oyeron a su hablante: la emoción más "
        "probable, media de todas las semillas. Los errores más seguros van primero; pulse un "
        "encabezado para ordenar, escriba para filtrar (`angry fearful 18`). *Acierto* es la parte "
        "de las semillas que reconocen el clip. Protocolo: `{protocol}`{mark}. Lo mismo como "
        "archivo: [plots/mistakes/{system}.csv](../../plots/mistakes/{system}.csv)."
    ),
}
_FIGURE = {
    "en": "Pairs that are confused, and how sure right and wrong answers are",
    "es": "Pares que se confunden, y cuán seguras son las respuestas correctas y las falsas",
}
_FILTER = {"en": "filter", "es": "filtrar"}
_HEADINGS = {
    "en": ("clip", "speaker", "gender", "true", "answer", "probability", "of the true", "right"),
    "es": (
        "clip",
        "hablante",
        "género",
        "verdadera",
        "respuesta",
        "probabilidad",
        "de la verdadera",
        "acierto",
    ),
}


def answers_page(system: str, params: Params, plots: Path, language: Language) -> str:
    """The page of one system, in Markdown."""
    protocol = params.system(system).protocol
    mark = find_protocol(protocol).mark
    table = pd.read_csv(
        plots / "mistakes" / f"{system}.csv", dtype={"speaker": str}, keep_default_na=False
    )
    words = {"system": system, "protocol": protocol, "mark": f" (**{mark}**)" if mark else ""}
    figure = f"![{_FIGURE[language]}](../../plots/mistakes/{system}.png)"
    return "\n\n".join(
        [
            f"# {_TITLE[language].format(**words)}",
            _INTRODUCTION[language].format(**words),
            figure,
            _html_table(table, language),
            "",
        ]
    )


def _html_table(table: pd.DataFrame, language: Language) -> str:
    headings = "".join(
        f'<th scope="col"><button type="button">{name}</button></th>'
        for name in _HEADINGS[language]
    )
    rows = "\n".join(_row(row, language) for _, row in table.iterrows())
    label = _FILTER[language]
    return (
        f'<input class="answers-filter" type="search" placeholder="{label}" aria-label="{label}">\n'
        f'<div class="answers"><table class="answers-table"><thead><tr>{headings}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(row: "pd.Series", language: Language) -> str:
    names = (row["clip"], row["speaker"], row["gender"], row["emotion"], row["answer"])
    values = (row["confidence"], row["of_truth"], row["right"])
    cells = "".join(f"<td>{escape(str(name))}</td>" for name in names)
    cells += "".join(f'<td class="number">{number(value, language, 2)}</td>' for value in values)
    wrong = "" if row["emotion"] == row["answer"] else ' class="wrong"'
    return f"<tr{wrong}>{cells}</tr>"
