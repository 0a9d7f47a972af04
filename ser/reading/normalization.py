"""Centring and scaling of features: by the clip itself, the clips that train, or the speaker."""

from collections.abc import Sequence
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
    def fit(cls, kind: Normalization, training: Sequence[Tensor]) -> "Normalizer":
        """Fit on the training clips of a fold, or on a speaker's, each of shape (steps, bands)."""
        rows = torch.cat(list(training))
        if kind in ("train", "speaker"):
            # one row alone deviates from nothing
            deviation = rows.std(0, correction=min(1, len(rows) - 1))
            return cls(kind, rows.mean(0), deviation + 1e-5)
        centred = torch.cat([clip - clip.mean(0) for clip in training])
        width = rows.shape[1]
        # one number from the training clips keeps the network's input near unit size
        return cls(kind, torch.zeros(width), centred.std().clamp_min(1e-5).expand(width).clone())

    @classmethod
    def by_speaker(cls) -> "Normalizer":
        """A stand-in for normalisers that are fitted on each speaker's own clips when needed."""
        return cls("speaker", torch.zeros(1), torch.ones(1))

    def __call__(self, clip: Tensor) -> Tensor:
        """Normalise one clip, shape (steps, bands)."""
        if self.kind in ("train", "speaker"):
            return (clip - self.mean) / self.scale
        centred = clip - clip.mean(0)
        if self.kind == "clip_mean":
            return centred / self.scale
        return centred / (clip.std(0, correction=0) + _SOFT_FLOOR)
