"""Trials: trained and tested as systems are, under the same guards."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pandas as pd
import pytest

from ser.core.errors import LeakError
from ser.evaluation.out_of_fold import predict_out_of_fold
from ser.evaluation.predictions import check_complete
from ser.evaluation.trials import Trial, difference, run_trials, scores, with_folds
from ser.training.system import train_system
from tests.builders import make_params, make_predictions, one_torch_thread, tiny_system

Refused = Callable[..., AbstractContextManager[None]]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


def test_a_trial_answers_as_the_train_and_evaluate_stages_do(tmp_path: Path) -> None:
    data = tiny_system(tmp_path / "data", clips_each=1)
    params = make_params({"training.seeds": [0, 3]})
    found = run_trials([Trial("one", params, data)], "test")["one"]
    check_complete(found, data.clips, [0, 3])
    train_system(params, data, "tiny", tmp_path / "models", tmp_path / "history.csv")
    by_stages = predict_out_of_fold(data, tmp_path / "models", [0, 3], 1)
    pd.testing.assert_frame_equal(found, by_stages)


def test_trials_keep_their_names_and_folds(tmp_path: Path) -> None:
    data = tiny_system(tmp_path, clips_each=1)
    first = with_folds(data, data.folds[data.folds["fold"] == 0])
    found = run_trials(
        [Trial("all", make_params(), data), Trial("first", make_params(), first)], "test"
    )
    assert list(found) == ["all", "first"]
    assert set(found["first"]["clip"]) == set(data.with_role(0, "test")["clip"])
    kept = found["all"][found["all"]["fold"] == 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, found["first"])


def test_folds_of_a_trial_that_leak_are_refused(tmp_path: Path, refused: Refused) -> None:
    data = tiny_system(tmp_path)
    tested = data.with_role(0, "test")["clip"]
    role = data.folds["role"].where(data.folds["clip"] != tested.iloc[0], "train")
    with refused("Fold 0 leaks", "speaker", error=LeakError):
        with_folds(data, data.folds.assign(role=role))


def test_clips_without_a_part_are_left_out(tmp_path: Path) -> None:
    data = tiny_system(tmp_path)
    gone = data.clips["clip"].iloc[0]
    assert gone not in set(with_folds(data, data.folds[data.folds["clip"] != gone]).clips["clip"])


def test_scores_are_means_over_seeds_and_unknown_where_they_must_be() -> None:
    table = make_predictions(seeds=(0, 1), accuracy=lambda speaker: 1.0)
    right = table.assign(predicted=table["emotion"])
    wrong = right.assign(predicted=right["emotion"].where(right["seed"] == 0, "neutral"))
    found = scores(wrong)
    # the second seed recognises one emotion of three
    assert found["uar"] == pytest.approx((100 + 100 / 3) / 2)
    assert found["uar_deviation"] == pytest.approx((100 - 100 / 3) / 2**0.5)
    assert found["uar_low"] < found["uar"] < found["uar_high"]
    alone = scores(right[(right["speaker"] == "01") & (right["seed"] == 0)])
    assert alone["uar"] == 100
    assert (alone["uar_low"], alone["uar_high"], alone["uar_deviation"]) == (None, None, None)


def test_a_difference_has_the_sign_of_what_was_gained() -> None:
    bad = make_predictions(accuracy=lambda speaker: 0.2)
    good = make_predictions(accuracy=lambda speaker: 0.9)
    found = difference(bad, good)
    assert found["difference"] > 30
    assert found["difference_low"] > 0
    assert found["p"] < 0.05
    assert difference(good, bad)["difference"] == pytest.approx(-found["difference"])
