"""The results in the README: tables that the pipeline makes from `plots/systems.csv`."""

from dataclasses import dataclass

import pandas as pd

from ser.evaluation.marks import NO_MARK
from ser.evaluation.report import FLOORS
from ser.markdown import Language, markdown_table, number, with_interval

# between which markers the tables stand
RESULTS = "results"


@dataclass(frozen=True)
class _Words:
    """What a language calls the columns."""

    scores: tuple[str, ...]
    floors: tuple[str, ...]
    caption: str


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
    ),
}


def results_table(systems: pd.DataFrame, language: Language) -> str:
    """Two Markdown tables, scores and floors, of the systems in `plots/systems.csv`.

    Scores and calibration errors are in percent. A system whose protocol has a mark shows it in
    bold; a dash stands for what there is none of, such as the deviation of a single seed.
    """
    words = _WORDS[language]
    rows = [row for _, row in systems.iterrows()]
    scores = markdown_table(words.scores, [_scores(row, language) for row in rows], names=2)
    floors = markdown_table(words.floors, [_floors(row, language) for row in rows])
    return f"{scores}\n\n{words.caption}\n\n{floors}"


def _scores(row: pd.Series, language: Language) -> list[str]:
    return [
        f"`{row['system']}`",
        f"`{row['protocol']}`{_mark(row)}",
        with_interval(row, "uar", language),
        number(row["uar_deviation"], language),
        number(row["accuracy"], language),
        number(100 * row["ece_calibrated"], language),
        f"{row['n_clips']} / {row['n_speakers']}",
        str(row["parameters"]),
    ]


def _floors(row: pd.Series, language: Language) -> list[str]:
    linear, svm, *others = (f"floor_{floor}" for floor in FLOORS)
    return [
        f"`{row['system']}`{_mark(row)}",
        number(row["uar"], language),
        number(row[linear], language),
        with_interval(row, svm, language),
        *(number(row[column], language) for column in (*others, "chance")),
    ]


def _mark(row: pd.Series) -> str:
    return "" if row["mark"] == NO_MARK else f" **{row['mark']}**"
