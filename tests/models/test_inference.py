"""A clip's prediction depends on the clip alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ser.models.cnn import Cnn, CnnConfig
from ser.models.inference import predict_probabilities
from tests.builders import one_torch_thread


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


def network(waveform: bool = False, layers: int = 0) -> Cnn:
    torch.manual_seed(2)
    model = Cnn(CnnConfig(10, 4, (6, 8), 5, (2, 2), 1, 0.5, waveform, 25.0, 10.0, layers))
    # running statistics and weights far from their start, so that padding would show
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    return model.eval()


def clips(lengths: list[int], width: int = 10) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [3 * torch.randn(length, width, generator=generator) for length in lengths]


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=50),
    order=st.randoms(use_true_random=False),
)
def test_predictions_do_not_depend_on_order(lengths: list[int], order: object) -> None:
    model, batch = network(), clips(lengths)
    places = list(range(len(batch)))
    order.shuffle(places)  # type: ignore[attr-defined]
    expected = predict_probabilities([model], batch)
    shuffled = predict_probabilities([model], [batch[i] for i in places])
    assert torch.allclose(shuffled, expected[places], atol=1e-5)


@pytest.mark.parametrize("waveform", [False, True])
def test_a_clip_alone_is_predicted_as_among_others(waveform: bool) -> None:
    model = network(waveform)
    unit = 100 if waveform else 1
    lengths = [unit * length for length in (20, 21, 23, 24, 33, 40, 57, 60, 90)]
    batch = clips(lengths, 1 if waveform else 10)
    together = predict_probabilities([model], batch)
    for number, clip in enumerate(batch):
        alone = predict_probabilities([model], [clip])[0]
        assert torch.allclose(together[number], alone, atol=1e-5), f"clip {number} saw others"


def test_clips_of_layers_are_predicted_alone_as_among_others() -> None:
    model, batch = network(layers=5), clips([1, 2, 7, 8, 9, 16, 17])
    together = predict_probabilities([model], batch)
    for number, clip in enumerate(batch):
        alone = predict_probabilities([model], [clip])[0]
        assert torch.allclose(together[number], alone, atol=1e-5), f"clip {number} saw others"


def test_neighbours_do_not_matter_even_if_they_are_broken() -> None:
    model, batch = network(), clips([20, 22, 50])
    expected = predict_probabilities([model], batch)
    broken = [batch[0], torch.full_like(batch[1], float("nan")), 1e6 * batch[2]]
    assert torch.equal(predict_probabilities([model], broken)[0], expected[0])


def test_more_clips_than_a_batch_are_all_predicted() -> None:
    model, batch = network(), clips([30] * 75)
    predicted = predict_probabilities([model], batch)
    assert torch.allclose(predicted.sum(1), torch.ones(75), atol=1e-5)
    assert torch.allclose(predicted[70], predict_probabilities([model], [batch[70]])[0], atol=1e-5)


def test_predicting_leaves_a_network_as_it_was() -> None:
    model, batch = network().train(), clips([20, 30])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first, second = (predict_probabilities([model], batch) for _ in range(2))
    assert torch.equal(first, second), "dropout was on"
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_no_clips_give_no_predictions() -> None:
    assert predict_probabilities([network()], []).shape == (0, 4)


def test_several_networks_answer_with_the_mean_of_their_probabilities() -> None:
    first, second = network(), network()
    torch.nn.init.normal_(second.classifier.weight, std=0.5)
    batch = clips([20, 33])
    one, two = (predict_probabilities([model], batch) for model in (first, second))
    assert not torch.allclose(one, two), "both networks are the same: this shows nothing"
    assert torch.allclose(predict_probabilities([first, second], batch), (one + two) / 2)
