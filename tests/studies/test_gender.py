"""Women, men, both: who trains and who is tested in each of the study's models."""

import pandas as pd
import pytest

from ser.clips.manifest import GENDERS
from ser.evaluation.trials import with_folds
from ser.reading.data import SystemData
from studies.gender import (
    BOTH,
    GROUPS,
    HALF,
    OTHER,
    OWN,
    by_training,
    describe,
    half_of_each,
    only,
    study_gender,
)
from tests.builders import CORPUS, tiny_system
from tests.studies.builders import answers, study_values, write_study


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> SystemData:
    return tiny_system(tmp_path_factory.mktemp("data"), speakers=12, clips_each=1)


def genders(data: SystemData, fold: int, role: str) -> set[str]:
    return set(data.with_role(fold, role)["gender"])


@pytest.mark.parametrize("gender", GENDERS)
def test_one_gender_trains_and_everybody_is_tested(data: SystemData, gender: str) -> None:
    alone = with_folds(data, only(data, gender))
    for fold in alone.fold_numbers:
        assert genders(alone, fold, "train") == {gender}, fold
        assert len(genders(alone, fold, "validation")) == 1, f"nobody validates in fold {fold}"
    assert set(alone.tested["clip"]) == set(data.clips["clip"])


def test_half_of_each_trains_and_about_as_many_as_of_one_gender(data: SystemData) -> None:
    half = with_folds(data, half_of_each(data))
    counts = {"half": 0.0, "one": 0.0}
    for fold in half.fold_numbers:
        whole, some = data.with_role(fold, "train"), half.with_role(fold, "train")
        assert set(some["gender"]) == set(GENDERS)
        assert set(some["clip"]) < set(whole["clip"])
        counts["half"] += some["speaker"].nunique()
        counts["one"] += whole["speaker"].nunique() / 2
    assert counts["half"] == pytest.approx(counts["one"], abs=0.5 * len(half.fold_numbers))
    assert set(half.tested["clip"]) == set(data.clips["clip"])


def test_answers_are_dealt_to_own_and_other_gender() -> None:
    table = answers(0.5)
    unknown = table.assign(clip="x/" + table["clip"], gender="unknown")
    everybody = pd.concat([table, unknown], ignore_index=True)
    found = by_training({name: everybody.assign(predicted=name) for name in (BOTH, HALF, *GENDERS)})
    own, other = found[OWN], found[OTHER]
    assert (own["predicted"] == own["gender"]).all()
    assert (other["predicted"] != other["gender"]).all()
    clips = table.sort_values(["seed", "clip"])["clip"].tolist()
    for name in (BOTH, OWN, OTHER):
        assert found[name].sort_values(["seed", "clip"])["clip"].tolist() == clips, name


def test_gains_are_of_the_own_gender_over_both() -> None:
    # each gender's model knows its own
    of_gender = {
        name: pd.concat(
            [
                answers(share)[lambda rows, g=gender: rows["gender"] == g]
                for gender, share in ((name, 0.9), (other, 0.3))
            ],
            ignore_index=True,
        )
        for name, other in (GENDERS, GENDERS[::-1])
    }
    tables = describe({BOTH: answers(0.3), HALF: answers(0.3), **of_gender})
    gains = tables["_gains"]
    assert gains["name"].tolist() == [BOTH] * 3 + [HALF] * 3
    assert gains["tested"].tolist() == [*GROUPS] * 2
    assert (gains["difference"] > 30).all()
    uar = tables[""].set_index(["name", "tested"])["uar"]
    assert uar[OWN, "all"] > uar[OTHER, "all"] + 30
    assert tables[""]["mark"].eq("none").all()


@pytest.mark.usefixtures("guessing")
def test_the_study_tests_everybody_with_every_model() -> None:
    manifest = write_study()
    table = study_gender(study_values(), CORPUS)[""]
    everybody = table[table["tested"] == "all"]
    assert everybody["name"].tolist() == [BOTH, HALF, OWN, OTHER]
    assert (everybody["n_clips"] == len(manifest)).all()
