"""Mistakes: every clip once, the surest mistakes first."""

import numpy as np
import pandas as pd
import pytest

from studies.mistakes import study_mistakes
from tests.builders import EMOTIONS, make_predictions


def predictions() -> pd.DataFrame:
    """Answers of three seeds with random probabilities."""
    table = make_predictions(seeds=(0, 1, 2)).assign(mark="none")
    columns = [f"p_{emotion}" for emotion in EMOTIONS]
    table[columns] = np.random.default_rng(0).dirichlet([1.0] * len(EMOTIONS), len(table))
    best = table[columns].to_numpy().argmax(axis=1)
    return table.assign(predicted=[EMOTIONS[place] for place in best])


def test_every_clip_is_listed_once_with_its_share_of_right_seeds() -> None:
    table = predictions()
    clips = study_mistakes(table)[""]
    assert sorted(clips["clip"]) == sorted(table["clip"].unique())
    right = (table["emotion"] == table["predicted"]).groupby(table["clip"]).mean()
    assert clips.set_index("clip")["right"].to_dict() == pytest.approx(right.to_dict())


def test_the_answer_is_the_most_probable_emotion_of_all_seeds() -> None:
    table = predictions()
    mean = table.groupby("clip")[[f"p_{emotion}" for emotion in EMOTIONS]].mean()
    for row in study_mistakes(table)[""].itertuples():
        assert f"p_{row.answer}" == mean.loc[row.clip].idxmax()
        assert row.confidence == pytest.approx(mean.loc[row.clip].max())
        assert row.of_truth == pytest.approx(mean.loc[row.clip, f"p_{row.emotion}"])


def test_the_surest_mistakes_come_first_and_the_surest_right_answers_last() -> None:
    clips = study_mistakes(predictions())[""]
    wrong = clips["answer"] != clips["emotion"]
    assert wrong.any()
    assert not wrong.all()
    assert wrong.tolist() == sorted(wrong, reverse=True), "a right answer stands before a mistake"
    assert clips.loc[wrong, "confidence"].is_monotonic_decreasing
    assert clips.loc[~wrong, "confidence"].is_monotonic_increasing


def test_pairs_count_the_mistakes() -> None:
    tables = study_mistakes(predictions())
    clips, pairs = tables[""], tables["_pairs"]
    assert pairs["clips"].sum() == (clips["answer"] != clips["emotion"]).sum()
    for row in pairs.itertuples():
        of_emotion = (clips["emotion"] == row.emotion).sum()
        assert row.percent == pytest.approx(100 * row.clips / of_emotion)
        assert row.emotion != row.answer
