"""Women, men, both: who trains and who is tested in each of the study's models."""

from pathlib import Path

import pytest

from ser.reading.data import SystemData
from studies.gender import (
    HALF,
    NAMES,
    OTHER,
    OWN,
    POOLED,
    by_training,
    describe,
    half_of_each,
    only,
    study_gender,
)
from ser.reports.figures.gender import draw_gender
from ser.evaluation.trials import with_folds
from tests.builders import (
    CORPUS,
    make_manifest,
    make_params,
    make_predictions,
    separable_features,
    tiny_system,
    write_features,
    write_splits,
)
from tests.studies.builders import write_silent_functionals


@pytest.fixture
def data(tmp_path: Path) -> SystemData:
    return tiny_system(tmp_path, speakers=12, clips_each=1)


def genders(data: SystemData, fold: int, role: str) -> set[str]:
    return set(data.with_role(fold, role)["gender"])


@pytest.mark.parametrize("gender", ["female", "male"])
def test_one_gender_trains_and_everybody_is_tested(data: SystemData, gender: str) -> None:
    alone = with_folds(data, only(data, gender))
    for fold in alone.fold_numbers:
        assert genders(alone, fold, "train") == {gender}, fold
        assert len(genders(alone, fold, "validation")) == 1, f"nobody validates in fold {fold}"
    assert set(alone.tested["clip"]) == set(data.clips["clip"])


def test_half_of_each_trains_and_about_as_many_as_of_one_gender(data: SystemData) -> None:
    half = with_folds(data, half_of_each(data))
    counts = {"half": 0, "one": 0}
    for fold in half.fold_numbers:
        assert genders(half, fold, "train") == {"female", "male"}
        assert set(half.with_role(fold, "train")["clip"]) < set(
            data.with_role(fold, "train")["clip"]
        )
        counts["half"] += half.with_role(fold, "train")["speaker"].nunique()
        counts["one"] += data.with_role(fold, "train")["speaker"].nunique() / 2
    assert counts["half"] == pytest.approx(counts["one"], abs=0.5 * len(half.fold_numbers))
    assert set(half.tested["clip"]) == set(data.clips["clip"])


def test_answers_are_dealt_to_own_and_other_gender() -> None:
    table = make_predictions()
    answers = {name: table.assign(predicted=name) for name in (POOLED, HALF, "female", "male")}
    dealt = by_training(answers)
    own, other = dealt[OWN], dealt[OTHER]
    assert (own["predicted"] == own["gender"]).all()
    assert (other["predicted"] != other["gender"]).all()
    for kind in (own, other):
        assert kind["clip"].tolist() == table.sort_values(["seed", "clip"])["clip"].tolist()


def test_gains_are_of_the_own_gender_over_both() -> None:
    good, bad = (make_predictions(accuracy=lambda _, a=share: a) for share in (0.9, 0.3))
    study = describe({POOLED: bad, HALF: bad, OWN: good, OTHER: bad})
    gains = study.metrics["gains"]
    for name in ("over_pooled", "over_half"):
        for group in ("all", "female", "male"):
            assert gains[name][group]["difference"] > 30, (name, group)
    assert set(study.table["trained_on"]) == set(NAMES.values())
    assert study.table.groupby("trained_on")["tested"].agg(list).map(len).eq(3).all()


def test_the_study_runs_and_draws(tmp_path: Path) -> None:
    manifest = make_manifest(speakers=6, clips_each=1)
    write_splits(manifest, tmp_path / "splits" / CORPUS, "speaker_independent")
    write_features(tmp_path / "features" / CORPUS, separable_features(manifest))
    write_silent_functionals(manifest, tmp_path / "functionals" / CORPUS)
    params = make_params()
    study = study_gender(params, CORPUS, tmp_path)
    everybody = study.table[study.table["tested"] == "all"]
    assert (everybody["n_clips"] == len(manifest)).all()
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    for path in (one, two):
        draw_gender(study, CORPUS, path)
    assert one.read_bytes() == two.read_bytes()
