"""One model: it learns, repeats itself to the byte, and never looks at its test clips."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ser.reading.data import SystemData
from ser.core.errors import SerError
from ser.models.inference import predict_probabilities
from ser.models.storage import TrainedModel, model_path, save_model
from ser.reading.normalization import Normalizer
from ser.store.packs import Pack
from ser.params import Params
from ser.training.fold import _generator, build_network, train_fold
from tests.builders import (
    CORPUS,
    make_manifest,
    make_params,
    make_system,
    noise_waveforms,
    one_torch_thread,
    replace_rows,
    separable_features,
    tiny_system,
)

# every random effect of training, so that repeating is not trivial
LIVELY = {
    "model_sizes.small.dropout": 0.2,
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
    "augmentation.probability": 0.5,
}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


@pytest.fixture
def data(tmp_path: Path) -> SystemData:
    return tiny_system(tmp_path, with_copies=True)


def model_bytes(model: TrainedModel, folder: Path) -> bytes:
    save_model(folder, model)
    return model_path(folder, model.fold, model.seed).read_bytes()


def trained_bytes(params: Params, data: SystemData, folder: Path, seed: int = 0) -> bytes:
    return model_bytes(train_fold(params, data, 0, seed)[0], folder)


def items_of(data: SystemData, role: str) -> set[str]:
    clips = data.with_role(0, role)["clip"]
    return set(data.index.loc[data.index["clip"].isin(clips), "item"])


def test_training_twice_gives_the_same_bytes(data: SystemData, tmp_path: Path) -> None:
    params = make_params(LIVELY)
    first = trained_bytes(params, data, tmp_path / "one")
    torch.rand(17)  # what was drawn before must not matter
    np.random.seed(3)
    assert trained_bytes(params, data, tmp_path / "two") == first


def test_a_model_says_what_it_was_made_from(data: SystemData) -> None:
    model, _ = train_fold(make_params(LIVELY), data, 0, 0)
    training, validation = (
        set(data.with_role(0, role)["clip"]) for role in ("train", "validation")
    )
    assert model.uses == {
        "training": items_of(data, "train"),
        "fitting statistics": training,
        "watching and choosing the epoch": validation,
    }
    assert len(model.uses["training"]) == 2 * len(training), "copies are not noted"


def test_seeds_give_different_models(data: SystemData) -> None:
    models = [train_fold(make_params(), data, 0, seed)[0] for seed in (0, 1)]
    weights = [model.networks[0].classifier.weight for model in models]
    assert not torch.allclose(weights[0], weights[1])
    assert [model.seed for model in models] == [0, 1]


def test_networks_of_a_model_start_apart_and_do_not_disturb_each_other(data: SystemData) -> None:
    params = make_params({**LIVELY, "training.networks": 2, "training.epochs": 1})
    model, history = train_fold(params, data, 0, 0)
    first, second = (network.classifier.weight for network in model.networks)
    assert not torch.allclose(first, second), "both networks are the same"
    assert sorted({row.network for row in history}) == [0, 1]
    single = make_params({**LIVELY, "training.epochs": 1})
    alone, own = train_fold(single, data, 0, 0)
    assert torch.equal(alone.networks[0].classifier.weight, first), "the second changed the first"
    assert own == [row for row in history if row.network == 0]


def test_no_two_networks_draw_the_same_numbers() -> None:
    runs = product(range(25), range(20), range(20))
    drawn = [_generator(*run).initial_seed() for run in runs]
    assert len(set(drawn)) == len(drawn)


def test_folds_give_different_models(data: SystemData) -> None:
    models = [train_fold(make_params(), data, fold, 0)[0] for fold in (0, 1)]
    assert not torch.allclose(
        models[0].networks[0].classifier.weight, models[1].networks[0].classifier.weight
    )
    assert [model.fold for model in models] == [0, 1]


@pytest.mark.parametrize("normalization", ["clip", "clip_mean", "train"])
def test_features_of_test_clips_change_nothing(
    data: SystemData, tmp_path: Path, normalization: str
) -> None:
    params = make_params({**LIVELY, "training.normalization": normalization})
    tested = items_of(data, "test")
    broken = replace_rows(
        data, tmp_path / "broken", lambda item, rows: rows * np.nan if item in tested else rows
    )
    assert trained_bytes(params, data, tmp_path / "one") == trained_bytes(
        params, broken, tmp_path / "two"
    ), "the model has seen test clips"
    for whole, blind in zip(
        train_fold(params, data, 0, 0)[1], train_fold(params, broken, 0, 0)[1], strict=True
    ):
        assert whole == blind, "the history has seen test clips"


@pytest.mark.parametrize("normalization", ["clip", "clip_mean", "train"])
def test_features_of_validation_clips_change_no_weights(
    data: SystemData, tmp_path: Path, normalization: str
) -> None:
    params = make_params({**LIVELY, "training.normalization": normalization})
    validating = items_of(data, "validation")
    other = replace_rows(
        data, tmp_path / "other", lambda item, rows: 9 - 3 * rows if item in validating else rows
    )
    assert trained_bytes(params, data, tmp_path / "one") == trained_bytes(
        params, other, tmp_path / "two"
    )


def test_training_clips_do_matter(data: SystemData, tmp_path: Path) -> None:
    one = sorted(items_of(data, "train"))[0]
    other = replace_rows(
        data, tmp_path / "other", lambda item, rows: -rows if item == one else rows
    )
    # batches that hold every clip: the rest of an epoch that fills none is not trained on
    params = make_params({"augmentation.probability": 0.0, "training.batch_size": 4})
    assert trained_bytes(params, data, tmp_path / "a") != trained_bytes(
        params, other, tmp_path / "b"
    )


def test_features_of_test_clips_are_never_read(
    data: SystemData, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    rows = Pack.rows

    def watched(self: Pack, start: int, length: int) -> Any:
        read.append(int(start))
        return rows(self, start, length)

    monkeypatch.setattr(Pack, "rows", watched)
    train_fold(make_params(LIVELY), data, 0, 0)
    starts = dict(zip(data.index["start"], data.index["item"], strict=True))
    opened = {starts[start] for start in read}
    assert not opened & items_of(data, "test"), "test clips were opened"
    validated = set(data.with_role(0, "validation")["clip"])
    assert opened == items_of(data, "train") | validated


def test_test_clips_need_not_even_be_in_the_pack(data: SystemData, tmp_path: Path) -> None:
    tested = items_of(data, "test")
    gone = replace(data, index=data.index[~data.index["item"].isin(tested)])
    assert trained_bytes(make_params(), data, tmp_path / "a") == trained_bytes(
        make_params(), gone, tmp_path / "b"
    )


@pytest.mark.parametrize("kind", ["clip_mean", "train"])
def test_the_normaliser_is_fitted_on_training_clips_without_copies(
    data: SystemData, tmp_path: Path, kind: str
) -> None:
    training = set(data.with_role(0, "train")["clip"])
    other = replace_rows(
        data, tmp_path / "other", lambda item, rows: rows if item in training else 5 * rows + 2
    )
    params = make_params({"training.normalization": kind, "training.epochs": 1})
    first, second = (train_fold(params, each, 0, 0)[0].normalizer for each in (data, other))
    assert torch.equal(first.mean, second.mean)
    assert torch.equal(first.scale, second.scale)
    index = data.index[data.index["item"].isin(training)].sort_values("item")
    pack = Pack(data.packs[CORPUS])
    clips = [
        torch.from_numpy(pack.rows(row.start, row.length)).float() for row in index.itertuples()
    ]
    assert torch.allclose(first.scale, Normalizer.fit(kind, clips).scale)  # type: ignore[arg-type]


@pytest.mark.parametrize("checkpoint", ["last", "validation"])
def test_the_history_has_a_row_for_each_epoch_and_part(data: SystemData, checkpoint: str) -> None:
    params = make_params({"training.epochs": 3, "training.checkpoint": checkpoint})
    history = train_fold(params, data, 1, 4)[1]
    assert [(row.epoch, row.part) for row in history] == [
        (epoch, part) for epoch in (1, 2, 3) for part in ("train", "validation")
    ]
    for row in history:
        assert (row.fold, row.seed) == (1, 4)
        assert np.isfinite(row.loss)
        assert row.loss >= 0
        assert 0 <= row.accuracy <= 100
        assert 0 <= row.uar <= 100


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adamw"])
def test_every_optimizer_trains(data: SystemData, optimizer: str) -> None:
    check_trains(make_params({"optimizer": optimizer, "training.epochs": 1}), data)


@pytest.mark.parametrize("size", ["small", "base", "large"])
def test_every_model_size_of_the_parameters_trains(data: SystemData, size: str) -> None:
    channels = {f"model_sizes.{size}.dropout": 0.1}
    check_trains(make_params({"model_size": size, "training.epochs": 1, **channels}), data)


@pytest.mark.parametrize("schedule", ["one_cycle", "constant"])
@pytest.mark.parametrize("checkpoint", ["last", "validation"])
def test_every_schedule_and_checkpoint_trains(
    data: SystemData, schedule: str, checkpoint: str
) -> None:
    changes = {"training.schedule": schedule, "training.checkpoint": checkpoint}
    check_trains(make_params({**LIVELY, **changes}), data)


@pytest.mark.parametrize("bands", [16, 60])
def test_features_of_any_width_train(tmp_path: Path, bands: int) -> None:
    manifest = make_manifest()
    data = make_system(tmp_path, manifest, separable_features(manifest, bands=bands))
    check_trains(make_params(LIVELY), data)


def test_the_waveform_front_end_trains(tmp_path: Path) -> None:
    manifest = make_manifest(clips_each=1)
    data = make_system(tmp_path, manifest, noise_waveforms(manifest))
    changes = {
        "features.front_end": "waveform",
        "features.n_mels": 16,
        "features.n_mfcc": 8,
        "training.epochs": 1,
        "training.normalization": "train",
    }
    check_trains(make_params({**LIVELY, **changes}), data)


def check_trains(params: Params, data: SystemData) -> None:
    model, history = train_fold(params, data, 0, 0)
    assert all(np.isfinite(row.loss) for row in history), "the loss is not finite"
    assert all(torch.isfinite(value).all() for value in model.networks[0].state_dict().values())
    torch.manual_seed(1_000_003 * 0 + 0)
    untrained = build_network(params, model.normalizer.mean.numel(), len(model.emotions))
    assert not torch.equal(untrained.classifier.weight, model.networks[0].classifier.weight)
    assert not model.networks[0].training


@pytest.mark.parametrize("weight_average", [0.0, 0.8])
def test_a_separable_problem_is_learned(tmp_path: Path, weight_average: float) -> None:
    data = tiny_system(tmp_path, clips_each=4)
    params = make_params(
        {
            "training.epochs": 20,
            "training.weight_average": weight_average,
            "optimizers.adamw.lr": 0.01,
            "augmentation.probability": 0.0,
        }
    )
    model, history = train_fold(params, data, 0, 0)
    parts = {row.part: row for row in history if row.epoch == 20}
    assert parts["train"].accuracy > 90, "nothing was learned"
    assert parts["validation"].accuracy > 80, "nothing was learned that holds for other speakers"
    assert history[0].loss > parts["train"].loss
    test = data.with_role(0, "test")
    pack = Pack(data.packs[CORPUS])
    rows = data.index.set_index("item").loc[test["clip"]]
    clips = [
        model.normalizer(torch.from_numpy(pack.rows(row.start, row.length)).float())
        for row in rows.itertuples()
    ]
    best = predict_probabilities(model.networks, clips).argmax(1).tolist()
    right = [model.emotions[i] == e for i, e in zip(best, test["emotion"], strict=True)]
    assert np.mean(right) > 0.8, "emotions are in another order than the outputs"


def test_the_validation_checkpoint_keeps_the_best_epoch(tmp_path: Path) -> None:
    data = tiny_system(tmp_path)
    changes = {"training.epochs": 6, "training.schedule": "constant"}
    params = make_params({**changes, "training.checkpoint": "validation"})
    model, history = train_fold(params, data, 0, 0)
    validation = [row for row in history if row.part == "validation"]
    first_best = max(validation, key=lambda row: (row.uar, -row.epoch)).epoch
    alone, _ = train_fold(make_params({**changes, "training.epochs": first_best}), data, 0, 0)
    for name, value in model.networks[0].state_dict().items():
        assert torch.equal(value, alone.networks[0].state_dict()[name]), name


def test_a_missing_pack_is_a_sentence(data: SystemData, tmp_path: Path) -> None:
    with pytest.raises(SerError, match="is missing"):
        train_fold(make_params(), replace(data, packs={CORPUS: tmp_path / "gone"}), 0, 0)


def test_a_small_corpus_is_trained_until_it_has_had_the_least_number_of_steps(
    data: SystemData,
) -> None:
    items = len(data.with_role(0, "train"))
    size = make_params().training.batch_size
    steps_per_epoch = max(1, items // size)
    params = make_params({"training.epochs": 1, "training.min_steps": 3 * steps_per_epoch})
    _, history = train_fold(params, data, 0, 0)
    assert max(score.epoch for score in history) == 3, "min_steps did not lengthen the training"
