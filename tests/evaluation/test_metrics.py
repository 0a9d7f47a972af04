"""Scores equal an independent computation with numpy, and scikit-learn's own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, recall_score

from ser.clips.labels import EMOTIONS
from ser.core.files import write_json
from ser.evaluation.intervals import uar_interval
from ser.evaluation.metrics import (
    confusion_table,
    facts_table,
    headline_scores,
    scores_table,
    speakers_table,
    summary,
    system_metrics,
    tracked,
)
from ser.splits.protocols import PROTOCOLS
from tests.builders import make_predictions
from tests.evaluation.test_calibration import with_probabilities

FAIR, LEAKY = PROTOCOLS["leave_one_speaker_out"], PROTOCOLS["leaky_random"]


def metrics_of(table: pd.DataFrame) -> dict[str, Any]:
    return system_metrics(with_probabilities(table), FAIR)


def numpy_uar(rows: pd.DataFrame) -> float:
    true, said = np.array(rows["emotion"]), np.array(rows["predicted"])
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


def test_scores_equal_an_independent_computation() -> None:
    for seed in range(4):
        table = uneven(seed)
        scores = headline_scores(table)
        actual, predicted = table["emotion"], table["predicted"]
        assert scores["uar"] == pytest.approx(numpy_uar(table), abs=1e-9)
        recall = recall_score(actual, predicted, average="macro")
        assert scores["uar"] == pytest.approx(100 * recall, abs=1e-9)
        assert scores["accuracy"] == pytest.approx(
            100 * accuracy_score(actual, predicted), abs=1e-9
        )
        f1 = f1_score(actual, predicted, average="macro")
        assert scores["macro_f1"] == pytest.approx(100 * f1, abs=1e-9)
        assert abs(scores["uar"] - scores["accuracy"]) > 1, "the example cannot tell them apart"
        metrics = metrics_of(table)
        assert {name: metrics[name] for name in ("uar", "accuracy")} == {
            name: scores[name] for name in ("uar", "accuracy")
        }


def test_the_uar_is_of_all_folds_together_not_a_mean_over_folds() -> None:
    table = uneven(0)
    over_folds = np.mean([numpy_uar(fold) for _, fold in table.groupby("fold")])
    pooled = metrics_of(table)["uar"]
    assert pooled == pytest.approx(numpy_uar(table), abs=1e-9)
    assert pooled != pytest.approx(over_folds, abs=1e-3)


def test_scores_over_seeds_are_means_with_their_deviation() -> None:
    table = uneven(2, seeds=(0, 5, 9))
    metrics = metrics_of(table)
    each = [numpy_uar(rows) for _, rows in table.groupby("seed")]
    assert metrics["uar"] == pytest.approx(np.mean(each), abs=1e-9)
    assert metrics["uar_deviation"] == pytest.approx(np.std(each, ddof=1), abs=1e-9)
    assert metrics_of(uneven(2))["uar_deviation"] is None, "0 would look like certainty"
    shown = scores_table(table).query("part == 'seed'")
    assert shown["uar"].tolist() == pytest.approx(each, abs=1e-9)
    assert shown["name"].tolist() == ["0", "5", "9"]


@pytest.mark.parametrize("seeds", [(0,), (0, 4)])
def test_scores_of_parts_equal_an_independent_computation(seeds: tuple[int, ...]) -> None:
    table = uneven(1, seeds)
    table["intensity"] = np.where(table.index % 3 == 0, "strong", "normal")
    table.loc[table.index % 3 == 2, "intensity"] = ""
    found = scores_table(table).set_index(["part", "name"])
    assert list(found.index.unique("part")) == [
        *("all", "gender", "corpus", "intensity", "emotion", "fold", "seed"),
    ]
    assert set(found.loc["intensity"].index) == {"normal", "strong"}, "a gap is a part"
    for part in ("gender", "corpus", "emotion", "fold"):
        for name, rows in table.groupby(part):
            row = found.loc[(part, str(name))]
            each = [numpy_uar(one) for _, one in rows.groupby("seed")]
            assert row["uar"] == pytest.approx(np.mean(each), abs=1e-9), (part, name)
            assert row["n_clips"] == len(rows) / len(seeds), "clips are counted once a seed"
            right = 100 * (rows["emotion"] == rows["predicted"]).mean()
            assert row["accuracy"] == pytest.approx(right, abs=1e-9)
    interval = uar_interval(table[table["gender"] == "female"])
    assert interval is not None
    women = found.loc[("gender", "female")]
    assert (women["uar_low"], women["uar_high"]) == (interval.low, interval.high)
    assert women["uar_low"] < women["uar"] < women["uar_high"]
    # recalls of emotions and their mean
    whole = found.loc[("all", "all")]
    assert found.loc["emotion"]["accuracy"].mean() == pytest.approx(whole["uar"], abs=1e-9)
    assert found.loc["fold"]["uar_low"].isna().all(), "a fold of one speaker has an interval"


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
        each = [numpy_uar(one) for _, one in rows.groupby("seed")]
        assert row.uar == pytest.approx(np.mean(each), abs=1e-9)
        right = 100 * (rows["emotion"] == rows["predicted"]).mean()
        assert row.accuracy == pytest.approx(right, abs=1e-9)


def test_facts_are_counted() -> None:
    table = pd.concat(
        [
            make_predictions(speakers=4, seeds=(0, 2)),
            make_predictions(speakers=3, seeds=(0, 2)).assign(
                corpus="another", clip=lambda rows: "x" + rows["clip"]
            ),
        ],
        ignore_index=True,
    )
    facts = facts_table(with_probabilities(table), 4321, "float32 AVX2")
    told = dict(zip(facts["fact"], facts["value"], strict=True))
    assert float(told["chance"]) == pytest.approx(100 / 3, abs=1e-6)
    assert told["n_speakers"] == "7", "speaker 01 is somebody else in another corpus"
    assert told["n_clips"] == str(len(table) // 2)
    assert told["n_seeds"] == "2"
    assert told["parameters"] == "4321"
    assert told["arithmetic"] == "float32 AVX2"
    assert {"ece", "ece_calibrated", "brier", "brier_calibrated", "temperature"} <= set(told)


def test_perfect_and_constant_predictions() -> None:
    table = make_predictions()
    perfect = headline_scores(table.assign(predicted=table["emotion"]))
    assert set(perfect.values()) == {100.0}
    assert headline_scores(table.assign(predicted="happy"))["uar"] == pytest.approx(100 / 3)


def test_the_tracked_metrics_are_few_and_name_their_protocol(tmp_path: Path) -> None:
    table = with_probabilities(uneven(0, seeds=(0, 1)))
    fair, leaky = system_metrics(table, FAIR), system_metrics(table, LEAKY)
    assert (fair["protocol"], fair["mark"]) == ("leave_one_speaker_out", "none")
    assert leaky["mark"] == "LEAKY: speaker, take, duplicate audio"
    assert fair["uar_low"] < fair["uar"] < fair["uar_high"]
    assert summary("tiny", leaky).endswith("(LEAKY: speaker, take, duplicate audio)")
    assert "none" not in summary("tiny", fair)
    write_json(tmp_path / "metrics.json", tracked("tiny", leaky))
    read = json.loads((tmp_path / "metrics.json").read_text())
    assert len(read) <= 8, "metrics of a few systems do not fit on a screen"
    for name in ("protocol", "mark", "uar", "uar_deviation", "accuracy", "ece"):
        assert read[name] == pytest.approx(leaky[name], abs=1e-6), name


def test_a_single_speaker_has_no_interval() -> None:
    table = make_predictions()
    metrics = metrics_of(table[table["speaker"] == "01"])
    assert metrics["uar_low"] is None
    assert metrics["uar_high"] is None
    assert summary("tiny", metrics) == f"tiny: UAR {metrics['uar']:.1f} %"
    assert tracked("tiny", metrics)["UAR"] == {"tiny": f"{metrics['uar']:.1f}"}


@given(
    pairs=st.lists(
        st.tuples(st.sampled_from(EMOTIONS), st.sampled_from(EMOTIONS)), min_size=1, max_size=60
    )
)
def test_a_confusion_cell_counts_its_pairs_and_a_row_adds_up_to_100_percent(
    pairs: list[tuple[str, str]],
) -> None:
    table = confusion_table(pd.DataFrame(pairs, columns=["emotion", "predicted"]))
    shown = {emotion for pair in pairs for emotion in pair}
    assert len(table) == len(shown) ** 2, "the table is not square"
    for row in table.itertuples():
        assert row.clips == pairs.count((row.actual, row.predicted))
    for actual, rows in table.groupby("actual"):
        total = sum(pair[0] == actual for pair in pairs)
        assert rows["percent"].sum() == pytest.approx(100.0 if total else 0.0)
        assert rows["percent"].tolist() == pytest.approx(
            (100 * rows["clips"] / max(1, total)).tolist()
        )
