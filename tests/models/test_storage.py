"""Models on disk: the same outputs, the same bytes, and no file of anybody else."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ser.models.inference import predict_probabilities
from ser.models.linear import LinearModel
from ser.models.network import build_network
from ser.models.storage import (
    TrainedLinear,
    TrainedNetwork,
    linear_folder,
    load_linear,
    load_network,
    network_path,
    save_linear,
    save_network,
    seed_folder,
)
from ser.reading.normalization import Normalizer
from ser.store.features import Layout
from tests.builders import EMOTIONS, little_disk, make_recipe
from tests.conftest import Refused

Change = Callable[[dict[str, Any], dict[str, Any]], Any]

USES = {"training": {"toy/b", "toy/a", "toy/a+noise"}, "fitting statistics": {"toy/a", "toy/b"}}


def make_network(fold: int = 3, seed: int = 1) -> TrainedNetwork:
    torch.manual_seed(11)
    size = make_recipe().model
    network = build_network(size.network, size.settings, Layout("log_mel", 12, 50.0, True), 3)
    network(torch.randn(8, 24, 12), torch.full((8,), 24.0))  # running statistics move
    normalizer = Normalizer("train", torch.arange(12.0), torch.arange(12.0) + 1)
    return TrainedNetwork(
        EMOTIONS, fold, USES, size.network, network.eval(), normalizer, seed, "float32 DEFAULT"
    )


def make_linear() -> TrainedLinear:
    rng = np.random.default_rng(5)
    mean, scale = (
        {corpus: rng.random(7).astype(np.float32) for corpus in ("toy", "other")} for _ in range(2)
    )
    weight = rng.standard_normal((3, 7)).astype(np.float32)
    model = LinearModel(mean, scale, weight, rng.random(3).astype(np.float32))
    return TrainedLinear(EMOTIONS, 3, USES, model)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_network(tmp_path / "fold_03.safetensors", make_network())
    return tmp_path / "fold_03.safetensors"


@pytest.fixture
def linear_path(tmp_path: Path) -> Path:
    save_linear(tmp_path / "linear_03.safetensors", make_linear())
    return tmp_path / "linear_03.safetensors"


def test_a_loaded_network_gives_the_same_outputs(path: Path) -> None:
    model, loaded = make_network(), load_network(path)
    clips = [torch.randn(length, 12) for length in (20, 31, 9)]
    for clip in clips:
        assert torch.equal(model.normalizer(clip), loaded.normalizer(clip))
    one, two = (predict_probabilities(each.network, clips) for each in (model, loaded))
    assert torch.equal(one, two)
    state = model.network.state_dict()
    for name, value in loaded.network.state_dict().items():
        assert torch.equal(value, state[name]), name
    for name in ("emotions", "fold", "seed", "name", "arithmetic", "uses"):
        assert getattr(loaded, name) == getattr(model, name), f"{name} is lost"
    assert loaded.normalizer.kind == "train"
    assert loaded.network.settings == model.network.settings
    assert loaded.network.layout == model.network.layout
    assert not loaded.network.training, "a loaded model must be ready for prediction"


def test_a_loaded_linear_part_gives_the_same_outputs(linear_path: Path) -> None:
    model, loaded = make_linear(), load_linear(linear_path)
    values = np.random.default_rng(1).random((4, 7))
    answers = [
        part.model.predict(values, ["toy", "toy", "other", "toy"]) for part in (model, loaded)
    ]
    assert np.array_equal(*answers)
    assert (loaded.emotions, loaded.fold, loaded.uses) == (EMOTIONS, 3, USES)


def test_equal_models_are_equal_bytes(path: Path, linear_path: Path, tmp_path: Path) -> None:
    again, linear_again = tmp_path / "again", tmp_path / "linear_again"
    # another order of purposes, and what was loaded
    uses = {purpose: USES[purpose] for purpose in sorted(USES, reverse=True)}
    save_network(again, replace(load_network(path), uses=uses))
    save_linear(linear_again, replace(load_linear(linear_path), uses=uses))
    assert again.read_bytes() == path.read_bytes()
    assert linear_again.read_bytes() == linear_path.read_bytes()


def test_every_fold_and_seed_has_its_own_file(tmp_path: Path) -> None:
    folders = [*(seed_folder(tmp_path, seed) for seed in range(12)), linear_folder(tmp_path)]
    paths = {network_path(folder, fold) for fold in range(12) for folder in folders}
    assert len(paths) == 12 * 13


@pytest.mark.parametrize("load", [load_network, load_linear])
def test_a_missing_model_is_one_sentence(
    load: Callable[[Path], object], tmp_path: Path, refused: Refused
) -> None:
    with refused("fold_00.safetensors is missing; run `dvc repro`"):
        load(tmp_path / "fold_00.safetensors")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def overwritten(path: Path) -> None:
    path.write_bytes(b"PK not a model at all" * 50)


def pickled(path: Path) -> None:
    torch.save({"weights": torch.zeros(3)}, path)


def without_a_card(path: Path) -> None:
    save_file({"weights": torch.zeros(3)}, path)


def with_a_card_that_is_no_json(path: Path) -> None:
    save_file({"weights": torch.zeros(3)}, path, metadata={"card": "{"})


@pytest.mark.parametrize(
    "damage",
    [truncated, emptied, overwritten, pickled, without_a_card, with_a_card_that_is_no_json],
)
def test_a_damaged_or_foreign_file_is_refused(
    path: Path, linear_path: Path, damage: Callable[[Path], None], refused: Refused
) -> None:
    for load, file in ((load_network, path), (load_linear, linear_path)):
        damage(file)
        with refused("is not a model of this project", file.name):
            load(file)


def rewrite(path: Path, change: Change) -> None:
    with safe_open(path, framework="pt") as file:
        card = json.loads(file.metadata()["card"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(card, tensors)
    save_file(tensors, path, metadata={"card": json.dumps(card)})


def test_rewriting_alone_keeps_a_model_readable(path: Path, linear_path: Path) -> None:
    for load, file in ((load_network, path), (load_linear, linear_path)):
        rewrite(file, lambda card, tensors: None)
        assert load(file).emotions == EMOTIONS


def spoil(tensors: dict[str, torch.Tensor], value: float) -> None:
    name = next(name for name in sorted(tensors) if name.endswith("weight"))
    tensors[name].view(-1)[0] = value


def as_whole(tensors: dict[str, torch.Tensor], name: str) -> None:
    tensors[name] = tensors[name].to(torch.int8)


OF_BOTH: dict[str, Change] = {
    "no uses": lambda card, tensors: card.pop("uses"),
    "uses without purpose": lambda card, tensors: card.update(uses=["toy/a"]),
    "no emotions": lambda card, tensors: card.update(emotions=[]),
    "an unknown emotion": lambda card, tensors: card.update(emotions=["neutral", "happy", "So So"]),
    "an emotion twice": lambda card, tensors: card.update(emotions=["neutral", "happy", "happy"]),
    "more emotions than classes": lambda card, tensors: card["emotions"].append("angry"),
    "emotions in another order": lambda card, tensors: card["emotions"].reverse(),
    "a fold that is no number": lambda card, tensors: card.update(fold="first"),
    "a weight that is no number": lambda card, tensors: spoil(tensors, float("nan")),
    "an infinite weight": lambda card, tensors: spoil(tensors, float("inf")),
}
OF_NETWORKS: dict[str, Change] = {
    **OF_BOTH,
    "no settings": lambda card, tensors: card.pop("settings"),
    "no channels": lambda card, tensors: card["settings"].pop("channels"),
    "an unknown network": lambda card, tensors: card.update(network="os"),
    "a layout of layers": lambda card, tensors: card["layout"].update(layers=3),
    "other shapes": lambda card, tensors: card["layout"].update(bands=40),
    "no arithmetic": lambda card, tensors: card.pop("arithmetic"),
    "no normaliser": lambda card, tensors: tensors.pop("normalizer.mean"),
    "an unknown normalisation": lambda card, tensors: card.update(normalization="magic"),
    "a scale of zero": lambda card, tensors: tensors["normalizer.scale"].zero_(),
    "weights of another type": lambda card, tensors: as_whole(tensors, "network.classifier.weight"),
    "no classifier": lambda card, tensors: tensors.pop("network.classifier.weight"),
}
OF_LINEAR: dict[str, Change] = {
    **OF_BOTH,
    "no weights": lambda card, tensors: tensors.pop("weight"),
    "a scale below zero": lambda card, tensors: tensors["scale.toy"].neg_(),
    "weights of another type": lambda card, tensors: as_whole(tensors, "weight"),
    "a corpus more": lambda card, tensors: card["corpora"].append("third"),
}


@pytest.mark.parametrize("change", OF_NETWORKS)
def test_a_network_of_another_version_is_a_sentence(
    path: Path, change: str, refused: Refused
) -> None:
    rewrite(path, OF_NETWORKS[change])
    with refused("is not a model of this project", path.name):
        load_network(path)


@pytest.mark.parametrize("change", OF_LINEAR)
def test_a_linear_part_of_another_version_is_a_sentence(
    linear_path: Path, change: str, refused: Refused
) -> None:
    rewrite(linear_path, OF_LINEAR[change])
    with refused("is not a model of this project", linear_path.name):
        load_linear(linear_path)


def test_a_pipe_in_the_place_of_a_model_keeps_nobody_waiting(
    tmp_path: Path, refused: Refused
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for load in (load_network, load_linear):
        with refused("pipe is not a model of this project"):
            load(tmp_path / "pipe")


def test_a_full_disk_leaves_the_old_model(path: Path) -> None:
    before = path.read_bytes()
    # OSError is what becomes a sentence; an error of safetensors would be a traceback
    with little_disk(), pytest.raises(OSError, match="too large"):
        save_network(path, make_network())
    assert path.read_bytes() == before
    assert [found.name for found in path.parent.iterdir()] == [path.name], "half a model is left"
