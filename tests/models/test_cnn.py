"""The network builds in every size, and gives each clip logits of its own."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.models.cnn import Cnn, CnnConfig, count_parameters
from tests.builders import make_params, one_torch_thread


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


def config(**changes: object) -> CnnConfig:
    values = {
        "bands": 20,
        "classes": 4,
        "channels": (6, 8, 10),
        "stem_kernel": 5,
        "stem_stride": (2, 2),
        "time_pools": 1,
        "dropout": 0.3,
        "waveform": False,
        "window_ms": 25.0,
        "hop_ms": 10.0,
    }
    return CnnConfig(**{**values, **changes})  # type: ignore[arg-type]


def network(**changes: object) -> Cnn:
    torch.manual_seed(0)
    return Cnn(config(**changes)).eval()


def test_a_configuration_survives_json() -> None:
    assert CnnConfig.from_dict(json.loads(json.dumps(config().to_dict()))) == config()


def test_a_configuration_from_before_encoders_still_loads() -> None:
    values = config().to_dict()
    del values["layers"]
    assert CnnConfig.from_dict(values) == config()


def test_ordinary_features_draw_the_same_weights_in_the_same_order() -> None:
    model = network(channels=(6, 8))
    torch.manual_seed(0)
    for layer in (
        torch.nn.Conv2d(1, 6, 5, (2, 2), 2, bias=False),
        torch.nn.Conv2d(6, 8, 3, 1, 1, bias=False),
        torch.nn.Conv1d(8 * 5, 16, 1, bias=False),
        torch.nn.Conv1d(16, 32, 1),
        torch.nn.Conv1d(32, 1, 1),
        torch.nn.Linear(32, 4),
    ):
        drawn = layer.weight
        kept = [w for w in model.parameters() if w.shape == drawn.shape and torch.equal(w, drawn)]
        assert kept, f"a weight of shape {tuple(drawn.shape)} is drawn in another place"
    assert sorted({name.partition(".")[0] for name in model.state_dict()}) == [
        "body",
        "classifier",
        "merge_bands",
        "pooling",
    ]


def test_layers_of_an_encoder_meet_no_convolution_over_bands() -> None:
    model = network(layers=5, bands=5 * 6)
    assert model.time_stride == 1
    assert not [part for part in model.modules() if isinstance(part, torch.nn.Conv2d)]
    assert model.merge_bands[0].weight.shape == (20, 6, 1)
    logits = model(torch.randn(3, 9, 30), torch.tensor([9.0, 4.0, 1.0]))
    assert logits.shape == (3, 4)
    assert torch.isfinite(logits).all()


def test_padding_of_layers_changes_no_logit() -> None:
    model, clip = network(layers=5, bands=30), torch.randn(1, 9, 30)
    padded = torch.nn.functional.pad(clip, (0, 0, 0, 7))
    length = torch.tensor([9.0])
    assert torch.allclose(model(clip, length), model(padded, length), atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    bands=st.integers(8, 70),
    classes=st.integers(2, 9),
    channels=st.lists(st.integers(2, 8), min_size=2, max_size=6),
    stem_stride=st.tuples(st.integers(1, 3), st.integers(1, 5)),
    steps=st.integers(8, 60),
)
def test_every_shape_gives_a_logit_for_each_class(
    bands: int, classes: int, channels: list[int], stem_stride: tuple[int, int], steps: int
) -> None:
    model = network(bands=bands, classes=classes, channels=tuple(channels), stem_stride=stem_stride)
    logits = model(torch.randn(3, steps, bands), torch.tensor([float(steps), 8.0, 1.0]))
    assert logits.shape == (3, classes)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("size", ["small", "base", "large"])
def test_every_model_size_of_the_parameters_runs(size: str) -> None:
    chosen = getattr(make_params().model_sizes, size)
    model = network(
        channels=tuple(chosen.channels), stem_stride=tuple(chosen.stem_stride), bands=64
    )
    logits = model(torch.randn(2, 48, 64), torch.tensor([48.0, 30.0]))
    assert torch.isfinite(logits).all()


def test_wider_channels_mean_more_parameters() -> None:
    assert count_parameters(network(channels=(6, 8, 10))) < count_parameters(
        network(channels=(8, 12, 16))
    )


def test_parameters_are_counted_one_by_one() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.BatchNorm1d(5))
    assert count_parameters(model) == 3 * 5 + 5 + 5 + 5


def test_waveforms_go_through_a_learned_filterbank() -> None:
    model = network(waveform=True)
    logits = model(torch.randn(2, 4_800, 1), torch.tensor([4_800.0, 3_000.0]))
    assert logits.shape == (2, 4)
    logits.sum().backward()
    weight = model.front_end.filters.weight
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0, "the filterbank does not learn"


@pytest.mark.parametrize("waveform", [False, True])
def test_a_clip_has_the_same_logits_in_any_batch(waveform: bool) -> None:
    model = network(waveform=waveform)
    shape = (6, 3_200, 1) if waveform else (6, 40, 20)
    values = torch.randn(shape)
    lengths = torch.full((6,), float(shape[1]))
    together = model(values, lengths)
    for row in range(6):
        alone = model(values[[row]], lengths[[row]])
        assert torch.allclose(together[row], alone[0], atol=1e-5), f"clip {row} saw its neighbours"


def test_dropout_is_off_at_test() -> None:
    model = network(dropout=0.9)
    values, lengths = torch.randn(2, 40, 20), torch.tensor([40.0, 40.0])
    assert torch.equal(model(values, lengths), model(values, lengths))


@pytest.mark.parametrize("layers", [0, 4])
def test_every_weight_has_a_gradient(layers: int) -> None:
    model = network(dropout=0.0, layers=layers).train()
    logits = model(torch.randn(8, 40, 20), torch.full((8,), 40.0))
    torch.nn.functional.cross_entropy(logits, torch.arange(8) % 4).backward()
    idle = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert not idle, f"{idle} are never trained"
