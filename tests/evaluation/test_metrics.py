"""Scores equal an independent computation with numpy, and scikit-learn's own."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, recall_score

from ser.evaluation.metrics import confusion_table, speakers_table, summary
from ser.evaluation.metrics import system_metrics as metrics_under
from ser.core.files import write_json
from ser.clips.labels import EMOTIONS
from ser.splits.protocols import PROTOCOLS
from tests.builders import make_predictions
from tests.evaluation.test_calibration import with_probabilities

FAIR, LEAKY = PROTOCOLS["leave_one_speaker_out"], PROTOCOLS["leaky_random"]


def system_metrics(table: pd.DataFrame, parameters: int) -> dict[str, Any]:
    return metrics_under(with_probabilities(table), parameters, FAIR)


def numpy_uar(actual: pd.Series, predicted: pd.Series) -> float:
    true, said = np.array(actual), np.array(predicted)
    return float(100 * np.mean([np.mean(said[true == c] == c) for c in np.unique(true)]))


def uneven(seed: int, seeds: tuple[int, ...] = (0,)) -> pd.DataFrame:
    """Predictions in which happiness is common and easy, and sadness rare and hard."""
    table = make_predictions(
        speakers=7, clips_each=6, seeds=seeds, accuracy=lambda s: 0.3 + 0.06 * s, random_seed=seed
    )
    table.loc[(table["emotion"] == "happy") & (table.index % 5 > 0), "predicted"] = "happy"
    table.loc[(table["emotion"] == "sad") & (table.index % 2 > 0), "predicted"] = "happy"
    takes = table["clip"].str.rpartition("-")[2].astype(int)
    # of each speaker, another number of sad clips
    rare = (table["emotion"] == "sad") & (takes > 1 + table["speaker"].astype(int) % 3)
    return table[~rare].reset_index(drop=True)


@pytest.mark.parametrize("seed", range(5))
def test_uar_and_accuracy_equal_an_independent_computation(seed: int) -> None:
    table = uneven(seed)
    metrics = system_metrics(table, 10)
    actual, predicted = table["emotion"], table["predicted"]
    assert metrics["uar"] == pytest.approx(numpy_uar(actual, predicted), abs=1e-9)
    assert metrics["uar"] == pytest.approx(
        100 * recall_score(actual, predicted, average="macro"), abs=1e-9
    )
    assert metrics["accuracy"] == pytest.approx(
        100 * np.mean(np.array(actual) == np.array(predicted)), abs=1e-9
    )
    assert metrics["accuracy"] == pytest.approx(100 * accuracy_score(actual, predicted), abs=1e-9)
    assert metrics["macro_f1"] == pytest.approx(
        100 * f1_score(actual, predicted, average="macro"), abs=1e-9
    )
    assert abs(metrics["uar"] - metrics["accuracy"]) > 1, "the example cannot tell them apart"


def test_the_uar_is_of_all_folds_together_not_a_mean_over_folds() -> None:
    table = uneven(0)
    over_folds = np.mean(
        [numpy_uar(f["emotion"], f["predicted"]) for _, f in table.groupby("fold")]
    )
    pooled = system_metrics(table, 10)["uar"]
    assert pooled == pytest.approx(numpy_uar(table["emotion"], table["predicted"]), abs=1e-9)
    assert pooled != pytest.approx(over_folds, abs=1e-3)


def test_scores_of_parts_equal_an_independent_computation() -> None:
    table = uneven(1)
    metrics = system_metrics(table, 10)
    for gender in ("female", "male"):
        rows = table[table["gender"] == gender]
        expected = numpy_uar(rows["emotion"], rows["predicted"])
        assert metrics[f"uar_{gender}"] == pytest.approx(expected, abs=1e-9)
    assert set(metrics["folds"]) == {str(fold) for fold in table["fold"].unique()}
    for fold, rows in table.groupby("fold"):
        found = metrics["folds"][str(fold)]
        assert found["uar"] == pytest.approx(
            numpy_uar(rows["emotion"], rows["predicted"]), abs=1e-9
        )
        assert found["n_clips"] == len(rows)
    for emotion, rows in table.groupby("emotion"):
        recall = 100 * np.mean(rows["predicted"] == emotion)
        assert metrics["recall"][emotion] == pytest.approx(recall, abs=1e-9)
    assert np.mean(list(metrics["recall"].values())) == pytest.approx(metrics["uar"], abs=1e-9)


def test_scores_over_seeds_are_means_with_their_deviation() -> None:
    table = uneven(2, seeds=(0, 5, 9))
    metrics = system_metrics(table, 10)
    each = [numpy_uar(rows["emotion"], rows["predicted"]) for _, rows in table.groupby("seed")]
    assert metrics["uar"] == pytest.approx(np.mean(each), abs=1e-9)
    assert metrics["uar_deviation"] == pytest.approx(np.std(each, ddof=1), abs=1e-9)
    right = table["emotion"] == table["predicted"]
    accuracies = 100 * right.groupby(table["seed"]).mean()
    assert metrics["accuracy_deviation"] == pytest.approx(np.std(accuracies, ddof=1), abs=1e-9)
    assert list(metrics["seeds"].values()) == pytest.approx(each, abs=1e-9)
    assert list(metrics["seeds"]) == ["0", "5", "9"]
    assert metrics["n_clips"] == len(table) / 3, "clips are counted once, not once a seed"
    assert metrics["folds"]["0"]["n_clips"] == len(table[table["fold"] == 0]) / 3


def test_a_single_seed_has_no_deviation() -> None:
    metrics = system_metrics(uneven(2), 10)
    assert metrics["uar_deviation"] is None, "0 would look like certainty"
    assert metrics["accuracy_deviation"] is None


def test_a_protocol_is_named_and_its_mark_comes_first() -> None:
    table = with_probabilities(uneven(0))
    fair, leaky = metrics_under(table, 10, FAIR), metrics_under(table, 10, LEAKY)
    assert list(fair)[:2] == ["protocol", "mark"]
    assert (fair["protocol"], fair["mark"]) == ("leave_one_speaker_out", "none")
    assert leaky["mark"] == "LEAKY: speaker, take, duplicate audio"
    assert "LEAKY" in summary("tiny", leaky)
    assert "none" not in summary("tiny", fair)


def test_a_summary_does_without_an_interval() -> None:
    metrics = {**system_metrics(uneven(0), 10), "uar_low": None, "uar_high": None}
    assert summary("tiny", metrics) == f"tiny: UAR {metrics['uar']:.1f} %"


def test_scores_by_intensity_leave_out_corpora_without() -> None:
    table = uneven(1)
    table["intensity"] = np.where(table.index % 3 == 0, "strong", "normal")
    table.loc[table.index % 3 == 2, "intensity"] = ""
    found = system_metrics(table, 10)["intensities"]
    assert set(found) == {"normal", "strong"}
    for intensity, rows in table.groupby("intensity"):
        if intensity:
            expected = numpy_uar(rows["emotion"], rows["predicted"])
            assert found[intensity]["uar"] == pytest.approx(expected, abs=1e-9)
            assert found[intensity]["n_clips"] == len(rows)
    assert system_metrics(table.assign(intensity=""), 10)["intensities"] == {}


def test_each_speaker_has_a_row() -> None:
    one = uneven(1, seeds=(0, 1))
    other = make_predictions(speakers=3, seeds=(0, 1)).assign(corpus="another")
    table = pd.concat([one, other], ignore_index=True)
    speakers = speakers_table(table)
    assert len(speakers) == 7 + 3, "speaker 01 is somebody else in another corpus"
    assert speakers["n_clips"].sum() == len(table) / 2, "clips are counted once, not once a seed"
    for row in speakers.itertuples():
        rows = table[(table["corpus"] == row.corpus) & (table["speaker"] == row.speaker)]
        assert row.gender == rows["gender"].iloc[0]
        each = [numpy_uar(r["emotion"], r["predicted"]) for _, r in rows.groupby("seed")]
        assert row.uar == pytest.approx(np.mean(each), abs=1e-9)
        right = 100 * (rows["emotion"] == rows["predicted"]).mean()
        assert row.accuracy == pytest.approx(right, abs=1e-9)


def test_chance_and_counts() -> None:
    table = pd.concat(
        [
            make_predictions(speakers=4),
            make_predictions(speakers=3).assign(corpus="another", clip=lambda t: "x" + t["clip"]),
        ],
        ignore_index=True,
    )
    metrics = system_metrics(table, 4321)
    assert metrics["chance"] == pytest.approx(100 / 3)
    assert metrics["n_speakers"] == 4 + 3, "speaker 01 is somebody else in another corpus"
    assert metrics["n_clips"] == len(table)
    assert metrics["parameters"] == 4321
    assert set(metrics["corpora"]) == set(table["corpus"])


def test_a_gender_without_speakers_has_no_score() -> None:
    table = make_predictions()
    metrics = system_metrics(table[table["gender"] == "male"], 10)
    assert metrics["uar_female"] is None
    assert metrics["uar_female_low"] is metrics["uar_female_high"] is None
    assert metrics["uar_male"] == pytest.approx(metrics["uar"])
    assert metrics["uar_male_low"] == pytest.approx(metrics["uar_low"])


def test_a_single_speaker_has_no_interval() -> None:
    table = make_predictions()
    metrics = system_metrics(table[table["speaker"] == "01"], 10)
    assert metrics["uar_low"] is None
    assert metrics["uar_high"] is None
    assert metrics["uar_male"] == pytest.approx(metrics["uar"])
    assert metrics["uar_male_low"] is None


def test_perfect_and_constant_predictions() -> None:
    table = make_predictions()
    perfect = system_metrics(table.assign(predicted=table["emotion"]), 1)
    assert (perfect["uar"], perfect["accuracy"], perfect["macro_f1"]) == (100.0, 100.0, 100.0)
    constant = system_metrics(table.assign(predicted="happy"), 1)
    assert constant["uar"] == pytest.approx(constant["chance"])


def test_the_interval_holds_the_uar() -> None:
    metrics = system_metrics(uneven(3), 10)
    for score in ("uar", "uar_female", "uar_male"):
        assert metrics[f"{score}_low"] < metrics[score] < metrics[f"{score}_high"], score


def test_metrics_can_be_written_as_json(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    table = make_predictions()
    write_json(path, system_metrics(table[table["gender"] == "male"], 10))
    read = json.loads(path.read_text())
    assert read["uar_female"] is None
    assert {"ece", "ece_calibrated", "brier", "brier_calibrated", "temperature"} <= set(read)
    assert all(math.isfinite(value) for value in read.values() if isinstance(value, float))


@settings(max_examples=40, deadline=None)
@given(
    pairs=st.lists(
        st.tuples(st.sampled_from(EMOTIONS), st.sampled_from(EMOTIONS)), min_size=1, max_size=60
    )
)
def test_a_confusion_row_adds_up_to_100_percent(pairs: list[tuple[str, str]]) -> None:
    table = confusion_table(pd.DataFrame(pairs, columns=["emotion", "predicted"]))
    for actual, rows in table.groupby("actual"):
        occurs = any(pair[0] == actual for pair in pairs)
        assert rows["percent"].sum() == pytest.approx(100.0 if occurs else 0.0)
        assert rows["clips"].sum() == sum(pair[0] == actual for pair in pairs)
    shown = {emotion for pair in pairs for emotion in pair}
    assert len(table) == len(shown) ** 2, "the table is not square"


def test_a_confusion_cell_counts_its_pairs() -> None:
    pairs = [
        ("happy", "sad"),
        ("happy", "happy"),
        ("happy", "sad"),
        ("sad", "happy"),
        ("sad", "sad"),
    ]
    table = confusion_table(pd.DataFrame(pairs, columns=["emotion", "predicted"]))
    cells = table.set_index(["actual", "predicted"])
    assert cells.loc[("happy", "sad"), "clips"] == 2
    assert cells.loc[("happy", "sad"), "percent"] == pytest.approx(200 / 3)
    assert cells.loc[("sad", "happy"), "percent"] == pytest.approx(50.0)
    diagonal = [cells.loc[(emotion, emotion), "percent"] for emotion in ("happy", "sad")]
    frame = pd.DataFrame(pairs, columns=["emotion", "predicted"])
    assert np.mean(diagonal) == pytest.approx(numpy_uar(frame["emotion"], frame["predicted"]))
