"""Tables of results in the README are made from the table of systems."""

from pathlib import Path

import pandas as pd
import pytest

from ser.files import write_csv
from ser.readme import results_table

LEAK = "LEAKY: speaker, take, duplicate audio"
ROW = {
    "system": "tiny",
    "protocol": "leave_one_speaker_out",
    "mark": "none",
    "uar": 71.23,
    "uar_low": 60.1,
    "uar_high": 80.94,
    "uar_deviation": 1.26,
    "accuracy": 72.5,
    "ece_calibrated": 0.0432,
    "chance": 12.5,
    "floor_functionals_linear": 58.88,
    "floor_functionals_svm": 55.55,
    "floor_functionals_svm_low": 44.4,
    "floor_functionals_svm_high": 66.6,
    "floor_loudness": 33.3,
    "floor_duration": 22.2,
    "floor_speaker_majority": 15.1,
    "floor_majority": 12.4,
    "n_clips": 1440,
    "n_speakers": 24,
    "parameters": 69657,
}


def systems(folder: Path, *changes: dict) -> pd.DataFrame:
    """Systems as they are read from `plots/systems.csv`."""
    path = folder / "systems.csv"
    write_csv(path, pd.DataFrame([{**ROW, **change} for change in changes]), decimals=4)
    return pd.read_csv(path)


def cells(table: str, system: str = "tiny") -> list[list[str]]:
    """Cells of a system's row in each of the two tables."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith(f"| `{system}`")
    ]


def test_scores_and_floors_of_a_system_stand_in_its_rows(tmp_path: Path) -> None:
    scores, floors = cells(results_table(systems(tmp_path, {}), "en"))
    assert scores == [
        "`tiny`",
        "`leave_one_speaker_out`",
        "71.2 (60.1–80.9)",  # noqa: RUF001
        "1.3",
        "72.5",
        "4.3",
        "1440 / 24",
        "69657",
    ]
    svm = "55.5 (44.4–66.6)"  # noqa: RUF001
    assert floors == ["`tiny`", "71.2", "58.9", svm, "33.3", "22.2", "15.1", "12.4", "12.5"]


def test_spanish_has_the_same_cells_with_decimal_commas(tmp_path: Path) -> None:
    table = systems(tmp_path, {}, {"system": "other", "mark": LEAK})
    english, spanish = results_table(table, "en"), results_table(table, "es")
    for system in ("tiny", "other"):
        for left, right in zip(cells(english, system), cells(spanish, system), strict=True):
            assert [cell.replace(".", ",") for cell in left] == right
    assert "hablantes" in spanish
    assert "speakers |" not in spanish, "a heading is not translated"


@pytest.mark.parametrize("language", ["en", "es"])
def test_tables_are_well_formed(language: str, tmp_path: Path) -> None:
    text = results_table(systems(tmp_path, {}, {"system": "other"}), language)
    for block in (part for part in text.split("\n\n") if part.startswith("|")):
        header, rule, *rows = block.splitlines()
        assert {line.count("|") for line in (header, rule, *rows)} == {header.count("|")}
        assert len(rows) == 2
    assert text.count("| --- |") == 2


def test_a_leaky_system_shows_its_mark_in_bold_in_both_tables(tmp_path: Path) -> None:
    table = systems(tmp_path, {}, {"system": "bad", "protocol": "leaky_random", "mark": LEAK})
    text = results_table(table, "en")
    for row in cells(text, "bad"):
        assert any(f"**{LEAK}**" in cell for cell in row), "a row of a leaky system has no mark"
    for row in cells(text):
        assert not any("**" in cell or "none" in cell for cell in row)


def test_what_there_is_none_of_is_a_dash(tmp_path: Path) -> None:
    nothing = {"uar_deviation": None, "uar_low": None, "uar_high": None}
    scores, _ = cells(results_table(systems(tmp_path, nothing), "en"))
    assert scores[2:4] == ["71.2", "–"]  # noqa: RUF001
    assert "nan" not in " ".join(scores).lower()
