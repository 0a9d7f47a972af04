"""A clip's prediction depends on the clip alone."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ser.models.cnn import Cnn, CnnSettings
from ser.models.inference import predict_clip, predict_probabilities
from ser.store.features import Layout
from tests.builders import WAVEFORM_LAYOUT

FEATURES = Layout("log_mel", 10, 50.0, neighbours=True)
LAYOUTS = {
    "features": FEATURES,
    "waveform": replace(WAVEFORM_LAYOUT, bands=10),
    "layers": Layout("encoder", 10, 5.0, neighbours=False, layers=5),
}
WARPS = (-0.1, 0.0, 0.1)


def network(layout: Layout = FEATURES) -> Cnn:
    torch.manual_seed(2)
    settings = CnnSettings(
        channels=[6, 8], stem_kernel=5, stem_stride=[2, 2], time_pools=1, dropout=0.5
    )
    model = Cnn(settings, layout, 4)
    # running statistics and weights far from their start, so that padding would show
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    return model.eval()


def clips(lengths: list[int], width: int = 10) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [3 * torch.randn(length, width, generator=generator) for length in lengths]


@settings(max_examples=15)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=50),
    order=st.randoms(use_true_random=False),
)
def test_predictions_do_not_depend_on_order(lengths: list[int], order: object) -> None:
    model, batch = network(), clips(lengths)
    places = list(range(len(batch)))
    order.shuffle(places)  # type: ignore[attr-defined]
    expected = predict_probabilities(model, batch)
    shuffled = predict_probabilities(model, [batch[i] for i in places])
    assert torch.allclose(shuffled, expected[places], atol=1e-5)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_clip_alone_is_predicted_as_among_others(kind: str) -> None:
    model = network(LAYOUTS[kind])
    unit, width = (100, 1) if kind == "waveform" else (1, 10)
    batch = clips([unit * length for length in (1, 20, 21, 23, 24, 33, 40, 57, 90)], width)
    together = predict_probabilities(model, batch)
    for number, clip in enumerate(batch):
        for alone in (predict_probabilities(model, [clip])[0], predict_clip(model, clip)):
            assert torch.allclose(together[number], alone, atol=1e-5), f"clip {number} saw others"


def test_neighbours_do_not_matter_even_if_they_are_broken() -> None:
    model, batch = network(), clips([20, 22, 50])
    expected = predict_probabilities(model, batch)
    broken = [batch[0], torch.full_like(batch[1], float("nan")), 1e6 * batch[2]]
    assert torch.equal(predict_probabilities(model, broken)[0], expected[0])


def test_answers_under_several_warps_are_averaged() -> None:
    model, (clip,) = network(), clips([33])
    alone = [predict_clip(model, clip, [warp]) for warp in WARPS]
    assert not torch.allclose(alone[0], alone[2]), "warps change nothing"
    together = predict_clip(model, clip, WARPS)
    assert torch.allclose(together, torch.stack(alone).mean(0), atol=1e-6)
    assert torch.allclose(predict_clip(model, clip), alone[1], atol=1e-5)


def test_numbers_that_are_no_neighbours_in_frequency_are_not_warped() -> None:
    model, (clip,) = network(LAYOUTS["layers"]), clips([12])
    assert torch.equal(predict_clip(model, clip, WARPS), predict_clip(model, clip))


def test_more_clips_than_a_batch_are_all_predicted() -> None:
    model, batch = network(), clips([30] * 75)
    predicted = predict_probabilities(model, batch)
    assert torch.allclose(predicted.sum(1), torch.ones(75), atol=1e-5)
    assert torch.allclose(predicted[70], predict_probabilities(model, [batch[70]])[0], atol=1e-5)
    assert predict_probabilities(model, []).shape == (0, 4)


def test_predicting_leaves_a_network_as_it_was() -> None:
    model, batch = network().train(), clips([20, 30])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first, second = (predict_probabilities(model, batch) for _ in range(2))
    assert torch.equal(first, second), "dropout was on"
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
