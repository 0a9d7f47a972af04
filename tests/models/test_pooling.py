"""Pooling over time sees the steps of the clip and none of its padding."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.models.pooling import AttentiveStatisticsPooling, valid_mask


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@given(lengths=st.lists(st.integers(0, 30), min_size=1, max_size=6), steps=st.integers(1, 20))
def test_a_mask_holds_the_steps_of_each_clip(lengths: list[int], steps: int) -> None:
    mask = valid_mask(torch.tensor(lengths).float(), steps)
    assert mask.shape == (len(lengths), steps)
    for row, length in zip(mask, lengths, strict=True):
        inside = min(max(length, 1), steps)  # at least one step, or there is nothing to pool
        assert row.tolist() == [True] * inside + [False] * (steps - inside)


@settings(max_examples=15)
@given(length=st.integers(1, 12), seed=st.integers(0, 1000))
def test_what_lies_outside_the_clip_has_no_say(length: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    pooling = AttentiveStatisticsPooling(5, 4)
    values = torch.randn(1, 12, 5, generator=generator)
    other = values.clone()
    other[:, length:] = 50.0
    lengths = torch.tensor([float(length)])
    assert torch.allclose(pooling(values, lengths), pooling(other, lengths), atol=1e-5)


def test_a_constant_clip_has_its_value_as_mean_and_hardly_any_deviation() -> None:
    level = torch.tensor([1.0, -2.0, 0.5])
    pooled = AttentiveStatisticsPooling(3, 4)(
        level.view(1, 1, 3).expand(1, 9, 3), torch.tensor([9.0])
    )
    assert torch.allclose(pooled[0, :3], level, atol=1e-5)
    assert (pooled[0, 3:] < 0.01).all()


def test_equal_attention_gives_plain_mean_and_deviation() -> None:
    pooling = AttentiveStatisticsPooling(3, 4)
    torch.nn.init.zeros_(pooling.score.weight)
    values = torch.randn(2, 11, 3)
    pooled = pooling(values, torch.tensor([11.0, 6.0]))
    for row, length in enumerate((11, 6)):
        clip = values[row, :length]
        assert torch.allclose(pooled[row, :3], clip.mean(0), atol=1e-5)
        assert torch.allclose(pooled[row, 3:], clip.std(0, correction=0), atol=1e-4)
