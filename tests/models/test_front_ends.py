"""What stands before the network: ready features, learned filters, or layers of an encoder."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ser.models.front_ends import LayerMixture, LearnedFilterbank, ReadyFeatures, band_warps


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_ready_features_pass_through() -> None:
    values, lengths = torch.randn(3, 10, 5), torch.tensor([10.0, 4.0, 1.0])
    passed, passed_lengths = ReadyFeatures()(values, lengths)
    assert torch.equal(passed, values)
    assert torch.equal(passed_lengths, lengths)


@given(bands=st.integers(2, 40), factor=st.floats(0.5, 1.5))
def test_warped_bands_are_read_at_a_multiple_of_their_place(bands: int, factor: float) -> None:
    ramp = torch.arange(bands).float()
    warped = ramp @ band_warps(torch.tensor([factor]), bands)[0]
    assert torch.allclose(warped, (ramp * factor).clamp(max=bands - 1), atol=1e-3)
    constant = torch.ones(bands) @ band_warps(torch.tensor([factor]), bands)[0]
    assert torch.allclose(constant, torch.ones(bands), atol=1e-5), "levels change"


def test_a_warp_of_nothing_changes_nothing() -> None:
    values = torch.randn(3, 9)
    assert torch.allclose(values @ band_warps(torch.ones(1), 9)[0], values)


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


def test_the_level_of_a_clip_does_not_matter_and_silence_is_finite() -> None:
    filterbank = LearnedFilterbank(6, 40.0, 20.0)
    clip, lengths = 100 * torch.randn(1, 6_400, 1), torch.tensor([6_400.0])
    assert torch.allclose(filterbank(clip, lengths)[0], filterbank(8 * clip, lengths)[0], atol=1e-3)
    assert torch.isfinite(filterbank(0 * clip, torch.tensor([0.0]))[0]).all()


def test_layers_are_mixed_by_weights_that_add_up_to_one() -> None:
    mixture = LayerMixture(3)
    values, lengths = torch.randn(2, 5, 3 * 4), torch.tensor([5.0, 2.0])
    first, second, third = values.split(4, 2)
    mixed, mixed_lengths = mixture(values, lengths)
    assert torch.allclose(mixed, (first + second + third) / 3, atol=1e-6), "it begins uneven"
    with torch.no_grad():
        mixture.scores.copy_(torch.tensor([0.5, 0.2, 0.3]).log() + 7)
    mixed, _ = mixture(values, lengths)
    assert torch.allclose(mixed, 0.5 * first + 0.2 * second + 0.3 * third, atol=1e-6)
    assert torch.equal(mixed_lengths, lengths)


def test_padding_of_layers_stays_zero_and_changes_nothing() -> None:
    mixture, clip = LayerMixture(3), torch.randn(1, 5, 12)
    torch.nn.init.normal_(mixture.scores)
    lengths = torch.tensor([5.0])
    padded, _ = mixture(torch.nn.functional.pad(clip, (0, 0, 0, 4)), lengths)
    assert not padded[:, 5:].any(), "padding is not zero"
    assert torch.allclose(padded[:, :5], mixture(clip, lengths)[0], atol=1e-6)
