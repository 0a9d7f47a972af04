"""Normalisation by the clip itself, by numbers from training clips, or by the speaker's own."""

from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ser.reading.normalization import Normalization, Normalizer

KINDS: tuple[Normalization, ...] = get_args(Normalization)


def clips(number: int = 6, bands: int = 5, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    scale = torch.arange(1, bands + 1).float()
    return [
        torch.randn(20 + 3 * i, bands, generator=generator) * scale + 10 * i for i in range(number)
    ]


def test_what_it_was_fitted_on_has_mean_0_and_deviation_1() -> None:
    for kind in ("train", "speaker"):
        normalizer = Normalizer.fit(kind, clips())
        assert normalizer.kind == kind
        normalised = torch.cat([normalizer(clip) for clip in clips()])
        assert torch.allclose(normalised.mean(0), torch.zeros(5), atol=1e-4)
        assert torch.allclose(normalised.std(0), torch.ones(5), atol=1e-3)


def test_the_stand_in_for_speakers_is_the_same_every_time() -> None:
    first, second = Normalizer.by_speaker(), Normalizer.by_speaker()
    assert first.kind == "speaker"
    assert torch.equal(first.mean, second.mean)
    assert torch.equal(first.scale, second.scale)


def test_clip_mean_centres_each_clip_and_scales_all_bands_alike() -> None:
    training = clips()
    normalizer = Normalizer.fit("clip_mean", training)
    for clip in training:
        normalised = normalizer(clip)
        assert torch.allclose(normalised.mean(0), torch.zeros(5), atol=1e-4)
        ratio = clip.std(0) / normalised.std(0)
        assert torch.allclose(ratio, ratio[0].expand(5), rtol=1e-4), "bands differ in scale"
    everything = torch.cat([normalizer(clip) for clip in training])
    assert everything.std().item() == pytest.approx(1.0, abs=1e-3)


def test_clip_brings_every_band_of_every_clip_to_one_size() -> None:
    normalizer = Normalizer.fit("clip", clips())
    for clip in clips():
        loud = normalizer(100 * clip)
        assert torch.allclose(loud.mean(0), torch.zeros(5), atol=1e-4)
        assert torch.allclose(loud.std(0, correction=0), torch.ones(5), atol=0.02)


def test_a_band_without_sound_is_not_blown_up() -> None:
    clip = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    clip[:, 1] = 4.0 + 1e-4 * clip[:, 1]
    normalised = Normalizer.fit("clip", [clip])(clip)
    assert normalised[:, 1].abs().max() < 0.01


def test_normalising_by_the_clip_ignores_its_level() -> None:
    for kind in ("clip", "clip_mean"):
        normalizer = Normalizer.fit(kind, clips())
        clip = clips()[0]
        # a gain adds one number to every logarithm
        assert torch.allclose(normalizer(clip), normalizer(clip + 3.0), atol=1e-4)


def test_fitting_on_other_clips_changes_only_what_was_fitted() -> None:
    fitted = {"train": True, "speaker": True, "clip_mean": True, "clip": False}
    assert set(fitted) == set(KINDS)
    for kind in KINDS:
        first, second = (Normalizer.fit(kind, clips(seed=seed)) for seed in (0, 5))
        assert torch.equal(first(clips()[2]), second(clips()[2])) != fitted[kind], kind
        # the order of training clips hardly matters
        turned = Normalizer.fit(kind, clips()[::-1])
        assert torch.allclose(first.mean, turned.mean, rtol=1e-5), kind
        assert torch.allclose(first.scale, turned.scale, rtol=1e-5), kind


@given(
    kind=st.sampled_from(KINDS),
    level=st.floats(-30, 30),
    spread=st.sampled_from([0.0, 1e-3, 1.0, 20.0]),
    steps=st.integers(1, 30),
    seed=st.integers(0, 100),
)
def test_normalised_clips_are_finite_and_keep_their_shape(
    kind: Normalization, level: float, spread: float, steps: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    clip = level + spread * torch.randn(steps, 4, generator=generator)
    before = clip.clone()
    normalised = Normalizer.fit(kind, clips(bands=4))(clip)
    assert normalised.shape == clip.shape
    assert torch.isfinite(normalised).all()
    assert torch.equal(clip, before), "the clip itself was changed"


def test_what_does_not_change_or_is_one_row_stays_finite() -> None:
    silent = [torch.full((10, 3), -23.0) for _ in range(3)]
    for kind in KINDS:
        for training in (silent, [silent[0][:1]], [torch.ones(1, 3, dtype=torch.float64)]):
            normalizer = Normalizer.fit(kind, training)
            for clip in (training[0], clips(bands=3)[0]):
                assert torch.isfinite(normalizer(clip)).all(), kind
