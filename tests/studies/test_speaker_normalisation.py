"""Speaker normalisation by few clips: with all of them it is that of the protocol."""

import numpy as np
import pytest

from ser.core.errors import LeakError
from ser.evaluation.out_of_fold import Model, predict_fold
from ser.reading.data import SystemData, load_system
from ser.reading.settings import System
from ser.splits.protocols import PROTOCOLS
from ser.training.fold import train_fold
from studies.reference import load
from studies.speaker_normalisation import (
    COUNTS,
    DRAWS,
    PRIOR_CLIPS,
    TRANSDUCTIVE,
    draw_clips,
    drawn_to,
    moments,
    predict_by_counts,
    scaled,
    study_normalisation,
)
from studies.study import DATA
from tests.builders import CORPUS, make_recipe
from tests.studies.builders import study_values, train_reference, write_study


@pytest.fixture
def data() -> SystemData:
    write_study(TRANSDUCTIVE)
    return load_system(System(corpora=[CORPUS], protocol=TRANSDUCTIVE), DATA)


def model(data: SystemData, fold: int = 0, seed: int = 0) -> Model:
    return Model(train_fold(make_recipe(), data, fold, seed)[0])


def test_all_clips_of_a_speaker_normalise_as_the_protocol_does(data: SystemData) -> None:
    trained = model(data)
    by_protocol = predict_fold(trained, data)
    every = predict_by_counts(trained, data, load(CORPUS))
    most = every[every["clips"] == max(COUNTS)]
    assert most["clip"].tolist() == by_protocol["clip"].tolist()
    assert most["predicted"].tolist() == by_protocol["predicted"].tolist()


def test_every_count_and_draw_tests_every_clip_once(data: SystemData) -> None:
    table = predict_by_counts(model(data, fold=1, seed=2), data, load(CORPUS))
    tested = set(data.with_role(1, "test")["clip"])
    for (count, seed), rows in table.groupby(["clips", "seed"]):
        assert sorted(rows["clip"]) == sorted(tested), (count, seed)
        assert int(str(seed)) // DRAWS == 2
    # a speaker has six clips: larger counts are all of them, and one draw is enough
    draws = table.groupby("clips")["seed"].nunique()
    assert draws[draws.index < 6].eq(DRAWS).all()
    assert draws[draws.index >= 6].eq(1).all()


def test_a_model_made_from_tested_clips_is_refused(data: SystemData) -> None:
    trained = model(data)
    tested = data.with_role(0, "test")["clip"].iloc[0]
    trained.network.uses["training"].add(tested)
    with pytest.raises(LeakError, match=tested):
        predict_by_counts(trained, data, load(CORPUS))


def test_draws_are_the_same_every_time_and_larger_ones_hold_the_smaller() -> None:
    places = np.arange(10, 40)
    small, large = (set(draw_clips(places, count, "a/01", 0).tolist()) for count in (5, 12))
    assert small < large
    assert large <= set(places.tolist())
    assert small == set(draw_clips(places, 5, "a/01", 0).tolist())
    assert small != set(draw_clips(places, 5, "a/01", 1).tolist())
    assert small != set(draw_clips(places, 5, "a/02", 0).tolist())
    assert len(draw_clips(places, 99, "a/01", 0)) == len(places)


def test_few_clips_are_drawn_to_the_average_speaker() -> None:
    own, average = np.array([[10.0], [4.0]]), np.array([[0.0], [1.0]])
    assert drawn_to(average, own, PRIOR_CLIPS) == pytest.approx(np.array([[5.0], [2.5]]))
    assert drawn_to(average, own, 10_000) == pytest.approx(own, abs=0.01)
    clip = np.array([[3.0]])
    one_clip = drawn_to(average, moments(clip), 1)
    assert np.isfinite(scaled(clip, one_clip)).all(), "one clip has no deviation"
    assert scaled(np.array([[12.0]]), own) == pytest.approx(1.0)


def test_the_study_counts_gains_from_no_clip_and_carries_the_mark() -> None:
    write_study(TRANSDUCTIVE)
    values = study_values()
    train_reference(values)
    table = study_normalisation(values, CORPUS)[""]
    assert table["clips"].tolist() == [0, *COUNTS]
    assert table["difference"].isna().tolist() == [True] + [False] * len(COUNTS)
    assert table["mark"].tolist() == ["none"] + [PROTOCOLS[TRANSDUCTIVE].mark] * len(COUNTS)
