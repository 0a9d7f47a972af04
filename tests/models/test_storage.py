"""Models on disk: the same outputs, the same bytes, and no file of anybody else."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ser.core.errors import SerError
from ser.models.cnn import Cnn, CnnConfig
from ser.models.inference import predict_probabilities
from ser.models.linear import LinearModel
from ser.models.storage import TrainedModel, load_model, model_path, save_model
from ser.reading.normalization import Normalizer
from tests.builders import REPOSITORY, little_disk, one_torch_thread

EMOTIONS = ("neutral", "happy", "sad")
USES = {"training": {"toy/b", "toy/a", "toy/a+noise"}, "fitting statistics": {"toy/a", "toy/b"}}
CONFIG = CnnConfig(12, 3, (6, 8), 5, (2, 2), 1, 0.1, False, 25.0, 10.0)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


def make_model(fold: int = 3, seed: int = 1) -> TrainedModel:
    torch.manual_seed(11)
    network = Cnn(CONFIG)
    network(torch.randn(8, 24, 12), torch.full((8,), 24.0))  # running statistics move
    normalizer = Normalizer("train", torch.arange(12.0), torch.arange(12.0) + 1)
    return TrainedModel((network.eval(),), EMOTIONS, normalizer, fold, seed, USES)


def with_linear_part() -> TrainedModel:
    rng = np.random.default_rng(5)
    mean, scale = ({"toy": rng.random(7).astype(np.float32)} for _ in range(2))
    weight = rng.standard_normal((3, 7)).astype(np.float32)
    linear = LinearModel(mean, scale, weight, rng.random(3).astype(np.float32))
    return replace(make_model(), linear=linear, linear_share=0.4)


def test_a_linear_part_comes_back_as_it_was(tmp_path: Path) -> None:
    model = with_linear_part()
    save_model(tmp_path, model)
    loaded = load_model(model_path(tmp_path, 3, 1))
    assert loaded.linear is not None
    assert model.linear is not None
    assert loaded.linear_share == 0.4
    values = np.random.default_rng(1).random((4, 7))
    answers = [part.predict(values, ["toy"] * 4) for part in (model.linear, loaded.linear)]
    assert np.array_equal(*answers)


def test_parameters_are_those_of_both_parts() -> None:
    alone, both = make_model(), with_linear_part()
    assert both.parameters == alone.parameters + 3 * 7 + 3


def with_two_networks() -> TrainedModel:
    model, other = make_model(), Cnn(CONFIG).eval()
    return replace(model, networks=(*model.networks, other))


def test_every_network_comes_back_in_its_place(tmp_path: Path) -> None:
    model = with_two_networks()
    save_model(tmp_path, model)
    loaded = load_model(model_path(tmp_path, 3, 1))
    assert len(loaded.networks) == 2
    for mine, back in zip(model.networks, loaded.networks, strict=True):
        assert not back.training
        for name, value in mine.state_dict().items():
            assert torch.equal(back.state_dict()[name], value), name


def test_parameters_are_those_of_all_networks() -> None:
    assert with_two_networks().parameters == 2 * make_model().parameters


def test_a_model_without_a_linear_part_has_none(tmp_path: Path) -> None:
    assert load_model(saved(tmp_path)).linear is None


def saved(folder: Path) -> Path:
    save_model(folder, make_model())
    return model_path(folder, 3, 1)


def test_a_loaded_model_gives_the_same_outputs(tmp_path: Path) -> None:
    model, loaded = make_model(), load_model(saved(tmp_path))
    clips = [torch.randn(length, 12) for length in (20, 31, 9)]
    for one, two in zip(clips, clips, strict=True):
        assert torch.equal(model.normalizer(one), loaded.normalizer(two))
    assert torch.equal(
        predict_probabilities(model.networks, clips), predict_probabilities(loaded.networks, clips)
    )
    assert (loaded.emotions, loaded.fold, loaded.seed) == (EMOTIONS, 3, 1)
    assert loaded.normalizer.kind == "train"
    assert loaded.uses == USES, "what the model was made from is lost"
    assert loaded.networks[0].config == CONFIG
    assert not loaded.networks[0].training, "a loaded model must be ready for prediction"


def test_every_tensor_comes_back(tmp_path: Path) -> None:
    state, loaded = make_model().networks[0].state_dict(), load_model(saved(tmp_path)).networks[0]
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, state[name]), name


def test_a_model_saved_twice_has_the_same_bytes(tmp_path: Path) -> None:
    assert saved(tmp_path / "one").read_bytes() == saved(tmp_path / "two").read_bytes()


def test_the_order_of_purposes_does_not_change_the_bytes(tmp_path: Path) -> None:
    model = make_model()
    for name, reverse in (("one", False), ("two", True)):
        uses = {purpose: USES[purpose] for purpose in sorted(USES, reverse=reverse)}
        save_model(tmp_path / name, replace(model, uses=uses))
    one, two = (model_path(tmp_path / name, 3, 1).read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_model_loaded_and_saved_again_has_the_same_bytes(tmp_path: Path) -> None:
    path = saved(tmp_path / "one")
    save_model(tmp_path / "two", load_model(path))
    assert model_path(tmp_path / "two", 3, 1).read_bytes() == path.read_bytes()


def test_a_fresh_process_writes_the_same_bytes(tmp_path: Path) -> None:
    path = saved(tmp_path / "here")
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from ser.models.storage import load_model, save_model\n"
        "save_model(Path(sys.argv[2]), load_model(Path(sys.argv[1])))\n"
    )
    subprocess.run(
        [sys.executable, "-c", program, path, tmp_path / "there"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONHASHSEED": "99"},
        check=True,
    )
    assert model_path(tmp_path / "there", 3, 1).read_bytes() == path.read_bytes()


def test_every_fold_and_seed_has_its_own_file(tmp_path: Path) -> None:
    paths = {model_path(tmp_path, fold, seed) for fold in range(12) for seed in range(12)}
    assert len(paths) == 144


def test_a_missing_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SerError, match=r"is missing; run `dvc repro`"):
        load_model(tmp_path / "fold_00_seed_0.safetensors")


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
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    path = saved(tmp_path)
    damage(path)
    with pytest.raises(SerError, match="is not a model of this project") as caught:
        load_model(path)
    assert path.name in str(caught.value)


def rewrite(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    with safe_open(path, framework="pt") as file:
        card = json.loads(file.metadata()["card"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(card, tensors)
    save_file(tensors, path, metadata={"card": json.dumps(card)})


def test_rewriting_alone_keeps_a_model_readable(tmp_path: Path) -> None:
    path = saved(tmp_path)
    rewrite(path, lambda card, tensors: None)
    assert load_model(path).emotions == EMOTIONS


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda card, tensors: card.pop("config"), id="no configuration"),
        pytest.param(lambda card, tensors: card.pop("uses"), id="no uses"),
        pytest.param(lambda card, tensors: card.update(uses=["toy/a"]), id="uses without purpose"),
        pytest.param(lambda card, tensors: card["config"].pop("channels"), id="no channels"),
        pytest.param(lambda card, tensors: card["config"].update(layers=3), id="another network"),
        pytest.param(lambda card, tensors: card["config"].update(bands=40), id="other shapes"),
        pytest.param(lambda card, tensors: tensors.pop("normalizer.mean"), id="no normaliser"),
        pytest.param(
            lambda card, tensors: tensors.pop("network.0.classifier.weight"), id="no classifier"
        ),
    ],
)
def test_a_model_of_another_version_is_refused_in_a_sentence(
    tmp_path: Path, change: Callable[[dict[str, Any], dict[str, Any]], Any]
) -> None:
    path = saved(tmp_path)
    rewrite(path, change)
    with pytest.raises(SerError):
        load_model(path)


def test_a_full_disk_leaves_the_old_model(tmp_path: Path) -> None:
    path = saved(tmp_path)
    before = path.read_bytes()
    # OSError is what becomes a sentence; an error of safetensors would be a traceback
    with little_disk(), pytest.raises(OSError, match="too large"):
        save_model(tmp_path, make_model())
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == [path.name], "half a model is left"
