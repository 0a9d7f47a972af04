"""Mistakes: every clip once, the surest mistakes first."""

from pathlib import Path

import pandas as pd
import pytest

from studies.mistakes import study_mistakes
from ser.reports.figures.mistakes import draw_mistakes
from tests.builders import EMOTIONS, make_predictions
from tests.evaluation.test_calibration import with_probabilities


def predictions() -> pd.DataFrame:
    return with_probabilities(make_predictions(seeds=(0, 1, 2)))


def test_every_clip_is_listed_once_with_its_share_of_right_seeds() -> None:
    table = predictions()
    clips = study_mistakes(table).clips
    assert sorted(clips["clip"]) == sorted(table["clip"].unique())
    right = (table["emotion"] == table["predicted"]).groupby(table["clip"]).mean()
    assert clips.set_index("clip")["right"].to_dict() == pytest.approx(right.to_dict())


def test_the_answer_is_the_most_probable_emotion_of_all_seeds() -> None:
    table = predictions()
    columns = [f"p_{emotion}" for emotion in EMOTIONS]
    mean = table.groupby("clip")[columns].mean()
    for row in study_mistakes(table).clips.itertuples():
        assert f"p_{row.answer}" == mean.loc[row.clip].idxmax()
        assert row.confidence == pytest.approx(mean.loc[row.clip].max())
        assert row.of_truth == pytest.approx(mean.loc[row.clip, f"p_{row.emotion}"])


def test_the_surest_mistakes_come_first_and_the_surest_right_answers_last() -> None:
    clips = study_mistakes(predictions()).clips
    wrong = clips["answer"] != clips["emotion"]
    assert wrong.any()
    assert not wrong.all()
    assert wrong.tolist() == sorted(wrong, reverse=True), "a right answer stands before a mistake"
    assert clips.loc[wrong, "confidence"].is_monotonic_decreasing
    assert clips.loc[~wrong, "confidence"].is_monotonic_increasing


def test_pairs_count_the_mistakes() -> None:
    study = study_mistakes(predictions())
    wrong = study.clips[study.clips["answer"] != study.clips["emotion"]]
    assert study.pairs["clips"].sum() == len(wrong)
    for row in study.pairs.itertuples():
        of_emotion = (study.clips["emotion"] == row.emotion).sum()
        assert row.percent == pytest.approx(100 * row.clips / of_emotion)
        assert row.emotion != row.answer


def test_a_perfect_system_has_a_figure_too(tmp_path: Path) -> None:
    table = with_probabilities(make_predictions(accuracy=lambda _: 1.0))
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    for path in (one, two):
        draw_mistakes(study_mistakes(table), "tiny", "LEAKY", path)
    assert one.read_bytes() == two.read_bytes()
