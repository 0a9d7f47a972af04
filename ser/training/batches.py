"""Batches for training: whole batches are cut, warped and masked at once, as tensors.

Every random number comes from a generator that is passed in, so a fold's batches depend on its
seed alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ser.models.front_ends import band_warps
from ser.reading.stored import Stored
from ser.training.settings import Training

# a logit whose probability is 0 in 32 bits, and whose logarithm a target of 0 still takes away
_IMPOSSIBLE = -1e4


@dataclass(frozen=True)
class Batch:
    """One step's input.

    Attributes:
        values: shape (batch, steps, bands); zero outside the clips.
        lengths: valid steps, shape (batch,).
        targets: class indices, shape (batch,).
        possible: classes that each clip's loss knows of, shape (batch, classes).
        numbers: of the items, shape (batch,).
    """

    values: Tensor
    lengths: Tensor
    targets: Tensor
    possible: Tensor
    numbers: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        held = (self.values, self.lengths, self.targets, self.possible, self.numbers)
        return Batch(*(tensor.to(device) for tensor in held))


class TrainingItems:
    """Clips and copies as they are stored, and which of them stand for the same source clip."""

    def __init__(
        self,
        features: Stored,
        targets: Tensor,
        sources: "Sequence[str] | pd.Series[str]",
        corpora: Tensor | None = None,
    ) -> None:
        """
        Args:
            features: of every item, with its normaliser.
            targets: class indices of the items.
            sources: source clip of every item; a clip comes before its copies.
            corpora: number of every item's corpus; None if they are of one.
        """
        self.features = features
        self.lengths = torch.tensor(features.lengths)
        self.mean, self.scale = features.statistics()
        self.targets = targets
        self.corpora = torch.zeros_like(targets) if corpora is None else corpora
        groups = pd.factorize(pd.Series(sources, dtype=str))[0]
        order = np.argsort(groups, kind="stable")
        sizes = np.bincount(groups)
        first = np.cumsum(sizes) - sizes
        # of each source, its items; those that lack are the first
        items = np.repeat(order[first, np.newaxis], sizes.max(), axis=1)
        items[groups[order], np.arange(len(order)) - first[groups[order]]] = order
        self.copies, self.items = torch.from_numpy(sizes - 1), torch.from_numpy(items)

    def __len__(self) -> int:
        """Number of source clips."""
        return len(self.items)

    def shown(self, classes: int, each_its_own: bool) -> Tensor:
        """Classes that the corpus of each number shows, shape (corpora, classes).

        Args:
            each_its_own: else every corpus counts as showing what all of them show.
        """
        table = torch.zeros(int(self.corpora.max()) + 1, classes, dtype=torch.bool)
        table[self.corpora, self.targets] = True
        return table if each_its_own else table.any(0).expand_as(table)

    def draw(self, balance: float, generator: torch.Generator) -> Tensor:
        """An epoch's source clips, as numbers: every one once, in random order.

        With `balance` above 0 they are drawn with replacement, those of a corpus by the weight
        (mean count / count) to that power: 1 draws from every corpus alike.
        """
        if balance == 0:
            return torch.randperm(len(self), generator=generator)
        corpora = self.corpora[self.items[:, 0]]
        weights = class_weights(corpora, int(corpora.max()) + 1, balance)[corpora]
        return torch.multinomial(weights, len(self), replacement=True, generator=generator)

    def choose(self, probability: float, generator: torch.Generator) -> Tensor:
        """For every source clip, itself or (with `probability`) one of its copies: item numbers."""
        replaced = torch.rand(len(self), generator=generator) < probability
        drawn = 1 + (torch.rand(len(self), generator=generator) * self.copies).long()
        drawn = torch.where(replaced & (self.copies > 0), drawn, torch.zeros_like(drawn))
        return self.items.gather(1, drawn.unsqueeze(1)).squeeze(1)


def epoch_batches(
    items: TrainingItems,
    settings: Training,
    crop: int,
    shown: Tensor,
    generator: torch.Generator,
) -> Iterator[Batch]:
    """An epoch's source clips (see `TrainingItems.draw`) in batches of equal size.

    The clips left over after the last full batch wait for the next epoch's order: batch
    normalisation on a handful of clips does harm.

    Args:
        shown: classes that the corpus of each number shows, shape (corpora, classes).
    """
    chosen = items.choose(settings.copy_probability, generator)
    order = items.draw(settings.corpus_balance, generator)
    size = min(settings.batch_size, len(chosen))
    for numbers in order[: len(order) // size * size].view(-1, size):
        yield cut_and_warp(items, chosen[numbers], crop, settings.time_warp, shown, generator)


def cut_and_warp(
    items: TrainingItems,
    numbers: Tensor,
    crop: int,
    warp: float,
    shown: Tensor,
    generator: torch.Generator,
) -> Batch:
    """A random piece of each item, its time axis stretched by up to `warp`, in `crop` steps.

    Items shorter than the crop are whole and padded with zeros.
    """
    size = len(numbers)
    lengths = items.lengths[numbers].float()
    pace = torch.exp((2 * torch.rand(size, generator=generator) - 1) * torch.tensor(1 + warp).log())
    slack = (lengths - 1 - (crop - 1) * pace).clamp_min(0)
    begin = torch.rand(size, generator=generator) * slack
    position = begin.unsqueeze(1) + torch.arange(crop) * pace.unsqueeze(1)
    inside = position <= (lengths - 1).unsqueeze(1)
    position = torch.minimum(position, (lengths - 1).unsqueeze(1))
    low = position.floor()
    row = low.long()
    next_row = torch.minimum(row + 1, items.lengths[numbers].unsqueeze(1) - 1)
    before, after = (items.features.take(numbers, rows) for rows in (row, next_row))
    values = before.lerp_(after, (position - low).unsqueeze(2))
    values.sub_(items.mean[numbers].unsqueeze(1)).div_(items.scale[numbers].unsqueeze(1))
    values.mul_(inside.unsqueeze(2))
    targets, possible = items.targets[numbers], shown[items.corpora[numbers]]
    return Batch(values, inside.sum(1).float(), targets, possible, numbers)


def warp_and_mask(
    values: Tensor, settings: Training, warp: float, generator: torch.Generator
) -> Tensor:
    """Stretch each clip's bands, and blank random bands and spans of time.

    By up to `warp`; and SpecAugment (Park et al., 2019, Interspeech). What is random is drawn on
    the processor, so that it is the same on every device.
    """
    size, steps, bands = values.shape
    spans = _random_spans(size, steps, settings.time_masks, settings.time_mask_frames, generator)
    spans = spans.to(values.device)
    stripes = _random_spans(
        size, bands, settings.frequency_masks, settings.frequency_mask_bands, generator
    )
    if warp == 0 or bands < 2:
        return values * ~spans.unsqueeze(2) * ~stripes.unsqueeze(1).to(values.device)
    factors = 1 + warp * (2 * torch.rand(size, generator=generator) - 1)
    matrix = band_warps(factors, bands) * ~stripes.unsqueeze(1)
    return torch.bmm(values, matrix.to(values.device)).mul_(~spans.unsqueeze(2))


def _random_spans(
    size: int, extent: int, number: int, widest: int, generator: torch.Generator
) -> Tensor:
    """Shape (size, extent): true within `number` random spans of up to `widest`."""
    masked = torch.zeros(size, extent, dtype=torch.bool)
    places = torch.arange(extent)
    for _ in range(number):
        width = torch.rand(size, 1, generator=generator) * min(widest, extent)
        begin = torch.rand(size, 1, generator=generator) * (extent - width)
        masked |= (places >= begin) & (places < begin + width)
    return masked


def class_weights(targets: Tensor, classes: int, power: float) -> Tensor:
    """Weight of each class, shape (classes,): (mean count / count) to a power.

    0 weighs every clip alike; 1 weighs every class alike, as UAR does.

    Args:
        targets: class indices of the training clips.
    """
    counts = torch.bincount(targets, minlength=classes).clamp_min(1).float()
    return (counts.mean() / counts) ** power


def soft_targets(targets: Tensor, possible: Tensor, weights: Tensor, smoothing: float) -> Tensor:
    """One-hot targets, smoothed over the classes that are possible; shape (batch, classes).

    Smoothing after Szegedy et al. (2016, CVPR).

    Args:
        targets, possible: as in `Batch`.
        weights: weight of each class; a clip's targets add up to its class's weight.
    """
    one_hot = torch.nn.functional.one_hot(targets, len(weights)).float()
    even = possible / possible.sum(1, keepdim=True)
    return (one_hot * (1 - smoothing) + even * smoothing) * weights[targets].unsqueeze(1)


def only_possible(logits: Tensor, possible: Tensor) -> Tensor:
    """Logits that leave no probability to what is impossible, shape (batch, classes)."""
    return logits.masked_fill(~possible, _IMPOSSIBLE)


@dataclass(frozen=True)
class Mixed:
    """What the loss is taken of: values and lengths as in `Batch`, targets as numbers.

    Attributes:
        targets, possible: shape (batch, classes).
    """

    values: Tensor
    lengths: Tensor
    targets: Tensor
    possible: Tensor


def mix_pairs(clips: Mixed, settings: Training, generator: torch.Generator) -> Mixed:
    """Mixup (Zhang et al., 2018, ICLR): a clip with a partner, weights from Beta(alpha, alpha).

    A clip is mixed with `mixup_probability`. The heavier clip of a pair keeps its place, so that
    `lengths` still describes what is heard; what is possible for either is possible for the pair.
    """
    alpha = settings.mixup_alpha
    if alpha == 0 or settings.mixup_probability == 0:
        return clips
    size = len(clips.values)
    # torch's own Beta takes no generator; numpy's does
    draw = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    weight = torch.from_numpy(draw.beta(alpha, alpha, size)).float()
    weight = torch.maximum(weight, 1 - weight)
    alone = torch.rand(size, generator=generator) >= settings.mixup_probability
    device = clips.values.device
    weight, alone = torch.where(alone, 1.0, weight).to(device), alone.to(device)
    partner = torch.randperm(size, generator=generator).to(device)
    return Mixed(
        torch.lerp(clips.values[partner], clips.values, weight.view(-1, 1, 1)),
        torch.maximum(clips.lengths, clips.lengths[partner] * (weight < 0.9)),
        torch.lerp(clips.targets[partner], clips.targets, weight.view(-1, 1)),
        clips.possible | clips.possible[partner] & ~alone.unsqueeze(1),
    )
