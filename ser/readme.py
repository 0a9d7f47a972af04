"""The results in the README: tables that the pipeline makes from `plots/systems.csv`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from ser.errors import SerError
from ser.evaluation.marks import NO_MARK
from ser.evaluation.report import FLOORS
from ser.files import whole_file

Language = Literal["en", "es"]
BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
_DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class _Words:
    """What a language calls the columns, and its decimal sign."""

    scores: tuple[str, ...]
    floors: tuple[str, ...]
    caption: str
    point: str


_WORDS = {
    "en": _Words(
        scores=(
            "system",
            "protocol",
            "UAR in % (95 % interval)",
            "deviation over seeds",
            "accuracy in %",
            "calibrated ECE in %",
            "clips / speakers",
            "parameters",
        ),
        floors=(
            "system",
            "UAR of the system",
            "functionals, linear",
            "functionals and SVM (95 % interval)",
            "loudness",
            "duration",
            "speaker's majority class",
            "majority class",
            "chance",
        ),
        caption="The same systems beside what needs no network (UAR, %):",
        point=".",
    ),
    "es": _Words(
        scores=(
            "sistema",
            "protocolo",
            "UAR en % (intervalo del 95 %)",
            "desviación sobre semillas",
            "exactitud en %",
            "ECE calibrado en %",
            "clips / hablantes",
            "parámetros",
        ),
        floors=(
            "sistema",
            "UAR del sistema",
            "funcionales, lineal",
            "funcionales y SVM (intervalo del 95 %)",
            "sonoridad",
            "duración",
            "clase mayoritaria del hablante",
            "clase mayoritaria",
            "azar",
        ),
        caption="Los mismos sistemas junto a lo que no necesita red (UAR, %):",
        point=",",
    ),
}


def results_table(systems: pd.DataFrame, language: Language) -> str:
    """Two Markdown tables, scores and floors, of the systems in `plots/systems.csv`.

    Scores and calibration errors are in percent. A system whose protocol has a mark shows it in
    bold; a dash stands for what there is none of, such as the deviation of a single seed.
    """
    words = _WORDS[language]
    rows = [row for _, row in systems.iterrows()]
    scores = _markdown(words.scores, [_scores(row, words.point) for row in rows])
    floors = _markdown(words.floors, [_floors(row, words.point) for row in rows])
    return f"{scores}\n\n{words.caption}\n\n{floors}"


def _scores(row: pd.Series, point: str) -> list[str]:
    return [
        f"`{row['system']}`",
        f"`{row['protocol']}`{_mark(row)}",
        _with_interval(row, "uar", point),
        _number(row["uar_deviation"], point),
        _number(row["accuracy"], point),
        _number(100 * row["ece_calibrated"], point),
        f"{row['n_clips']} / {row['n_speakers']}",
        str(row["parameters"]),
    ]


def _floors(row: pd.Series, point: str) -> list[str]:
    linear, svm, *others = (f"floor_{floor}" for floor in FLOORS)
    return [
        f"`{row['system']}`{_mark(row)}",
        _number(row["uar"], point),
        _number(row[linear], point),
        _with_interval(row, svm, point),
        *(_number(row[column], point) for column in (*others, "chance")),
    ]


def _mark(row: pd.Series) -> str:
    return "" if row["mark"] == NO_MARK else f" **{row['mark']}**"


def _with_interval(row: pd.Series, column: str, point: str) -> str:
    low, high = (_number(row[f"{column}_{end}"], point) for end in ("low", "high"))
    score = _number(row[column], point)
    return score if _DASH in (low, high) else f"{score} ({low}{_DASH}{high})"


def _number(value: float | None, point: str) -> str:
    return _DASH if value is None or pd.isna(value) else f"{value:.1f}".replace(".", point)


def _markdown(header: tuple[str, ...], rows: list[list[str]]) -> str:
    # names to the left, numbers to the right
    rule = ["---" if any("`" in row[n] for row in rows) else "---:" for n in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))


def update_readme(path: Path, table: str) -> None:
    """Put a table between the two result markers of a text, in place of what stands there.

    Raises:
        SerError: if the text does not have each marker once, in order.
    """
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SerError(f"{path} needs the lines {BEGIN} and {END}, once each and in this order.")
    with whole_file(path) as aside:
        aside.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
