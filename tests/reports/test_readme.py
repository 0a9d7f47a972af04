"""Tables of results in the texts are made from the tables of the graph."""

from pathlib import Path

import pandas as pd
import pytest

from ser.core.files import write_csv
from ser.reports.markdown import begin, end
from ser.reports.readme import results_table, update_texts
from tests.conftest import Refused
from tests.reports.builders import write_shortcuts

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
    "ece": 4.32,
    "chance": 12.5,
    "baseline_functionals_linear": 58.88,
    "baseline_functionals_svm": 55.55,
    "baseline_loudness": 33.3,
    "baseline_speaker_majority": 15.1,
    "baseline_functionals_svm_low": 44.4,
    "baseline_functionals_svm_high": 66.6,
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


def test_scores_and_baselines_of_a_system_stand_in_its_rows(tmp_path: Path) -> None:
    text = results_table(systems(tmp_path, {}), "en")
    scores, baselines = cells(text)
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
    assert baselines == ["`tiny`", "71.2", "58.9", svm, "33.3", "15.1", "12.5"]
    header = "| functionals, linear | functionals and SVM (95 % interval) | loudness | "
    assert f"{header}speaker's majority class | chance |" in text


def test_spanish_has_the_same_cells_with_decimal_commas(tmp_path: Path) -> None:
    table = systems(tmp_path, {}, {"system": "other", "mark": LEAK})
    english, spanish = results_table(table, "en"), results_table(table, "es")
    for system in ("tiny", "other"):
        for left, right in zip(cells(english, system), cells(spanish, system), strict=True):
            assert [cell.replace(".", ",") for cell in left] == right
    for words in ("hablantes |", "funcionales y SVM (intervalo del 95 %)", "azar |"):
        assert words in spanish
    for block in (part.splitlines()[0] for part in spanish.split("\n\n")):
        assert block not in english, f"a heading is not translated: {block}"


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


def test_texts_in_both_languages_get_their_tables(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "plots").mkdir()
    systems(tmp_path / "plots", {"uar_deviation": None})
    protocols = tmp_path / "plots/studies/protocols"
    protocols.mkdir(parents=True)
    systems(protocols, {"system": "other_protocol"})
    (protocols / "other_predictions.csv").write_text("clip\n", encoding="utf-8")
    (tmp_path / "params.yaml").write_text("systems: {}\n", encoding="utf-8")
    write_csv(
        tmp_path / "plots/studies/gender/a.csv",
        pd.DataFrame([{"name": "own gender", "tested": "all", "uar": 1.5}]).assign(
            uar_low=1.0, uar_high=2.0
        ),
    )
    cue = {"uar": 78.0, "low": 70.0, "high": 85.0, "chance": 20.0, "p": 0.001, "warns": True}
    cues = [{**cue, "cue": "duration"}, {**cue, "cue": "words", "uar": 12.5, "warns": False}]
    write_shortcuts(tmp_path, "a", cues)
    for ending in (".md", ".es.md"):
        marks = f"{begin('results')}\n{end('results')}\n"
        more = f"{begin('shortcuts')}\n{end('shortcuts')}\n"
        (tmp_path / f"README{ending}").write_text(marks + more, encoding="utf-8")
        study = f"{begin('gender/a')}\n{end('gender/a')}\n"
        (tmp_path / f"docs/other{ending}").write_text(study, encoding="utf-8")
        (tmp_path / f"docs/benchmark{ending}").write_text(marks, encoding="utf-8")
    update_texts(tmp_path)
    for ending, words in ((".md", ("system", "trained on")), (".es.md", ("sistema", "entrenado"))):
        for name, word in zip(("README", "docs/other"), words, strict=True):
            text = (tmp_path / f"{name}{ending}").read_text(encoding="utf-8")
            assert f"| {word}" in text, f"{name}{ending}"
        benchmark = (tmp_path / f"docs/benchmark{ending}").read_text(encoding="utf-8")
        assert "|" not in benchmark, "results of a benchmark are its own"
        readme = (tmp_path / f"README{ending}").read_text(encoding="utf-8")
        assert readme.index("`tiny`") < readme.index("`other_protocol`")
        assert "`a`" in readme.partition(begin("shortcuts"))[2], "what warns is shown"
        assert "12.5" not in readme.partition(begin("shortcuts"))[2], "what does not is left out"
    (tmp_path / "plots/systems.csv").unlink()
    with refused("systems.csv", "dvc repro"):
        update_texts(tmp_path)
