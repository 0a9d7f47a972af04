"""Tables in texts: numbers of two languages, and markers outside of which nothing changes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ser.reports.markdown
from ser.core.errors import SerError
from ser.reports.markdown import (
    DASH,
    begin,
    between,
    end,
    markdown_table,
    marked,
    number,
    put_between,
    say,
    with_interval,
)

BEGIN, END = begin("results"), end("results")


def test_a_number_of_numpy_is_rounded_as_any_other() -> None:
    assert number(np.float64(66.35), "en") == number(66.35, "en")


@pytest.mark.parametrize(
    ("value", "options", "english"),
    [
        (3.14159, {}, "3.1"),
        (3.14159, {"decimals": 3}, "3.142"),
        (2.0, {"signed": True}, "+2.0"),
        (-2.0, {}, "\N{MINUS SIGN}2.0"),
        (-0.04, {}, "0.0"),
        (None, {}, DASH),
        (float("nan"), {}, DASH),
    ],
)
def test_numbers_read_as_in_each_language(value: float, options: dict, english: str) -> None:
    assert number(value, "en", **options) == english
    assert number(value, "es", **options) == english.replace(".", ",")


def test_words_are_said_in_each_language_and_names_stay() -> None:
    assert say("female", "en") == "women"
    assert say("female", "es") == "mujeres"
    assert say("loudness", "en") == "loudness"
    assert say("loudness", "es") == "sonoridad"
    assert say("ravdess", "es") == say("ravdess", "en") == "ravdess"


def test_every_word_has_a_spanish_one_and_stands_once() -> None:
    path = Path(ser.reports.markdown.__file__).with_name("words.csv")
    words = pd.read_csv(path, keep_default_na=False)
    assert (words["es"] != "").all()
    assert (words["es"] != words["words"]).all(), "a word that needs no row has one"
    assert not words["words"].duplicated().any()


def test_an_interval_stands_where_it_is_known() -> None:
    row = pd.Series({"uar": 70.0, "uar_low": 60.0, "uar_high": 80.0})
    assert with_interval(row, "uar", "en") == f"70.0 (60.0{DASH}80.0)"
    assert with_interval(row, "uar", "es", signed=True) == f"+70,0 (+60,0 {DASH} +80,0)"
    row["uar_low"] = None
    assert with_interval(row, "uar", "en") == "70.0"


def test_names_stand_to_the_left_and_numbers_to_the_right() -> None:
    lines = markdown_table(("a", "b", "c"), [("x", "y", "1.0")], names=2).splitlines()
    assert lines == ["| a | b | c |", "| --- | --- | ---: |", "| x | y | 1.0 |"]


def test_what_is_marked_is_found() -> None:
    text = f"before\n{begin('one')}\n| x |\n\n| y |\n{end('one')}\n{begin('two/three')}\n"
    assert marked(text) == ["one", "two/three"]
    assert between(text, "one") == "| x |\n\n| y |"


def test_only_what_stands_between_the_markers_changes(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"# Title\n\nñ before\n\n{BEGIN}\nold\n{END}\n\nafter\n", encoding="utf-8")
    put_between(path, "results", "| new |")
    expected = f"# Title\n\nñ before\n\n{BEGIN}\n| new |\n{END}\n\nafter\n"
    assert path.read_text(encoding="utf-8") == expected
    put_between(path, "results", "| new |")
    assert path.read_text(encoding="utf-8") == expected, "a second update changes it again"


@pytest.mark.parametrize(
    "text",
    [
        "no markers",
        BEGIN,
        END,
        f"{END}\n{BEGIN}",
        f"{BEGIN}\n{BEGIN}\n{END}",
        f"{BEGIN}\n{END}\n{END}",
    ],
)
def test_a_text_without_its_markers_is_left_alone(text: str, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SerError, match="once each and in this order"):
        put_between(path, "results", "table")
    assert path.read_text(encoding="utf-8") == text
