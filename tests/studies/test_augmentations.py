"""Augmentations: copies follow their clips, and a recipe has its own effects only."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ser.clips.manifest import MANIFEST, read_manifest
from ser.reading.data import training_items
from studies.augmentations import (
    NONE,
    RECIPES,
    describe_recipes,
    only_effects,
    study_augmentations,
)
from studies.copies import EFFECTS
from ser.reports.figures.augmentations import draw_augmentations, draw_sounds
from tests.builders import (
    CORPUS,
    make_manifest,
    make_params,
    make_predictions,
    one_torch_thread,
    tiny_system,
    write_clips,
    write_splits,
)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


def test_every_effect_is_tried_alone_and_all_together() -> None:
    alone = {recipe.effects for recipe in RECIPES if len(recipe.effects) == 1}
    assert alone == {(effect,) for effect in EFFECTS}
    assert any(recipe.effects == EFFECTS for recipe in RECIPES)
    assert NONE.effects == ()
    assert not NONE.on_features


def test_a_recipe_trains_on_copies_by_its_effects_only(tmp_path: Path) -> None:
    data = tiny_system(tmp_path, with_copies=True)
    with_noise, without = only_effects(data, ("noise",)), only_effects(data, ("pitch",))
    assert set(training_items(with_noise, 0)["effect"]) == {"", "noise"}
    assert set(training_items(without, 0)["effect"]) == {""}
    tested = set(with_noise.with_role(0, "test")["clip"])
    assert not tested & set(training_items(with_noise, 0)["clip"]), "a copy of a test clip trains"


def test_gains_are_over_none() -> None:
    predictions = {
        recipe.key: make_predictions(
            accuracy=lambda _, place=place: 0.2 + 0.08 * place, clips_each=10
        )
        for place, recipe in enumerate(RECIPES)
    }
    study = describe_recipes(predictions)
    table = study.table.set_index("augmentation")
    assert pd.isna(table["difference"][NONE.name])
    for recipe in RECIPES[1:]:
        gain = table["uar"][recipe.name] - table["uar"][NONE.name]
        assert table["difference"][recipe.name] == pytest.approx(gain)
        assert study.metrics[recipe.key]["mark"] == "none"


def test_the_study_runs_with_the_seeds_of_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = (NONE, RECIPES[-1])
    monkeypatch.setattr("studies.augmentations.RECIPES", few)
    corpus = tmp_path / "corpora" / CORPUS
    manifest = write_clips(make_manifest(speakers=4, clips_each=1), corpus)
    write_splits(manifest, tmp_path / "splits" / CORPUS, "speaker_independent")
    params = make_params({"training.seeds": [3, 4], "features.trim_db": None})
    study = study_augmentations(params, CORPUS, tmp_path)
    assert study.table["augmentation"].tolist() == [recipe.name for recipe in few]
    assert study.table["uar_deviation"].notna().all(), "one seed only"


def test_figures_have_the_same_bytes_twice_and_show_every_effect(tmp_path: Path) -> None:
    write_clips(make_manifest(speakers=1, clips_each=1), tmp_path)
    manifest = read_manifest(tmp_path / MANIFEST)
    table = describe_recipes({recipe.key: make_predictions() for recipe in RECIPES}).table
    for name in ("one", "two"):
        draw_augmentations(table, "tiny", tmp_path / f"{name}.png")
        draw_sounds(make_params(), manifest, tmp_path, tmp_path / f"{name}_sounds.png")
    for kind in ("", "_sounds"):
        one, two = (tmp_path / f"{name}{kind}.png" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    other = make_params({"augmentation.noise.min_snr_db": -20, "augmentation.noise.max_snr_db": 0})
    draw_sounds(other, manifest, tmp_path, tmp_path / "loud.png")
    assert (tmp_path / "loud.png").read_bytes() != (tmp_path / "one_sounds.png").read_bytes()
    assert np.isfinite(table["uar"]).all()
