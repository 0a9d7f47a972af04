"""The texts: tables that the pipeline makes, in the README, the docs and the models' cards."""

from pathlib import Path

import pandas as pd

from ser.core.settings import load_values
from ser.guards.protocol import NO_MARK
from ser.reports.markdown import (
    Language,
    markdown_table,
    number,
    put_between,
    say,
    with_interval,
)
from ser.reports.review.model_card import write_cards
from ser.reports.systems import SVM, baselines_of
from ser.reports.tables import RESULTS, read_rows, update_studies
from ser.shortcuts.verdicts import CUE_WORDS, read_shortcuts

_ENDINGS: dict[Language, str] = {"en": ".md", "es": ".es.md"}
_SCORES = (
    "system",
    "protocol",
    "UAR in % (95 % interval)",
    "deviation over seeds",
    "accuracy in %",
    "calibrated ECE in %",
    "clips / speakers",
    "parameters",
)
_CAPTION = "The same systems beside what needs no network (UAR, %):"
_SHORTCUTS = "shortcuts"
_CUES = (
    "corpus",
    "what is heard",
    "UAR in % (95 % interval)",
    "chance",
    "speakers with one emotion only",
)


def update_texts(root: Path = Path()) -> None:
    """Put all tables of results into the texts, and write the models' cards.

    Raises:
        SerError: if results are missing.
    """
    plots, docs = root / "plots", root / "docs"
    systems = all_systems(plots)
    for language, ending in _ENDINGS.items():
        readme = root / f"README{ending}"
        put_between(readme, RESULTS, results_table(systems, language))
        put_between(readme, _SHORTCUTS, shortcuts_table(plots, language))
    for path in sorted(docs.glob("*.md")):
        update_studies(path, plots, "es" if path.name.endswith(_ENDINGS["es"]) else "en")
    write_cards(load_values(root / "params.yaml"), root)


def all_systems(plots: Path) -> pd.DataFrame:
    """The systems, and below them those that the study of protocols trains, where it was run.

    Raises:
        SerError: if there is no table of systems.
    """
    found = sorted((plots / "studies/protocols").glob("*.csv"))
    protocols = [path for path in found if not path.stem.endswith("_predictions")]
    tables = [read_rows(path, "run `dvc repro`") for path in (plots / "systems.csv", *protocols)]
    return pd.concat(tables, ignore_index=True)


def results_table(systems: pd.DataFrame, language: Language) -> str:
    """Two Markdown tables, scores and baselines, of the systems in `plots/systems.csv`.

    A system whose protocol has a mark shows it in bold; a dash stands for what there is none of,
    such as the deviation of a single seed.
    """
    baselines = baselines_of(systems)
    rows = [row for _, row in systems.iterrows()]
    scores = [_scores(row, language) for row in rows]
    beside = [_beside(row, baselines, language) for row in rows]
    header = [say(words, language) for words in ("system", "UAR of the system", *baselines)]
    header = [
        f"{words} ({say('95 % interval', language)})" if words == say(SVM, language) else words
        for words in (*header, say("chance", language))
    ]
    above = markdown_table([say(words, language) for words in _SCORES], scores, names=2)
    return f"{above}\n\n{say(_CAPTION, language)}\n\n{markdown_table(header, beside)}"


def shortcuts_table(plots: Path, language: Language) -> str:
    """A Markdown table of what warns of a shortcut, in the corpora whose shortcuts were measured.

    Raises:
        SerError: if a table is damaged.
    """
    rows = []
    for path in sorted((plots / "studies/shortcuts").glob("*.csv")):
        table = read_shortcuts(path).rename(columns={"low": "uar_low", "high": "uar_high"})
        rows += [
            [
                f"`{path.stem}`",
                say(CUE_WORDS[row["cue"]], language),
                with_interval(row, "uar", language),
                number(row["chance"], language),
                f"{row['one_emotion']} / {row['speakers']}",
            ]
            for _, row in table[table["warns"]].iterrows()
        ]
    return markdown_table([say(words, language) for words in _CUES], rows, names=2)


def _scores(row: pd.Series, language: Language) -> list[str]:
    return [
        f"`{row['system']}`",
        f"`{row['protocol']}`{_mark(row)}",
        with_interval(row, "uar", language),
        number(row["uar_deviation"], language),
        number(row["accuracy"], language),
        number(row["ece"], language),
        f"{row['n_clips']:.0f} / {row['n_speakers']:.0f}",
        f"{row['parameters']:.0f}",
    ]


def _beside(row: pd.Series, baselines: list[str], language: Language) -> list[str]:
    return [
        f"`{row['system']}`{_mark(row)}",
        number(row["uar"], language),
        *(
            with_interval(row, f"baseline_{name}", language)
            if name == SVM
            else number(row[f"baseline_{name}"], language)
            for name in baselines
        ),
        number(row["chance"], language),
    ]


def _mark(row: pd.Series) -> str:
    return "" if row["mark"] == NO_MARK else f" **{row['mark']}**"
