"""Speakers: real differences are found, and chance is not taken for one."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ser.core.errors import SerError
from ser.evaluation.clip_scores import RecallTable, clip_scores, p_value, shuffled_within
from studies.actors import study_actors
from tests.builders import make_predictions


def predictions(**shape: Any) -> pd.DataFrame:
    return make_predictions(**{"speakers": 8, "clips_each": 10, **shape}).assign(mark="none")


def spread(table: pd.DataFrame) -> "pd.Series[Any]":
    return study_actors(table)["_spread"].iloc[0]


def test_a_clip_counts_once_whatever_the_number_of_seeds() -> None:
    table = predictions(seeds=(0, 1, 2))
    clips = clip_scores(table)
    assert len(clips) == table["clip"].nunique()
    one = table[table["clip"] == clips["clip"].iloc[5]]
    assert clips["right"].iloc[5] == pytest.approx((one["emotion"] == one["predicted"]).mean())


def test_shuffling_keeps_the_values_of_every_stratum() -> None:
    values, strata = np.arange(12.0), pd.Series(list("aabbbbaacccc"))
    dealt = list(shuffled_within(values, strata, 50))
    for one in dealt:
        for name in "abc":
            rows = (strata == name).to_numpy()
            assert sorted(one[rows]) == sorted(values[rows]), "a value left its stratum"
    assert len({tuple(one) for one in dealt}) > 30, "values are hardly dealt out anew"
    again = list(shuffled_within(values, strata, 50))
    assert np.array_equal(dealt, again), "shuffling is not the same every time"


def test_uar_of_groups_is_the_mean_recall_of_the_emotions_they_show() -> None:
    emotions = pd.Series(["a", "a", "b", "a", "b", "b"])
    group, right = np.array([0, 0, 0, 1, 1, 1]), np.array([1.0, 0.5, 0.0, 1.0, 1.0, 0.0])
    assert RecallTable(emotions, 2).uar(group, right).tolist() == [37.5, 75.0]
    only = RecallTable(pd.Series(["a", "b"]), 2).uar(np.array([0, 1]), np.array([1.0, 0.0]))
    assert only.tolist() == [100.0, 0.0]


def test_a_p_value_is_never_zero_and_counts_ties() -> None:
    assert p_value(9.0, np.array([1.0, 2.0, 3.0])) == 0.25
    assert p_value(2.0, np.array([1.0, 2.0, 3.0])) == 0.75


def test_speakers_who_differ_are_told_from_chance() -> None:
    tables = study_actors(predictions(accuracy=lambda speaker: 0.1 + 0.1 * speaker))
    found, table = tables["_spread"].iloc[0], tables[""]
    assert found["p"] < 0.01
    assert found["true"] > 10, "the spread of 10 to 90 percent is not seen"
    assert found["chance_share"] < 0.3
    assert found["observed"] > found["true"]
    people = table.drop_duplicates("speaker")
    assert people["speaker"].iloc[0] in ("07", "08"), "the easiest speaker is not the first"
    assert people["uar"].is_monotonic_decreasing
    outside = (people["uar"] > people["chance_high"]) | (people["uar"] < people["chance_low"])
    assert outside.sum() >= 2


def test_alike_speakers_are_flagged_about_one_time_in_twenty() -> None:
    flagged = [
        spread(predictions(speakers=5, clips_each=4, random_seed=run))["p"] for run in range(40)
    ]
    assert sum(p <= 0.05 for p in flagged) <= 7
    assert np.mean(flagged) == pytest.approx(0.5, abs=0.15)


def test_the_table_has_recall_and_clips_of_every_speaker_and_emotion() -> None:
    table = predictions(seeds=(0, 1))
    found = study_actors(table)[""]
    assert len(found) == 8 * table["emotion"].nunique()
    row = found.iloc[3]
    own = table[(table["speaker"] == row["speaker"]) & (table["emotion"] == row["emotion"])]
    assert row["recall"] == pytest.approx(100 * (own["emotion"] == own["predicted"]).mean())
    assert row["n_clips"] == own["clip"].nunique()
    by_speaker = found.groupby("speaker")
    assert by_speaker["recall"].mean().to_numpy() == pytest.approx(
        by_speaker["uar"].first().to_numpy()
    )


def test_speakers_of_one_name_in_two_corpora_are_two() -> None:
    first = predictions(speakers=3)
    second = first.assign(corpus="other", clip="other/" + first["clip"])
    assert spread(pd.concat([first, second], ignore_index=True))["n_speakers"] == 6


def test_a_corpus_that_is_harder_as_a_whole_makes_no_speaker_harder() -> None:
    easy = predictions(speakers=4, accuracy=lambda speaker: 1.0)
    hard = predictions(speakers=4, accuracy=lambda speaker: 0.0)
    hard = hard.assign(corpus="other", clip="other/" + hard["clip"])
    found = spread(pd.concat([easy, hard], ignore_index=True))
    assert found["observed"] == 0
    assert found["chance_share"] is None
    assert found["p"] == 1


def test_one_speaker_alone_cannot_be_compared() -> None:
    with pytest.raises(SerError, match="no corpus has two of them"):
        study_actors(predictions(speakers=1))
