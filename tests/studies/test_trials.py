"""Trials: trained and tested as systems are, under the same guards, and never without a mark."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pandas as pd
import pytest

from ser.core.errors import LeakError
from ser.evaluation.out_of_fold import Answering, predict_out_of_fold
from ser.evaluation.predictions import check_complete
from ser.evaluation.trials import (
    Trial,
    compared,
    difference,
    in_studies,
    run_trials,
    scores,
    with_folds,
)
from ser.reading.data import SystemData
from ser.splits.protocols import PROTOCOLS
from ser.training.settings import load_recipe
from studies.reference import NAME, reference, reference_predictions, train_trial
from tests.builders import CORPUS, make_predictions, make_values, tiny_system
from tests.studies.builders import answers, study_values, train_reference, write_study

Refused = Callable[..., AbstractContextManager[None]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> SystemData:
    return tiny_system(tmp_path_factory.mktemp("data"), clips_each=1)


def test_a_trial_answers_as_the_stages_of_a_system_do(data: SystemData) -> None:
    trial = Trial.of("one", study_values(), data)
    found = run_trials([trial], "test")["one"]
    check_complete(found, data.clips, [0, 3])
    train_trial(trial, Path("models"))
    by_stages = predict_out_of_fold(data, Path("models"), [0, 3], Answering(0.4, ()))
    pd.testing.assert_frame_equal(found.drop(columns="mark"), by_stages)
    alone = predict_out_of_fold(data, Path("models"), [0, 3], Answering(0.0, ()))
    assert not alone["p_happy"].equals(by_stages["p_happy"]), "the linear part says nothing"


def test_the_shared_reference_answers_as_a_trial_of_its_own() -> None:
    write_study()
    values = study_values()
    train_reference(values)
    trained = run_trials([reference(values, CORPUS)], "test")[NAME]
    pd.testing.assert_frame_equal(reference_predictions(values, CORPUS), trained)
    network = Trial.of("network", values, reference(values, CORPUS).data, with_linear=False)
    alone = run_trials([network], "test")["network"]
    shared = reference_predictions(values, CORPUS, with_linear=False)
    pd.testing.assert_frame_equal(shared, alone)


def test_studies_have_settings_of_their_own(refused: Refused) -> None:
    own = {"seeds": [4, 5], "epochs": 3, "min_steps": 7, "model_size": "large"}
    values = make_values({"studies.training": own})
    changed, seeds = in_studies(values)
    recipe, usual = load_recipe(changed), load_recipe(values)
    assert seeds == [4, 5]
    assert recipe.model.settings.channels == [32, 64, 96, 128]
    assert recipe.optimizer == usual.optimizer
    assert recipe.training == usual.training.model_copy(update={"epochs": 3, "min_steps": 7})
    with refused("studies.training.epoch", "3"):
        in_studies(values.changed({"studies.training.epoch": 3}))


def test_a_corpus_without_a_reference_is_a_sentence(refused: Refused) -> None:
    write_study()
    with refused("models/studies/synthetic_a", "is missing"):
        reference_predictions(study_values(), CORPUS)


def test_trials_keep_their_names_and_folds(data: SystemData) -> None:
    values = study_values(**{"studies.training.seeds": [0]})
    first = with_folds(data, data.folds[data.folds["fold"] == 0])
    trials = [Trial.of("all", values, data), Trial.of("first", values, first)]
    found = run_trials(trials, "test")
    assert list(found) == ["all", "first"]
    assert set(found["first"]["clip"]) == set(data.with_role(0, "test")["clip"])
    kept = found["all"][found["all"]["fold"] == 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, found["first"])


def test_folds_of_a_trial_that_leak_are_refused(data: SystemData, refused: Refused) -> None:
    tested = data.with_role(0, "test")["clip"]
    role = data.folds["role"].where(data.folds["clip"] != tested.iloc[0], "train")
    with refused("Fold 0 leaks", "speaker", error=LeakError):
        with_folds(data, data.folds.assign(role=role))


def test_clips_without_a_part_are_left_out(data: SystemData) -> None:
    gone = data.clips["clip"].iloc[0]
    assert gone not in set(with_folds(data, data.folds[data.folds["clip"] != gone]).clips["clip"])


def test_scores_are_means_over_seeds_and_unknown_where_they_must_be() -> None:
    right = answers(1.0)
    wrong = right.assign(predicted=right["emotion"].where(right["seed"] == 0, "neutral"))
    found = scores(wrong)
    # the second seed recognises one emotion of three
    assert found["uar"] == pytest.approx((100 + 100 / 3) / 2)
    assert found["uar_deviation"] == pytest.approx((100 - 100 / 3) / 2**0.5)
    assert found["uar_low"] < found["uar"] < found["uar_high"]
    alone = scores(right[(right["speaker"] == "01") & (right["seed"] == 0)])
    assert alone["uar"] == 100
    assert (alone["uar_low"], alone["uar_high"], alone["uar_deviation"]) == (None, None, None)


def test_nothing_is_scored_without_its_mark() -> None:
    assert scores(answers(0.5, "leaky_random"))["mark"] == PROTOCOLS["leaky_random"].mark
    assert scores(answers(0.5))["mark"] == "none"
    with pytest.raises(KeyError, match="mark"):
        scores(make_predictions())


def test_all_are_compared_with_the_reference() -> None:
    table = compared({"bad": answers(0.2), "good": answers(0.9)}, "bad").set_index("name")
    assert table.loc["bad", ["difference", "p"]].isna().all(), "a gain on itself"
    gain = table["uar"]["good"] - table["uar"]["bad"]
    assert table["difference"]["good"] == pytest.approx(gain)
    assert table["difference_low"]["good"] > 0
    assert table["p"]["good"] < 0.05
    back = difference(answers(0.9), answers(0.2))["difference"]
    assert back == pytest.approx(-gain)
