"""Centring and scaling of features: by the clip itself, the clips that train, or the speaker."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Normalization = Literal["clip", "clip_mean", "train", "speaker"]

# Added to a band's deviation, so that a band without any sound is not blown up to full size.
_SOFT_FLOOR = 0.5


@dataclass(frozen=True)
class Normalizer:
    """How features of a clip are normalised.

    clip: each band by the clip's own mean and deviation; clip_mean: each band less the clip's own
    mean, all bands by one fixed scale; train: by mean and deviation of the fold's training clips.
    None of them looks at another test clip. speaker: by mean and deviation of all clips of one
    speaker, tested ones too; only protocols that say so may have it.

    Attributes:
        mean, scale: shape (bands,); what all but "clip" use.
    """

    kind: Normalization
    mean: Tensor
    scale: Tensor

    @classmethod
    def fit(cls, kind: Normalization, training: Iterable[Tensor]) -> "Normalizer":
        """Fit on the training clips of a fold, or on a speaker's, each of shape (steps, bands).

        They are gone through once, and summed up in 64 bits as Chan, Golub and LeVeque (1983, The
        American Statistician 37(3)) do it.
        """
        rows, mean, squares = 0, torch.zeros(()), torch.zeros(())
        centred = kind not in ("train", "speaker")
        for clip in training:
            values = (clip - clip.mean(0) if centred else clip).double()
            together, shift = rows + len(clip), values.mean(0) - mean
            mean = mean + shift * len(clip) / together
            squares = squares + (values - values.mean(0)).square().sum(0)
            squares = squares + shift.square() * rows * len(clip) / together
            rows = together
        if not centred:
            # one row alone deviates from nothing
            deviation = (squares / max(rows - 1, 1)).sqrt()
            return cls(kind, mean.to(clip.dtype), (deviation + 1e-5).to(clip.dtype))
        # one number from the training clips keeps the network's input near unit size
        deviation = (squares.sum() / max(rows * len(mean) - 1, 1)).sqrt().clamp_min(1e-5)
        return cls(kind, torch.zeros_like(clip[0]), deviation.expand(len(mean)).to(clip.dtype))

    @classmethod
    def by_speaker(cls) -> "Normalizer":
        """A stand-in for normalisers that are fitted on each speaker's own clips when needed."""
        return cls("speaker", torch.zeros(1), torch.ones(1))

    def statistics(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """What a clip of shape (steps, bands) is centred and scaled by, each of shape (bands,)."""
        if self.kind in ("train", "speaker"):
            return self.mean, self.scale
        if self.kind == "clip_mean":
            return clip.mean(0), self.scale
        return clip.mean(0), clip.std(0, correction=0) + _SOFT_FLOOR

    def __call__(self, clip: Tensor) -> Tensor:
        """Normalise one clip, shape (steps, bands)."""
        mean, scale = self.statistics(clip)
        return (clip - mean) / scale
