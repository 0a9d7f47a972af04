"""What stands before the network: ready features, learned filters, or layers of an encoder."""

import pytest
import torch

from ser.models.front_ends import LayerMixture, LearnedFilterbank, ReadyFeatures
from tests.builders import one_torch_thread


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()
    torch.manual_seed(0)


def test_ready_features_pass_through() -> None:
    values, lengths = torch.randn(3, 10, 5), torch.tensor([10.0, 4.0, 1.0])
    passed, passed_lengths = ReadyFeatures()(values, lengths)
    assert torch.equal(passed, values)
    assert torch.equal(passed_lengths, lengths)


@pytest.mark.parametrize("hop_ms", [10.0, 16.0, 20.0])
def test_a_filterbank_gives_a_step_for_each_hop(hop_ms: float) -> None:
    samples = 16_000
    values, steps = LearnedFilterbank(12, 40.0, hop_ms)(
        torch.randn(2, samples, 1), torch.tensor([float(samples), 5_000.0])
    )
    hop = round(hop_ms * 16)
    assert values.shape[2] == 12
    assert abs(values.shape[1] - samples / hop) <= 1
    assert steps.tolist() == [-(-samples // hop), -(-5_000 // hop)]


def test_every_band_of_a_clip_is_centred_and_zero_outside_of_it() -> None:
    values, steps = LearnedFilterbank(6, 40.0, 20.0)(
        torch.randn(2, 9_600, 1), torch.tensor([9_600.0, 4_800.0])
    )
    for clip, n_steps in zip(values, steps.long().tolist(), strict=True):
        assert torch.allclose(clip[:n_steps].mean(0), torch.zeros(6), atol=1e-4)
        assert not clip[n_steps:].any(), "something sounds after the end of the clip"


def test_the_level_of_a_clip_does_not_matter() -> None:
    filterbank = LearnedFilterbank(6, 40.0, 20.0)
    clip, lengths = 100 * torch.randn(1, 6_400, 1), torch.tensor([6_400.0])
    assert torch.allclose(filterbank(clip, lengths)[0], filterbank(8 * clip, lengths)[0], atol=1e-3)


def test_silence_is_finite() -> None:
    values, _ = LearnedFilterbank(6, 40.0, 20.0)(torch.zeros(1, 3_200, 1), torch.tensor([0.0]))
    assert torch.isfinite(values).all()


def test_layers_are_mixed_by_weights_that_add_up_to_one() -> None:
    mixture = LayerMixture(3)
    with torch.no_grad():
        mixture.scores.copy_(torch.tensor([0.5, 0.2, 0.3]).log() + 7)
    values, lengths = torch.randn(2, 5, 3 * 4), torch.tensor([5.0, 2.0])
    mixed, mixed_lengths = mixture(values, lengths)
    first, second, third = values.split(4, 2)
    assert torch.allclose(mixed, 0.5 * first + 0.2 * second + 0.3 * third, atol=1e-6)
    assert torch.equal(mixed_lengths, lengths)


def test_a_mixture_begins_with_the_mean_of_all_layers() -> None:
    values = torch.randn(2, 5, 3, 4)
    mixed, _ = LayerMixture(3)(values.flatten(2), torch.tensor([5.0, 5.0]))
    assert torch.allclose(mixed, values.mean(2), atol=1e-6)


def test_padding_of_layers_stays_zero_and_changes_nothing() -> None:
    mixture, clip = LayerMixture(3), torch.randn(1, 5, 12)
    torch.nn.init.normal_(mixture.scores)
    lengths = torch.tensor([5.0])
    padded, _ = mixture(torch.nn.functional.pad(clip, (0, 0, 0, 4)), lengths)
    assert not padded[:, 5:].any(), "padding is not zero"
    assert torch.allclose(padded[:, :5], mixture(clip, lengths)[0], atol=1e-6)
