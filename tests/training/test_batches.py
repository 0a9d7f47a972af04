"""Batches: every source clip once, cut, warped, masked and mixed within their bounds."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.training.batches import (
    Mixed,
    TrainingItems,
    class_weights,
    cut_and_warp,
    epoch_batches,
    mix_pairs,
    only_possible,
    soft_targets,
    warp_and_mask,
)
from ser.training.settings import Training
from tests.builders import make_values, stored

few_examples = settings(max_examples=20)


UNMASKED = make_values().section("training", Training)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def training(**changes: object) -> Training:
    changed = {f"training.{key}": value for key, value in changes.items()}
    return make_values(changed).section("training", Training)


ANY = torch.ones(1, 40, dtype=torch.bool)  # one corpus, which shows everything


def numbered_items(lengths: list[int], copies: int = 0) -> TrainingItems:
    """Items whose rows hold (item number + 1, step), so that a batch tells where it came from."""
    features, sources = [], []
    for clip, length in enumerate(lengths):
        for _ in range(1 + copies):
            rows = torch.stack([torch.full((length,), len(features) + 1), torch.arange(length)], 1)
            features.append(rows.float())
            sources.append(f"clip {clip}")
    targets = torch.arange(len(lengths)).repeat_interleave(1 + copies)
    return TrainingItems(stored(features), targets, sources)


@few_examples
@given(
    n_clips=st.integers(1, 20),
    copies=st.integers(0, 3),
    probability=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 1000),
)
def test_a_clip_is_replaced_only_by_copies_of_itself(
    n_clips: int, copies: int, probability: float, seed: int
) -> None:
    items = numbered_items([5] * n_clips, copies)
    chosen = items.choose(probability, generator(seed))
    assert len(items) == n_clips
    assert items.targets[chosen].tolist() == list(range(n_clips)), "a clip took another's copy"
    is_copy = chosen % (1 + copies) != 0
    if probability == 0 or copies == 0:
        assert not is_copy.any()
    if probability == 1 and copies:
        assert is_copy.all()


@few_examples
@given(sources=st.lists(st.sampled_from("abcde"), min_size=1, max_size=12))
def test_items_of_a_source_stand_together_in_whatever_order_they_come(sources: list[str]) -> None:
    features = [torch.zeros(1, 1)] * len(sources)
    items = TrainingItems(stored(features), torch.zeros(len(sources), dtype=torch.long), sources)
    groups = [
        [place for place, one in enumerate(sources) if one == source]
        for source in dict.fromkeys(sources)
    ]
    assert items.copies.tolist() == [len(group) - 1 for group in groups]
    for row, group in zip(items.items.tolist(), groups, strict=True):
        assert row[: len(group)] == group
        assert set(row[len(group) :]) <= {group[0]}


def test_every_copy_is_drawn_as_often_as_the_others() -> None:
    items = numbered_items([4] * 3000, 2)
    counts = torch.bincount(items.choose(0.5, generator()) % 3, minlength=3) / 3000
    assert counts.tolist() == pytest.approx([0.5, 0.25, 0.25], abs=0.04)


def test_clips_may_have_different_numbers_of_copies() -> None:
    features = [torch.full((3, 1), float(i)) for i in range(4)]
    items = TrainingItems(stored(features), torch.tensor([0, 0, 0, 1]), ["a", "a", "a", "b"])
    for seed in range(20):
        first, second = items.choose(1.0, generator(seed)).tolist()
        assert first in (1, 2)
        assert second == 3, "a clip without copies trains itself"


@few_examples
@given(n_clips=st.integers(2, 30), size=st.integers(2, 12), seed=st.integers(0, 1000))
def test_an_epoch_shows_each_clip_at_most_once(n_clips: int, size: int, seed: int) -> None:
    items = numbered_items([10] * n_clips)
    batches = list(
        epoch_batches(
            items, training(batch_size=size, copy_probability=0.0), 4, ANY, generator(seed)
        )
    )
    seen = torch.cat([batch.targets for batch in batches]).tolist()
    used = min(size, n_clips)
    assert {len(batch.targets) for batch in batches} == {used}, "batches differ in size"
    assert len(seen) == len(set(seen)) == n_clips // used * used
    for batch in batches:
        assert batch.values.shape == (used, 4, 2)
        assert (batch.values[:, 0, 0].long() - 1).tolist() == batch.targets.tolist()


def test_epochs_differ_in_order_and_repeat_with_the_seed() -> None:
    items, chosen = numbered_items([10] * 16), training(batch_size=4, copy_probability=0.0)

    def orders(seed: int) -> list[list[int]]:
        source = generator(seed)
        return [
            torch.cat([b.targets for b in epoch_batches(items, chosen, 4, ANY, source)]).tolist()
            for _ in range(2)
        ]

    first, second = orders(0)
    assert first != second, "every epoch has the same order"
    assert orders(0) == [first, second]
    assert orders(1) != [first, second]


@few_examples
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    crop=st.integers(1, 30),
    warp=st.sampled_from([0.0, 0.1, 0.5]),
    seed=st.integers(0, 1000),
)
def test_a_cut_stays_within_its_clip(lengths: list[int], crop: int, warp: float, seed: int) -> None:
    items = numbered_items(lengths)
    batch = cut_and_warp(items, torch.arange(len(lengths)), crop, warp, ANY, generator(seed))
    assert batch.values.shape == (len(lengths), crop, 2)
    for number, length in enumerate(lengths):
        valid = int(batch.lengths[number])
        item, step = batch.values[number].T
        assert 1 <= valid <= crop
        assert torch.allclose(item[:valid], torch.tensor(number + 1.0)), "rows of another clip"
        assert not batch.values[number, valid:].any(), "the padding is not zero"
        assert step[:valid].max() <= length - 1 + 1e-4
        if valid > 1:
            pace = step[1:valid] - step[: valid - 1]
            assert torch.allclose(pace, pace[0].expand(valid - 1), atol=1e-3)
            assert 1 / (1 + warp) - 1e-3 <= pace[0] <= 1 + warp + 1e-3


@few_examples
@given(length=st.integers(1, 40), crop=st.integers(1, 40), seed=st.integers(0, 1000))
def test_without_warping_a_cut_is_a_piece_of_the_clip(length: int, crop: int, seed: int) -> None:
    items = numbered_items([length, length])
    batch = cut_and_warp(items, torch.tensor([1]), crop, 0.0, ANY, generator(seed))
    assert batch.lengths.tolist() == [min(length, crop)], "part of the clip is lost"


def test_cuts_fall_anywhere_in_the_clip() -> None:
    items = numbered_items([100])
    numbers = torch.zeros(400, dtype=torch.long)
    begins = cut_and_warp(items, numbers, 20, 0.0, ANY, generator()).values[:, 0, 1]
    assert begins.min() < 5
    assert begins.max() > 75


@few_examples
@given(
    steps=st.integers(1, 30),
    bands=st.integers(1, 20),
    number=st.integers(0, 3),
    widest=st.integers(0, 40),
    seed=st.integers(0, 1000),
)
def test_masks_blank_whole_bands_and_steps_up_to_their_width(
    steps: int, bands: int, number: int, widest: int, seed: int
) -> None:
    chosen = training(
        time_masks=number,
        time_mask_frames=widest,
        frequency_masks=number,
        frequency_mask_bands=widest,
    )
    masked = warp_and_mask(torch.ones(4, steps, bands), chosen, 0.0, generator(seed))
    assert masked.shape == (4, steps, bands)
    for clip in masked.bool():
        spans, stripes = ~clip.any(1), ~clip.any(0)
        if not spans.all() and not stripes.all():
            assert torch.equal(clip, ~spans.unsqueeze(1) & ~stripes.unsqueeze(0))
            # a span of width w covers at most w + 1 whole places
            assert spans.sum() <= number * (widest + 1)
            assert stripes.sum() <= number * (widest + 1)


def test_masks_blank_something_and_differ_between_clips() -> None:
    chosen = training(time_masks=1, time_mask_frames=10, frequency_masks=1, frequency_mask_bands=6)
    masked = warp_and_mask(torch.ones(50, 30, 20), chosen, 0.0, generator())
    assert (masked == 0).any()
    assert len({tuple(clip.flatten().tolist()) for clip in masked}) > 25


@few_examples
@given(bands=st.integers(2, 40), amount=st.floats(0.01, 0.5), seed=st.integers(0, 1000))
def test_warped_bands_are_read_at_up_to_the_amount_away(
    bands: int, amount: float, seed: int
) -> None:
    ramp = torch.arange(bands).float().expand(3, 4, bands)
    warped = warp_and_mask(ramp, UNMASKED, amount, generator(seed))
    assert warped.shape == ramp.shape
    assert (warped[..., 1:] - warped[..., :-1] >= -1e-4).all(), "bands changed places"
    lowest = (ramp * (1 - amount)).clamp(max=bands - 1)
    highest = (ramp * (1 + amount)).clamp(max=bands - 1)
    assert (warped >= lowest - 1e-3).all()
    assert (warped <= highest + 1e-3).all()
    assert torch.equal(warped[:, 0], warped[:, 3]), "the steps of a clip are warped apart"


def test_bands_and_steps_that_are_blanked_are_so_after_warping_too() -> None:
    chosen = training(time_masks=1, time_mask_frames=9, frequency_masks=1, frequency_mask_bands=6)
    values = 1 + torch.rand(20, 30, 16)
    plain, warped = (warp_and_mask(values, chosen, warp, generator(3)) for warp in (0.0, 0.2))
    assert torch.equal(plain == 0, warped == 0), "another part is blanked"


def test_no_warping_and_no_masks_change_nothing() -> None:
    values = torch.randn(3, 9, 7)
    assert torch.equal(warp_and_mask(values, UNMASKED, 0.0, generator()), values)
    narrow = values[..., :1]
    assert torch.equal(warp_and_mask(narrow, UNMASKED, 0.3, generator()), narrow)


@given(
    counts=st.lists(st.integers(1, 30), min_size=2, max_size=6),
    power=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_class_weights_grow_with_rarity(counts: list[int], power: float) -> None:
    targets = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    weights = class_weights(targets, len(counts), power)
    expected = (np.mean(counts) / np.array(counts)) ** power
    assert weights.tolist() == pytest.approx(expected.tolist(), rel=1e-5)
    if power == 1:
        sums = torch.tensor(counts) * weights
        assert torch.allclose(sums, sums[0].expand(len(counts))), "classes do not weigh alike"


def test_a_class_without_training_clips_has_a_finite_weight() -> None:
    assert torch.isfinite(class_weights(torch.tensor([0, 0, 2]), 4, 1.0)).all()


@few_examples
@given(smoothing=st.floats(0.0, 0.9), data=st.data())
def test_what_a_corpus_never_shows_has_no_part_in_the_loss(
    smoothing: float, data: st.DataObject
) -> None:
    shown = data.draw(st.lists(st.booleans(), min_size=3, max_size=9).filter(lambda x: sum(x) > 1))
    possible = torch.tensor([shown])
    target = torch.tensor([shown.index(True)])
    soft = soft_targets(target, possible, torch.ones(len(shown)), smoothing)
    assert soft[~possible].eq(0).all()
    assert float(soft.sum()) == pytest.approx(1.0)
    logits = torch.randn(1, len(shown), generator=generator(), requires_grad=True)
    loss = torch.nn.functional.cross_entropy(only_possible(logits, possible), soft)
    loss.backward()
    assert torch.isfinite(loss)
    assert logits.grad is not None
    assert logits.grad[~possible].eq(0).all(), "an absent emotion is taught"
    assert logits.grad[possible].ne(0).any()


def two_corpora(first: int, second: int) -> TrainingItems:
    """Clips of the classes 0 and 1 in the first corpus, of 1 and 2 in the second."""
    targets = torch.tensor([i % 2 for i in range(first)] + [1 + i % 2 for i in range(second)])
    corpora = torch.tensor([0] * first + [1] * second)
    names = [f"clip {number}" for number in range(first + second)]
    return TrainingItems(stored([torch.zeros(3, 1)] * len(names)), targets, names, corpora)


def test_each_corpus_is_known_by_what_it_shows() -> None:
    items = two_corpora(4, 6)
    own, together = ([[1, 1, 0], [0, 1, 1]], [[1, 1, 1], [1, 1, 1]])
    assert items.shown(3, each_its_own=True).int().tolist() == own
    assert items.shown(3, each_its_own=False).int().tolist() == together
    chosen = training(batch_size=5, corpus_balance=1.0)
    shown = items.shown(3, each_its_own=True)
    for batch in epoch_batches(items, chosen, 2, shown, generator()):
        assert batch.possible.gather(1, batch.targets.unsqueeze(1)).all()
        assert (batch.possible.sum(1) == 2).all()


@pytest.mark.parametrize(("balance", "share"), [(0.0, 0.9), (0.5, 0.75), (1.0, 0.5)])
def test_balanced_corpora_are_drawn_alike(balance: float, share: float) -> None:
    items = two_corpora(1800, 200)
    drawn = items.draw(balance, generator())
    assert len(drawn) == len(items)
    assert float((items.corpora[drawn] == 0).float().mean()) == pytest.approx(share, abs=0.03)
    if balance == 0:
        assert sorted(drawn.tolist()) == list(range(len(items)))


@given(smoothing=st.floats(0.0, 0.9), classes=st.integers(2, 9))
def test_soft_targets_add_up_to_the_weight_of_their_class(smoothing: float, classes: int) -> None:
    targets, weights = torch.arange(classes), 1 + torch.arange(classes).float()
    soft = soft_targets(targets, torch.ones(classes, classes) > 0, weights, smoothing)
    assert soft.shape == (classes, classes)
    assert torch.allclose(soft.sum(1), weights, rtol=1e-5)
    top = soft.diagonal() / weights
    assert torch.allclose(top, torch.tensor(1 - smoothing + smoothing / classes), atol=1e-6)
    assert (soft >= 0).all()


@few_examples
@given(
    size=st.integers(1, 12),
    alpha=st.sampled_from([0.05, 0.3, 2.0]),
    probability=st.sampled_from([0.3, 1.0]),
    seed=st.integers(0, 1000),
)
def test_a_mixed_clip_is_at_least_half_itself(
    size: int, alpha: float, probability: float, seed: int
) -> None:
    values = torch.eye(size).unsqueeze(1).expand(size, 5, size).contiguous()
    targets, lengths = torch.eye(size), torch.arange(1, size + 1).float().clamp(max=5)
    chosen = training(mixup_alpha=alpha, mixup_probability=probability)
    told = torch.eye(size) > 0
    found = mix_pairs(Mixed(values, lengths, targets, told), chosen, generator(seed))
    mixed, audible, mixed_targets = found.values, found.lengths, found.targets
    assert (found.possible | (mixed_targets == 0)).all(), "what is mixed in is not possible"
    assert (found.possible.sum(1) <= 2).all()
    assert mixed.shape == values.shape
    assert mixed_targets.shape == targets.shape
    assert torch.allclose(mixed_targets.sum(1), torch.ones(size), atol=1e-5)
    assert (mixed_targets.diagonal() >= 0.5 - 1e-5).all(), "the partner is heavier"
    # values and targets are mixed in the same parts
    assert torch.allclose(mixed[:, 0], mixed_targets, atol=1e-5)
    assert ((mixed_targets > 1e-6).sum(1) <= 2).all(), "more than two clips are mixed"
    assert (audible >= lengths).all()
    assert (audible <= lengths.max()).all()


def mixed_share(probability: float) -> float:
    values, targets = torch.randn(400, 2, 3), torch.eye(400)
    chosen = training(mixup_alpha=1.0, mixup_probability=probability)
    given_ = Mixed(values, torch.full((400,), 2.0), targets, targets > 0)
    mixed = mix_pairs(given_, chosen, generator())
    return float((mixed.targets.diagonal() < 1).float().mean())


def test_the_share_of_mixed_clips_is_the_one_asked_for() -> None:
    assert mixed_share(0.25) == pytest.approx(0.25, abs=0.06)
    assert mixed_share(1.0) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("off", [{"mixup_alpha": 0.0}, {"mixup_probability": 0.0}])
def test_without_mixup_nothing_changes(off: dict[str, float]) -> None:
    given_ = Mixed(torch.randn(4, 6, 3), torch.ones(4), torch.eye(4), torch.eye(4) > 0)
    chosen = training(**{"mixup_alpha": 0.5, "mixup_probability": 0.5, **off})
    assert mix_pairs(given_, chosen, generator()) is given_


def test_every_random_step_repeats_with_its_generator() -> None:
    values, lengths, targets = torch.randn(6, 20, 8), torch.full((6,), 20.0), torch.eye(6)
    chosen = training(mixup_alpha=0.4, mixup_probability=1.0, time_masks=2, frequency_masks=2)
    for step in (
        lambda source: warp_and_mask(values, chosen, 0.2, source),
        lambda source: (
            mix_pairs(Mixed(values, lengths, targets, targets > 0), chosen, source).values
        ),
    ):
        torch.manual_seed(0)
        first = step(generator(1))
        torch.manual_seed(5)  # the global generator must not matter
        assert torch.equal(first, step(generator(1)))
        assert not torch.equal(first, step(generator(2)))
