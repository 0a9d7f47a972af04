"""Speaker normalisation by few clips: with all of them it is that of the protocol."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ser.reading.data import SystemData
from ser.core.errors import LeakError
from ser.evaluation.out_of_fold import predict_fold
from ser.splits.protocols import PROTOCOLS
from ser.reports.figures.normalisation import draw_normalisation
from studies.speaker_normalisation import (
    COUNTS,
    DRAWS,
    PRIOR_CLIPS,
    TRANSDUCTIVE,
    Statistics,
    describe_counts,
    draw_clips,
    predict_by_counts,
    study_normalisation,
)
from ser.training.fold import train_fold
from tests.builders import (
    CORPUS,
    make_manifest,
    make_params,
    make_predictions,
    one_torch_thread,
    separable_features,
    tiny_system,
    write_features,
    write_splits,
)
from tests.studies.builders import write_silent_functionals


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


@pytest.fixture
def data(tmp_path: Path) -> SystemData:
    return tiny_system(tmp_path, protocol=TRANSDUCTIVE, clips_each=2)


def test_all_clips_of_a_speaker_normalise_as_the_protocol_does(data: SystemData) -> None:
    params = make_params({"systems.tiny.protocol": TRANSDUCTIVE})
    model, _ = train_fold(params, data, 0, 0)
    by_protocol = predict_fold(model, data)
    every = predict_by_counts(model, data)
    most = every[every["clips"] == max(COUNTS)]
    assert most["clip"].tolist() == by_protocol["clip"].tolist()
    assert most["predicted"].tolist() == by_protocol["predicted"].tolist()


def test_every_count_and_draw_tests_every_clip_once(data: SystemData) -> None:
    model, _ = train_fold(make_params({"systems.tiny.protocol": TRANSDUCTIVE}), data, 1, 2)
    table = predict_by_counts(model, data)
    tested = set(data.with_role(1, "test")["clip"])
    for (count, seed), rows in table.groupby(["clips", "seed"]):
        assert sorted(rows["clip"]) == sorted(tested), (count, seed)
        assert int(str(seed)) // DRAWS == 2
    # a speaker has six clips: larger counts are all of them, and one draw is enough
    draws = table.groupby("clips")["seed"].nunique()
    assert draws[draws.index < 6].eq(DRAWS).all()
    assert draws[draws.index >= 6].eq(1).all()


def test_a_model_made_from_tested_clips_is_refused(data: SystemData) -> None:
    model, _ = train_fold(make_params({"systems.tiny.protocol": TRANSDUCTIVE}), data, 0, 0)
    tested = data.with_role(0, "test")["clip"].iloc[0]
    model.uses["training"].add(tested)
    with pytest.raises(LeakError, match=tested):
        predict_by_counts(model, data)


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
    own = Statistics(np.array([10.0]), np.array([4.0]))
    average = Statistics(np.array([0.0]), np.array([1.0]))
    halfway = own.drawn_to(average, PRIOR_CLIPS)
    assert halfway.mean == pytest.approx(5.0)
    assert halfway.variance == pytest.approx(2.5)
    assert own.drawn_to(average, 10_000).mean == pytest.approx(10.0, abs=0.01)
    one_clip = Statistics.of(np.array([[3.0]])).drawn_to(average, 1)
    assert np.isfinite(one_clip.scale(np.array([[3.0]]))).all(), "one clip has no deviation"
    assert own.scale(np.array([[12.0]])) == pytest.approx(1.0)


def test_the_table_counts_gains_from_no_clip_and_carries_the_mark(tmp_path: Path) -> None:
    bad = make_predictions(accuracy=lambda _: 0.3)
    good = make_predictions(accuracy=lambda _: 0.9, seeds=(0, 1, 2))
    study = describe_counts(
        bad, pd.concat([bad.assign(clips=1), good.assign(clips=60)], ignore_index=True)
    )
    assert study.table["clips"].tolist() == [0, 1, 60]
    assert pd.isna(study.table["difference"].iloc[0])
    assert study.table["difference"].iloc[1] == pytest.approx(0.0)
    assert study.table["difference"].iloc[2] > 30
    assert study.metrics["mark"] == PROTOCOLS[TRANSDUCTIVE].mark == study.mark != ""
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    for path in (one, two):
        draw_normalisation(study, "tiny", path)
    assert one.read_bytes() == two.read_bytes()


def test_the_study_runs_with_both_voices(tmp_path: Path) -> None:
    manifest = make_manifest(speakers=4, clips_each=2)
    for protocol in ("speaker_independent", TRANSDUCTIVE):
        write_splits(manifest, tmp_path / "splits" / CORPUS, protocol)
    write_features(tmp_path / "features" / CORPUS, separable_features(manifest))
    write_silent_functionals(manifest, tmp_path / "functionals" / CORPUS)
    study = study_normalisation(make_params({"training.linear_share": 0.4}), CORPUS, tmp_path)
    assert study.table["clips"].tolist() == [0, *COUNTS]
    assert study.table["uar"].between(0, 100).all()
