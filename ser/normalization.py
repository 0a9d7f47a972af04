"""Centring and scaling of features, by the clip itself or by the clips that train."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Normalization = Literal["clip", "clip_mean", "train"]

# Added to a band's deviation, so that a band without any sound is not blown up to full size.
_SOFT_FLOOR = 0.5


@dataclass(frozen=True)
class Normalizer:
    """How features of a clip are normalised.

    clip: each band by the clip's own mean and deviation; clip_mean: each band less the clip's own
    mean, all bands by one fixed scale; train: by mean and deviation of the fold's training clips.
    None of them looks at another test clip.

    Attributes:
        mean, scale: shape (bands,); what "train" and "clip_mean" use.
    """

    kind: Normalization
    mean: Tensor
    scale: Tensor

    @classmethod
    def fit(cls, kind: Normalization, training: Sequence[Tensor]) -> "Normalizer":
        """Fit on the training clips of a fold, each of shape (steps, bands)."""
        rows = torch.cat(list(training))
        if kind == "train":
            return cls(kind, rows.mean(0), rows.std(0) + 1e-5)
        centred = torch.cat([clip - clip.mean(0) for clip in training])
        width = rows.shape[1]
        # one number from the training clips keeps the network's input near unit size
        return cls(kind, torch.zeros(width), centred.std().clamp_min(1e-5).expand(width).clone())

    def __call__(self, clip: Tensor) -> Tensor:
        """Normalise one clip, shape (steps, bands)."""
        if self.kind == "train":
            return (clip - self.mean) / self.scale
        centred = clip - clip.mean(0)
        if self.kind == "clip_mean":
            return centred / self.scale
        return centred / (clip.std(0, correction=0) + _SOFT_FLOOR)
