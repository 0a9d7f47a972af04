"""One network: it learns, repeats itself to the byte, and never looks at its test clips."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ser.models.inference import predict_probabilities
from ser.models.network import Network, build_network
from ser.models.storage import TrainedNetwork, save_network
from ser.reading.data import SystemData
from ser.reading.normalization import Normalizer
from ser.store.packs import Pack
from ser.training import fold as training
from ser.training.fold import arithmetic, n_epochs, train_fold
from ser.training.settings import Recipe
from tests.builders import (
    CORPUS,
    WAVEFORM_LAYOUT,
    make_manifest,
    make_recipe,
    make_system,
    noise_waveforms,
    replace_rows,
    tiny_system,
)
from tests.conftest import Refused

# every random effect of training, so that repeating is not trivial
LIVELY = {
    "model_sizes.small.dropout": 0.2,
    "training.copy_probability": 0.5,
    "training.label_smoothing": 0.1,
    "training.mixup_alpha": 0.3,
    "training.mixup_probability": 0.5,
    "training.time_warp": 0.1,
    "training.frequency_warp": 0.05,
    "training.frequency_masks": 1,
    "training.frequency_mask_bands": 3,
    "training.time_masks": 1,
    "training.time_mask_frames": 5,
    "training.weight_average": 0.5,
    "training.class_weight": 1.0,
}
KINDS = ("clip", "clip_mean", "train")


def trained_bytes(recipe: Recipe, data: SystemData, folder: Path, seed: int = 0) -> bytes:
    path = folder / "model"
    save_network(path, train_fold(recipe, data, 0, seed)[0])
    return path.read_bytes()


def items_of(data: SystemData, role: str) -> set[str]:
    clips = data.with_role(0, role)["clip"]
    return set(data.index.loc[data.index["clip"].isin(clips), "item"])


def classifier(model: TrainedNetwork) -> torch.Tensor:
    return model.network.classifier.weight


def features(data: SystemData, items: set[str]) -> list[torch.Tensor]:
    pack = Pack(data.packs[CORPUS])
    index = data.index[data.index["item"].isin(items)].sort_values("item")
    return [
        torch.from_numpy(pack.rows(row.start, row.length)).float() for row in index.itertuples()
    ]


def test_training_twice_gives_the_same_bytes(tiny: SystemData, tmp_path: Path) -> None:
    recipe = make_recipe(LIVELY)
    first = trained_bytes(recipe, tiny, tmp_path / "one")
    torch.rand(17)  # what was drawn before must not matter
    np.random.seed(3)
    assert trained_bytes(recipe, tiny, tmp_path / "two") == first


def test_a_model_says_what_it_was_made_from(tiny: SystemData) -> None:
    model, _ = train_fold(make_recipe(LIVELY), tiny, 0, 0)
    training, validation = (
        set(tiny.with_role(0, role)["clip"]) for role in ("train", "validation")
    )
    assert model.uses == {
        "training": items_of(tiny, "train"),
        "fitting statistics": training,
        "watching and choosing the epoch": validation,
    }
    assert len(model.uses["training"]) == 2 * len(training), "copies are not noted"
    assert model.arithmetic == arithmetic("float32", torch.device("cpu"))
    assert model.arithmetic.startswith("float32 ")


def test_folds_and_seeds_give_different_models(tiny: SystemData) -> None:
    one = {"training.epochs": 1}
    jobs = [(0, 0), (0, 1), (1, 0)]
    models = [train_fold(make_recipe(one), tiny, *job)[0] for job in jobs]
    assert [(model.fold, model.seed) for model in models] == jobs
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert not torch.allclose(classifier(models[first]), classifier(models[second]))


@pytest.mark.parametrize("kind", KINDS)
def test_held_out_features_change_nothing(tiny: SystemData, tmp_path: Path, kind: str) -> None:
    recipe = make_recipe({**LIVELY, "training.normalization": kind})
    tested, validating = items_of(tiny, "test"), items_of(tiny, "validation")
    broken = replace_rows(
        tiny, tmp_path / "broken", lambda item, rows: rows * np.nan if item in tested else rows
    )
    other = replace_rows(
        tiny, tmp_path / "other", lambda item, rows: 9 - 3 * rows if item in validating else rows
    )
    model, history = train_fold(recipe, tiny, 0, 0)
    blind, blind_history = train_fold(recipe, broken, 0, 0)
    unwatched, _ = train_fold(recipe, other, 0, 0)
    for name, value in model.network.state_dict().items():
        assert torch.equal(value, blind.network.state_dict()[name]), f"{name} saw test clips"
        assert torch.equal(value, unwatched.network.state_dict()[name]), f"{name} saw validation"
    assert history == blind_history, "the history has seen test clips"
    for held_out in (blind, unwatched):
        assert torch.equal(model.normalizer.mean, held_out.normalizer.mean)
        assert torch.equal(model.normalizer.scale, held_out.normalizer.scale)


def test_training_clips_do_matter(tiny: SystemData, tmp_path: Path) -> None:
    one = min(items_of(tiny, "train"))
    other = replace_rows(
        tiny, tmp_path / "other", lambda item, rows: -rows if item == one else rows
    )
    # batches that hold every clip: the rest of an epoch that fills none is not trained on
    recipe = make_recipe({"training.copy_probability": 0.0, "training.batch_size": 4})
    assert not torch.equal(
        *(classifier(train_fold(recipe, data, 0, 0)[0]) for data in (tiny, other))
    )


def test_features_of_test_clips_are_never_read(
    tiny: SystemData, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    rows = Pack.rows

    def watched(self: Pack, start: int, length: int) -> Any:
        read.append(int(start))
        return rows(self, start, length)

    monkeypatch.setattr(Pack, "rows", watched)
    train_fold(make_recipe({**LIVELY, "training.epochs": 1}), tiny, 0, 0)
    starts = dict(zip(tiny.index["start"], tiny.index["item"], strict=True))
    opened = {starts[start] for start in read}
    assert not opened & items_of(tiny, "test"), "test clips were opened"
    assert opened == items_of(tiny, "train") | set(tiny.with_role(0, "validation")["clip"])


def test_test_clips_need_not_even_be_in_the_pack(tiny: SystemData) -> None:
    tested = items_of(tiny, "test")
    gone = replace(tiny, index=tiny.index[~tiny.index["item"].isin(tested)])
    one = make_recipe({"training.epochs": 1})
    assert torch.equal(*(classifier(train_fold(one, data, 0, 0)[0]) for data in (tiny, gone)))


@pytest.mark.parametrize("kind", ["clip_mean", "train"])
def test_the_normaliser_is_fitted_on_training_clips_without_copies(
    tiny: SystemData, kind: Any
) -> None:
    recipe = make_recipe({"training.normalization": kind, "training.epochs": 1})
    model, _ = train_fold(recipe, tiny, 0, 0)
    clips = features(tiny, set(tiny.with_role(0, "train")["clip"]))
    expected = Normalizer.fit(kind, clips)
    assert torch.allclose(model.normalizer.mean, expected.mean)
    assert torch.allclose(model.normalizer.scale, expected.scale)


@pytest.mark.parametrize(("every", "epochs"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (9, [5])])
def test_the_history_has_a_row_for_scored_epochs_and_parts(
    tiny: SystemData, every: int, epochs: list[int]
) -> None:
    ticks = []
    recipe = make_recipe({"training.epochs": 5, "training.score_every": every})
    _, history = train_fold(recipe, tiny, 1, 4, lambda: ticks.append(1))
    assert len(ticks) == 5, "progress is not shown by epochs"
    assert [(row.epoch, row.part) for row in history] == [
        (epoch, part) for epoch in epochs for part in ("train", "validation")
    ]
    for row in history:
        assert (row.fold, row.seed) == (1, 4)
        assert np.isfinite(row.loss)
        assert row.loss >= 0
        assert 0 <= row.accuracy <= 100
        assert 0 <= row.uar <= 100


@pytest.mark.parametrize(
    "changes",
    [
        {"training.schedule": "constant", "training.checkpoint": "validation"},
        {"optimizer": "muon", "model_size": "base"},
        {"training.precision": "bfloat16", "training.class_weight": 0.5},
        {"training.batch_size": 64},
    ],
    ids=str,
)
def test_recipes_of_all_kinds_train(tiny: SystemData, changes: dict[str, Any]) -> None:
    check_trains(make_recipe({**LIVELY, **changes}), tiny)


def test_the_waveform_front_end_trains(tmp_path: Path) -> None:
    manifest = make_manifest(clips_each=1)
    data = make_system(tmp_path, manifest, noise_waveforms(manifest), layout=WAVEFORM_LAYOUT)
    changes = {"training.epochs": 1, "training.normalization": "train"}
    check_trains(make_recipe({**LIVELY, **changes}), data)


def check_trains(recipe: Recipe, data: SystemData) -> None:
    model, history = train_fold(recipe, data, 0, 0)
    assert all(np.isfinite(row.loss) for row in history), "the loss is not finite"
    assert all(torch.isfinite(value).all() for value in model.network.state_dict().values())
    assert not model.network.training


@pytest.mark.parametrize("weight_average", [0.0, 0.8])
def test_a_separable_problem_is_learned(tmp_path: Path, weight_average: float) -> None:
    data = tiny_system(tmp_path, clips_each=4)
    recipe = make_recipe(
        {
            "training.epochs": 20,
            "training.score_every": 20,
            "training.weight_average": weight_average,
            "optimizers.adamw.lr": 0.01,
        }
    )
    model, history = train_fold(recipe, data, 0, 0)
    parts = {row.part: row for row in history}
    assert parts["train"].accuracy > 90, "nothing was learned"
    assert parts["validation"].accuracy > 80, "nothing was learned that holds for other speakers"
    test = data.with_role(0, "test").sort_values("clip")
    clips = [model.normalizer(clip) for clip in features(data, set(test["clip"]))]
    best = predict_probabilities(model.network, clips).argmax(1).tolist()
    right = [model.emotions[i] == e for i, e in zip(best, test["emotion"], strict=True)]
    assert np.mean(right) > 0.8, "emotions are in another order than the outputs"


def test_the_validation_checkpoint_keeps_the_best_epoch(tiny: SystemData) -> None:
    # it chooses among all epochs, whichever of them the history has
    changes = {"training.epochs": 6, "training.schedule": "constant", "training.score_every": 1}
    choose = {"training.checkpoint": "validation"}
    model, history = train_fold(make_recipe({**changes, **choose}), tiny, 0, 0)
    validation = [row for row in history if row.part == "validation"]
    first_best = max(validation, key=lambda row: (row.uar, -row.epoch)).epoch
    alone, _ = train_fold(make_recipe({**changes, "training.epochs": first_best}), tiny, 0, 0)
    sparse = {**changes, **choose, "training.score_every": 6}
    same, _ = train_fold(make_recipe(sparse), tiny, 0, 0)
    for name, value in model.network.state_dict().items():
        assert torch.equal(value, alone.network.state_dict()[name]), name
        assert torch.equal(value, same.network.state_dict()[name]), name


def test_a_missing_pack_is_a_sentence(tiny: SystemData, tmp_path: Path, refused: Refused) -> None:
    with refused("is missing"):
        train_fold(make_recipe(), replace(tiny, packs={CORPUS: tmp_path / "gone"}), 0, 0)


def test_a_crop_that_is_too_short_for_the_network_is_a_sentence(
    tiny: SystemData, refused: Refused
) -> None:
    deep = {"model_sizes.small.channels": [4, 4, 4, 4], "model_sizes.small.time_pools": 3}
    stride = {"model_sizes.small.stem_stride": [4, 2], "training.crop_s": 0.3}
    with refused("training.crop_s is 0.3, which is 15 rows", "cnn needs at least 32"):
        train_fold(make_recipe({**deep, **stride}), tiny, 0, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "sgd", "optimizers.sgd.lr": 1e30, "training.schedule": "constant"},
        {"optimizer": "adamw", "optimizers.adamw.lr": 1e25, "training.schedule": "constant"},
    ],
    ids=["sgd", "adamw"],
)
def test_divergence_is_a_sentence(
    tiny: SystemData, changes: dict[str, Any], refused: Refused
) -> None:
    row = changes["optimizer"]
    with refused("diverged in fold 0 with seed 7", f"lower optimizers.{row}.lr"):
        train_fold(make_recipe(changes), tiny, 0, 7)


def test_a_running_statistic_that_is_not_finite_is_divergence(
    tiny: SystemData, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    def overflown(*arguments: Any) -> Network:
        network = build_network(*arguments)
        # no parameter: optimizers never see it, and it does not reach the loss of training
        network.body[1].running_var[0] = torch.inf
        return network

    monkeypatch.setattr(training, "build_network", overflown)
    with refused("diverged in fold 0"):
        train_fold(make_recipe(), tiny, 0, 0)


def test_a_small_corpus_is_trained_until_it_has_had_the_least_number_of_steps(
    tiny: SystemData,
) -> None:
    clips = len(tiny.with_role(0, "train"))
    per_epoch = clips // 8
    recipe = make_recipe({"training.epochs": 1, "training.min_steps": 3 * per_epoch})
    assert n_epochs(recipe, clips) == 3
    assert max(score.epoch for score in train_fold(recipe, tiny, 0, 0)[1]) == 3
