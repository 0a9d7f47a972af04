"""The network builds in every size, and gives each clip logits of its own."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.models.cnn import Cnn, CnnSettings
from ser.store.features import Layout
from tests.builders import WAVEFORM_LAYOUT

LAYOUT = Layout("log_mel", 20, 50.0, neighbours=True)
LAYERS = Layout("encoder", 5 * 6, 5.0, neighbours=False, layers=5)
SETTINGS = CnnSettings(
    channels=[6, 8, 10], stem_kernel=5, stem_stride=[2, 2], time_pools=1, dropout=0.3
)


def network(layout: Layout = LAYOUT, classes: int = 4, **changes: Any) -> Cnn:
    torch.manual_seed(0)
    return Cnn(SETTINGS.model_copy(update=changes), layout, classes).eval()


@settings(max_examples=15)
@given(
    bands=st.integers(8, 70),
    classes=st.integers(2, 9),
    channels=st.lists(st.integers(2, 8), min_size=2, max_size=6),
    stem_stride=st.lists(st.integers(1, 5), min_size=2, max_size=2),
    steps=st.integers(8, 60),
)
def test_every_shape_gives_a_logit_for_each_class(
    bands: int, classes: int, channels: list[int], stem_stride: list[int], steps: int
) -> None:
    layout = replace(LAYOUT, bands=bands)
    model = network(layout, classes, channels=channels, stem_stride=stem_stride)
    logits = model(torch.randn(3, steps, bands), torch.tensor([float(steps), 8.0, 1.0]))
    assert logits.shape == (3, classes)
    assert torch.isfinite(logits).all()


def test_layers_of_an_encoder_meet_no_convolution_over_bands() -> None:
    model = network(LAYERS)
    assert model.time_stride == 1
    assert not [part for part in model.modules() if isinstance(part, torch.nn.Conv2d)]
    logits = model(torch.randn(3, 9, 30), torch.tensor([9.0, 4.0, 1.0]))
    assert logits.shape == (3, 4)
    assert torch.isfinite(logits).all()


def test_padding_of_layers_changes_no_logit() -> None:
    model, clip = network(LAYERS), torch.randn(1, 9, 30)
    padded, length = torch.nn.functional.pad(clip, (0, 0, 0, 7)), torch.tensor([9.0])
    assert torch.allclose(model(clip, length), model(padded, length), atol=1e-5)


def test_waveforms_go_through_a_learned_filterbank() -> None:
    model = network(WAVEFORM_LAYOUT)
    logits = model(torch.randn(2, 4_800, 1), torch.tensor([4_800.0, 3_000.0]))
    assert logits.shape == (2, 4)
    logits.sum().backward()
    assert model.before.filters.weight.grad.abs().sum() > 0, "the filterbank does not learn"


@pytest.mark.parametrize("layout", [LAYOUT, LAYERS], ids=["features", "layers"])
def test_every_weight_has_a_gradient(layout: Layout) -> None:
    model = network(layout, dropout=0.0).train()
    logits = model(torch.randn(8, 40, layout.bands), torch.full((8,), 40.0))
    torch.nn.functional.cross_entropy(logits, torch.arange(8) % 4).backward()
    idle = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert not idle, f"{idle} are never trained"


def test_parameters_are_counted_one_by_one() -> None:
    model = network()
    assert model.parameters_count == sum(weight.numel() for weight in model.parameters())
    assert model.parameters_count < network(channels=[8, 12, 16]).parameters_count


@pytest.mark.parametrize(
    "changes", [{"stem_kernel": 4}, {"time_pools": 3}, {"channels": [6]}, {"dropout": 1.0}]
)
def test_settings_that_no_network_can_have_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        CnnSettings.model_validate({**SETTINGS.model_dump(), **changes})
