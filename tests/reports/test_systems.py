"""All systems in one table, and the tables that `dvc plots` shows."""

import os
from pathlib import Path

import pandas as pd
import pytest

from ser.reports.systems import (
    SVM,
    baselines_of,
    history_table,
    joined_table,
    systems_table,
    write_tables,
)
from tests.builders import make_predictions
from tests.conftest import Refused
from tests.reports.builders import BASELINES, change_metrics, write_results

NAMES = ("two", "one", "three")


def test_a_system_has_one_row_with_its_own_scores(tmp_path: Path) -> None:
    systems = [
        write_results(tmp_path, name, make_predictions(seeds=(0, 1), random_seed=seed))
        for seed, name in enumerate(NAMES)
    ]
    table = systems_table(systems).set_index("system")
    assert tuple(table.index) == NAMES, "the order of params.yaml is lost"
    assert table["uar"].nunique() == len(NAMES)
    for one in systems:
        row = table.loc[one.system]
        assert row["uar"] == one.metrics.uar
        assert row["ece"] == one.metrics.ece
        assert row["uar_low"] < row["uar"] < row["uar_high"]
        assert (row["n_clips"], row["n_speakers"], row["n_seeds"]) == (72, 6, 2)
        assert row["chance"] == pytest.approx(100 / 3)
        for name, uar in one.baselines["uar"].items():
            assert row[f"baseline_{name}"] == uar
        assert row[f"baseline_{SVM}_low"] == one.baselines.loc[SVM, "uar_low"]
    assert baselines_of(table) == list(BASELINES)


def test_a_leaky_system_is_marked_and_one_seed_or_speaker_leaves_gaps(tmp_path: Path) -> None:
    predictions = make_predictions()
    alone = predictions[predictions["speaker"] == "01"]
    table = systems_table(
        [
            write_results(tmp_path, "leaky", predictions, "leaky_random"),
            write_results(tmp_path, "alone", alone),
        ]
    )
    assert table["mark"].str.startswith("LEAKY: speaker").tolist() == [True, False]
    assert table["uar_deviation"].isna().all()
    assert table["uar_low"].isna().tolist() == [False, True]


def test_combined_tables_keep_the_order_and_are_small(tmp_path: Path) -> None:
    systems = [write_results(tmp_path, name) for name in NAMES]
    history = history_table(systems)
    assert tuple(history["system"].unique()) == NAMES
    assert len(history) == len(NAMES) * 4 * 2, "one row an epoch and part"
    first = history[history["epoch"] == 1]
    assert first["accuracy"].tolist() == [19.5] * 6, "the mean of both folds"
    confusion = joined_table(systems, "confusion")
    assert tuple(confusion["system"].unique()) == NAMES
    own = confusion[confusion["system"] == "one"].drop(columns="system")
    pd.testing.assert_frame_equal(own.reset_index(drop=True), systems[1].table("confusion"))
    write_tables(systems, tmp_path / "all")
    written = {path.name for path in (tmp_path / "all").iterdir()}
    assert written == {f"{name}.csv" for name in ("systems", "confusion", "history", "reliability")}


def test_missing_or_damaged_results_are_named(tmp_path: Path, refused: Refused) -> None:
    one = write_results(tmp_path, "one")
    with refused("no metrics/other.json", "dvc repro"):
        _ = type(one)("other", one.files).metrics
    for value in ("<b>", 120.0, None):
        change_metrics(tmp_path, "one", uar=value)
        with refused("metrics/one.json", "uar", "dvc repro"):
            _ = type(one)("one", one.files).metrics
    (tmp_path / "metrics/one.json").write_text('{"uar": ')
    with refused("metrics/one.json"):
        _ = type(one)("one", one.files).metrics
    scores = tmp_path / "plots/systems/one/scores.csv"
    scores.write_text(scores.read_text().replace("n_clips", "clips"))
    with refused("scores.csv", "n_clips"):
        one.part("gender")
    with refused("facts.csv", "no number called arithmetic"):
        one.fact("arithmetic")
    (tmp_path / "metrics/one.json").write_bytes(b"\xff\xfe")
    with refused("metrics/one.json", "UTF-8"):
        _ = type(one)("one", one.files).metrics


def test_results_that_belie_themselves_are_refused(tmp_path: Path, refused: Refused) -> None:
    one = write_results(tmp_path, "one")
    scores = tmp_path / "plots/systems/one/scores.csv"
    whole = scores.read_text()
    scores.write_text(whole.replace("all,all", "other,all"))
    with refused("scores.csv", "no score of all clips"):
        _ = one.overall
    scores.write_text(whole.splitlines()[0] + "\n")
    with refused("scores.csv", "no rows"):
        one.table("scores")
    scores.write_text(whole)
    facts = tmp_path / "plots/systems/one/facts.csv"
    whole = facts.read_text()
    for value in ("1.5", "nan", "many"):
        facts.write_text(whole.replace("n_clips,", f"n_clips,{value}\nold,"))
        with refused("facts.csv", "no number called n_clips"):
            systems_table([type(one)("one", one.files)])
    facts.write_text(whole)
    confusion = tmp_path / "plots/systems/one/confusion.csv"
    confusion.write_text(confusion.read_text().replace("happy", "so happy"))
    with refused("confusion.csv", "unknown emotion"):
        write_tables([one], tmp_path / "all")
    assert not (tmp_path / "all").exists(), "a part of the tables is written"
    baselines = tmp_path / "metrics/baselines/one.csv"
    head, first, *_ = baselines.read_text().splitlines(keepends=True)
    for content in (head, head + first + first):
        baselines.write_text(content)
        with refused("baselines/one.csv", "no baseline, or one twice"):
            _ = type(one)("one", one.files).baselines
    (tmp_path / "metrics/one.json").unlink()
    os.mkfifo(tmp_path / "metrics/one.json")
    with refused("metrics/one.json", "not a regular file"):
        _ = type(one)("one", one.files).metrics
