"""Where a network is trained; the accelerator here is torch's fake one, which computes nothing."""

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from ser.models.device import find_device
from ser.models.inference import predict_clip, predict_probabilities
from ser.models.network import find_network
from ser.training.batches import Batch
from ser.training.fold import arithmetic, batch_loss
from tests.builders import LAYOUT, make_recipe
from tests.conftest import Refused

CUDA = torch.device("cuda")


@pytest.mark.parametrize(
    ("name", "there", "found"),
    [
        ("cpu", CUDA, "cpu"),
        ("cpu", None, "cpu"),
        ("auto", None, "cpu"),
        ("auto", CUDA, "cuda"),
        ("cuda", CUDA, "cuda"),
    ],
)
def test_the_device_asked_for_is_taken(
    name: Any, there: torch.device | None, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: there)
    assert find_device(name).type == found


@pytest.mark.parametrize(("there", "told"), [(None, "none"), (CUDA, "cuda")])
def test_one_that_is_not_there_is_a_sentence(
    there: torch.device | None, told: str, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: there)
    with refused("training.device is mps", f"accelerator of this machine is {told}"):
        find_device("mps")


def test_a_model_is_marked_by_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert arithmetic("auto", CUDA) == "bfloat16 cuda Some GPU"
    assert arithmetic("float32", CUDA) == "float32 cuda Some GPU"
    assert arithmetic("auto", torch.device("mps")) == "float32 mps"


@pytest.mark.parametrize("copies_differ", [0.0, 1.0])
def test_a_step_mixes_no_devices(copies_differ: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is drawn or made on the processor is moved before it meets the batch."""
    # a fake tensor has no value that mixup could be seeded by; one made of numbers is not all fake
    monkeypatch.setattr(torch, "randint", lambda *_, **__: 7)
    changes = {"training.mixup_probability": copies_differ, "training.frequency_masks": 1}
    recipe = make_recipe({**changes, "training.time_masks": 1, "training.precision": "float32"})
    with FakeTensorMode():
        with CUDA:
            network = find_network(recipe.model.network)(recipe.model.settings, LAYOUT, 3)
        held = torch.zeros(4, 48, LAYOUT.bands), torch.full((4,), 48.0)
        targets, possible = torch.tensor([0, 1, 2, 0]), torch.ones(4, 3) > 0
        batch = Batch(*held, targets, possible, torch.arange(4)).to(CUDA)
        weights = torch.ones(3, device=CUDA)
        loss = batch_loss(network, batch, recipe, weights, torch.Generator())
        assert loss.device.type == "cuda"
        monkeypatch.setattr(torch, "tensor", lambda numbers: torch.zeros(len(numbers)))
        clip = torch.zeros(48, LAYOUT.bands)
        assert predict_probabilities(network, [clip, clip]).device.type == "cpu"
        assert predict_clip(network, clip, (0.0, 0.1)).device.type == "cpu"
