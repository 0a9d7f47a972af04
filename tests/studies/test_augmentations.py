"""Augmentations: copies follow their clips, and a way has its own effects only."""

import pytest

from ser.reading.data import SystemData, training_items
from studies.augmentations import NONE, ON_FEATURES, WAYS, only_effects, study_augmentations
from studies.copies import EFFECTS
from tests.builders import CORPUS
from tests.studies.builders import study_values, write_study


def test_every_effect_is_tried_alone_and_all_together() -> None:
    by_name = {way.name: way for way in WAYS}
    alone = [way.effects for way in WAYS if len(way.effects) == 1]
    assert sorted(alone) == sorted((effect,) for effect in EFFECTS)
    assert any(way.effects == EFFECTS and not way.on_features for way in WAYS)
    assert by_name[NONE].effects == by_name[ON_FEATURES].effects == ()
    assert by_name[ON_FEATURES].on_features
    assert not by_name[NONE].on_features


def test_a_way_trains_on_copies_by_its_effects_only(tiny: SystemData) -> None:
    with_noise, without = only_effects(tiny, ("noise",)), only_effects(tiny, ("pitch",))
    assert set(training_items(with_noise, 0)["effect"]) == {"", "noise"}
    assert set(training_items(without, 0)["effect"]) == {""}
    tested = set(with_noise.with_role(0, "test")["clip"])
    assert not tested & set(training_items(with_noise, 0)["clip"]), "a copy of a test clip trains"


@pytest.mark.usefixtures("guessing")
def test_the_study_tries_every_way_with_every_seed() -> None:
    write_study(copies=True)
    table = study_augmentations(study_values(), CORPUS)[""]
    assert table["name"].tolist() == [way.name for way in WAYS]
    assert table["uar_deviation"].notna().all(), "one seed only"
    assert table["difference"].isna().tolist() == [way.name == NONE for way in WAYS]
