"""Tables of the studies in the texts: the same numbers in both languages, every name translated."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ser.core.files import write_csv
from ser.reports.markdown import Language, begin, between, end, say
from ser.reports.tables import study_table, study_tables, update_studies
from studies import (
    augmentations,
    cross_lingual,
    gender,
    importance,
    ladder,
    notebooks,
)
from tests.builders import REPOSITORY
from tests.conftest import Refused

SCORES = {"mark": "none", "uar": 61.26, "uar_low": 50.1, "uar_high": 70.0, "uar_deviation": 1.5}
GAIN = {"difference": -2.04, "difference_low": -5.0, "difference_high": 1.0, "accuracy": 63.0}


def rows(**columns: Any) -> pd.DataFrame:
    """Scored rows with these columns; the second has neither interval nor gain."""
    gaps = {"uar_low": None, "uar_high": None, "difference": None, "uar_deviation": None}
    table = pd.DataFrame(columns).assign(**SCORES, **GAIN)
    return table.assign(**{key: [SCORES.get(key, 1.0), *[None] * (len(table) - 1)] for key in gaps})


RUNGS = [rung.name for rung in ladder.RUNGS]
# a table of every kind, as the studies write them
STUDIES = {
    "ladder/a": rows(name=RUNGS, protocol="p").assign(
        mark=[
            "LEAKY: take" if rung.protocol.startswith("leaky") else "none" for rung in ladder.RUNGS
        ]
    ),
    "gender/a": rows(name=[gender.BOTH, gender.BOTH, gender.OWN], tested=["all", "male", "all"]),
    "speaker_normalisation/a": rows(clips=[0, 5]),
    "cross_lingual/a": rows(
        model=["network", "network", "functionals and SVM"],
        trained_on=["a", "all others", "all corpora"],
        tested_on=["a", "b", "a"],
    ),
    "cross_lingual/a_curve": rows(
        tested_on=["a", "a", "b", "b"], label=["none", "all", "none", "all"], within=50.0
    ),
    "cross_lingual/a_gains": rows(tested_on=["a", "b"], alone=60.0, chance=25.0),
    "notebooks/a": rows(name="1: larger, SGD", split=["own", "ours"], training_accuracy=99.0),
    "card/a": pd.DataFrame(
        [
            {
                "emotion": emotion,
                "gender": who,
                "n_clips": clips,
                "n_speakers": 3,
                "speech_s": speech,
            }
            | {"silence_percent": 40.0, "level_db": -45.0}
            for emotion in ("sad", "angry")
            for who, clips, speech in (("female", 30, 1.0), ("male", 10, 2.0))
        ]
    ),
    "optimizers/a": rows(name=["SGD with momentum", "Muon"], rate=[0.03, 0.5], validation_uar=70.0),
    "augmentations/a": rows(name=["none", "all five"]),
    "importance/a": rows(
        name=["all groups", "energy", "energy", "energy", "energy"],
        way=["alone", "alone", "without", "permuted", "occluded"],
        functionals=[90, 20, 20, 20, 20],
    ),
}
# how many tables each text has at least
TEXTS = {
    "results": 3,
    "corpora": 5,
    "optimizers": 1,
    "augmentation": 1,
    "features": 1,
    "languages": 3,
}


@pytest.fixture
def plots(tmp_path: Path) -> Path:
    for name, table in STUDIES.items():
        write_csv(tmp_path / f"studies/{name}.csv", table, decimals=2)
    return tmp_path


def numbers(table: str) -> list[str]:
    return re.findall(r"\d+[.,]\d", table)


@pytest.mark.parametrize("name", STUDIES)
def test_both_languages_have_the_same_cells(name: str, plots: Path) -> None:
    english, spanish = (study_table(name, plots, language) for language in ("en", "es"))
    assert len(english.splitlines()) == len(spanish.splitlines()) > 3
    widths = {line.count("|") for line in (english + "\n" + spanish).splitlines()}
    assert len(widths) == 1, "rows differ in their number of cells"
    assert [cell.replace(".", ",") for cell in numbers(english)] == numbers(spanish)
    assert len(numbers(english)) > 2
    assert english.splitlines()[0] != spanish.splitlines()[0]
    assert "nan" not in english


def test_cells_stand_where_they_belong(plots: Path) -> None:
    by_gender = study_table("gender/a", plots, "en")
    assert "| trained on | everybody | men |" in by_gender
    score = "61.3 (50.1–70.0)"  # noqa: RUF001
    assert f"| women and men | {score} | 61.3 |" in by_gender
    assert "| own gender | 61.3 | – |" in by_gender  # noqa: RUF001
    curve = study_table("cross_lingual/a_curve", plots, "en")
    assert "| tested on | none | all that remain | alone, all speakers |" in curve
    assert "| b | 61.3 | 61.3 | 50.0 |" in curve
    groups = study_table("importance/a", plots, "en")
    assert f"| all groups | 90 | {score} | – | – | – |" in groups  # noqa: RUF001
    card = study_table("card/a", plots, "en")
    assert "| `sad` | 40 | 6 | 1.2 | 40.0 | \N{MINUS SIGN}45.0 |" in card, "weighted by clips"
    assert "| SGD con momento | 0,03 |" in study_table("optimizers/a", plots, "es")


def test_every_name_has_a_spanish_one() -> None:
    names = [*RUNGS, gender.BOTH, gender.HALF, gender.OWN, gender.OTHER]
    names += [cross_lingual.OTHERS, cross_lingual.EVERY, cross_lingual.NETWORK, cross_lingual.SVM]
    names += [one.name for one in (*notebooks.NOTEBOOKS, *augmentations.WAYS)]
    names += [importance.ALL, *(name for name in importance.GROUPS if name != "MFCC")]
    names += ["all", "female", "male", "own", "ours", "none"]
    for name in names:
        assert say(name, "es") != name, f"{name} is not translated"


def test_leaky_rungs_stand_in_bold(plots: Path) -> None:
    lines = study_table("ladder/a", plots, "en").splitlines()[2:]
    for rung, line in zip(ladder.RUNGS, lines, strict=True):
        assert (f"**{rung.name}**" in line) == rung.protocol.startswith("leaky"), line


def test_only_the_tables_of_a_text_change(plots: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.md"
    before = f"# Title\n\n{begin('ladder/a')}\n{end('ladder/a')}\n\nafter\n"
    text.write_text(before, encoding="utf-8")
    update_studies(text, plots, "en")
    now = text.read_text(encoding="utf-8")
    table = study_table("ladder/a", plots, "en")
    assert now == before.replace(end("ladder/a"), f"{table}\n{end('ladder/a')}")


def test_a_table_of_nothing_is_refused(plots: Path, refused: Refused) -> None:
    with refused("weather/a", "there are tables of"):
        study_table("weather/a", plots, "en")
    with refused("ladder/z.csv is missing", "make studies"):
        study_table("ladder/z", plots, "en")


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("text_name", TEXTS)
def test_texts_show_the_results_that_lie_beside_them(text_name: str, language: Language) -> None:
    name = f"docs/{text_name}.md" if language == "en" else f"docs/{text_name}.es.md"
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    assert len(study_tables(text)) >= TEXTS[text_name], f"{name} has lost its tables"
    for table in study_tables(text):
        shown = between(text, table)
        assert shown == study_table(table, REPOSITORY / "plots", language), (
            f"{table} in {name} is out of step; run `ser readme`"
        )
