"""Tables of the studies in the texts: the same numbers in both languages, every name translated."""

import re
from pathlib import Path

import pandas as pd
import pytest

from ser.core.errors import SerError
from ser.core.files import write_csv
from ser.reports.markdown import Language, begin, between, end
from studies.augmentations import RECIPES, describe_recipes
from studies.card import card_table
from studies.cross_lingual import EVERY, NETWORK, OTHERS, SVM
from studies.gender import HALF, NAMES, OTHER, OWN, POOLED, describe
from studies.importance import ALL, GROUPS
from studies.ladder import RUNGS, describe_rungs
from studies.notebooks import NOTEBOOKS
from studies.speaker_normalisation import describe_counts
from ser.reports.tables import say, study_table, study_tables, update_studies
from ser.evaluation.trials import scores
from tests.builders import REPOSITORY, make_predictions
from tests.studies.test_card import make_clips
from tests.studies.test_importance import described as importance
from tests.studies.test_notebooks import study as notebooks
from tests.studies.test_optimizer_study import described as optimizers

# how many tables each text has at least
TEXTS = {"results": 6, "corpora": 3, "optimizers": 1, "augmentation": 2, "features": 1}


@pytest.fixture
def plots(tmp_path: Path) -> Path:
    """Results of every study, as the stages write them."""
    table = make_predictions(seeds=(0, 1))
    cells = [
        {"model": model, "trained_on": source, "tested_on": target, **scores(table)}
        for model in (NETWORK, SVM)
        for source in ("a", "b", OTHERS, EVERY)
        for target in ("a", "b")
    ]
    points = [
        {"tested_on": target, "label": label, "speakers": 1.0, **scores(table), "within": 50.0}
        for target in ("a", "b")
        for label in ("none", "1", "all")
    ]
    kinds = (POOLED, HALF, OWN, OTHER)
    tables = {
        "ladder/a": describe_rungs({rung.key: table for rung in RUNGS}).table,
        "gender/a": describe(dict.fromkeys(kinds, table)).table,
        "speaker_normalisation/a": describe_counts(table, table.assign(clips=5)).table,
        "cross_lingual/a": pd.DataFrame(cells),
        "cross_lingual/a_curve": pd.DataFrame(points),
        "notebooks/a": notebooks().table,
        "cards/a": card_table(make_clips()),
        "optimizers/a": optimizers().table,
        "augmentations/a": describe_recipes({recipe.key: table for recipe in RECIPES}).table,
        "importance/a_groups": importance().groups,
    }
    for name, rows in tables.items():
        write_csv(tmp_path / f"{name}.csv", rows, decimals=2)
    return tmp_path


STUDIES = (
    "ladder/a",
    "gender/a",
    "speaker_normalisation/a",
    "cross_lingual/a",
    "notebooks/a",
    "cards/a",
    "optimizers/a",
    "augmentations/a",
    "importance/a_groups",
)


def numbers(table: str) -> list[str]:
    return re.findall(r"\d+[.,]\d", table)


@pytest.mark.parametrize("name", [*STUDIES, "cross_lingual/a_curve"])
def test_both_languages_have_the_same_cells(name: str, plots: Path) -> None:
    english, spanish = (study_table(name, plots, language) for language in ("en", "es"))
    assert len(english.splitlines()) == len(spanish.splitlines()) > 3
    widths = {line.count("|") for line in (english + "\n" + spanish).splitlines()}
    assert len(widths) == 1, "rows differ in their number of cells"
    assert [cell.replace(".", ",") for cell in numbers(english)] == numbers(spanish)
    assert len(numbers(english)) > 2


def test_every_name_has_a_spanish_one() -> None:
    names = [rung.name for rung in RUNGS]
    names += [*NAMES.values(), OTHERS, EVERY, NETWORK, SVM]
    names += [notebook.name for notebook in NOTEBOOKS]
    names += [recipe.name for recipe in RECIPES]
    names += [ALL, *(name for name in GROUPS if name != "MFCC")]
    names += ["all", "female", "male", "own", "ours", "none", "SGD with momentum"]
    for name in names:
        assert say(name, "es") != name, f"{name} is not translated"
    assert say("ravdess", "es") == "ravdess"


def test_leaky_rungs_stand_in_bold(plots: Path) -> None:
    lines = study_table("ladder/a", plots, "en").splitlines()[2:]
    for rung, line in zip(RUNGS, lines, strict=True):
        assert (f"**{rung.name}**" in line) == rung.protocol.startswith("leaky"), line


def test_only_the_tables_of_a_text_change(plots: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.md"
    before = f"# Title\n\n{begin('ladder/a')}\n{end('ladder/a')}\n\nafter\n"
    text.write_text(before, encoding="utf-8")
    update_studies(text, plots, "en")
    now = text.read_text(encoding="utf-8")
    table = study_table("ladder/a", plots, "en")
    assert now == before.replace(end("ladder/a"), f"{table}\n{end('ladder/a')}")


def test_a_table_of_nothing_is_refused(plots: Path) -> None:
    with pytest.raises(SerError, match=r"there are tables of \w+, "):
        study_table("weather/a", plots, "en")
    with pytest.raises(SerError, match=r"ladder/z\.csv is missing; run `make studies`"):
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
