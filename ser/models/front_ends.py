"""What stands before the network: nothing, a filterbank for waveforms, a mixture for layers."""

import torch
from torch import Tensor, nn

from ser.clips.audio import SAMPLE_RATE_HZ


def band_warps(factors: Tensor, bands: int) -> Tensor:
    """Matrices that stretch bands, by a product from the right: shape (factors, bands, bands).

    As another vocal tract length would (Jaitly & Hinton, 2013, ICML workshop). A product with
    matrices is faster than gathering bands.
    """
    position = (torch.arange(bands) * factors.unsqueeze(1)).clamp(0, bands - 1)
    low = position.floor().long().clamp(max=bands - 2)
    share = position - low
    matrix = torch.zeros(len(factors), bands, bands)
    matrix.scatter_(1, low.unsqueeze(1), (1 - share).unsqueeze(1))
    matrix.scatter_(1, (low + 1).unsqueeze(1), share.unsqueeze(1))
    return matrix


class ReadyFeatures(nn.Module):
    """Features that `ser.features.front_ends` has already computed pass through."""

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes (batch, steps, bands) and (batch,), unchanged."""
        return values, lengths


class LearnedFilterbank(nn.Module):
    """Filters learned on the waveform, then log power, in the place of a log-mel spectrogram.

    A convolution with one filter a band, squared, averaged over a hop, in decibel-like logarithms,
    less each clip's own mean: the plain form of the learned front ends compared in Zeghidour et
    al. (2021), "LEAF: a learnable frontend for audio classification", ICLR.
    """

    def __init__(self, bands: int, window_ms: float, hop_ms: float) -> None:
        super().__init__()
        window = round(window_ms * SAMPLE_RATE_HZ / 1000) // 4
        self.hop = round(hop_ms * SAMPLE_RATE_HZ / 1000)
        # power is sampled up to 16 times a hop, evenly, so that steps are exactly one hop long
        per_hop = max(n for n in range(1, 17) if self.hop % n == 0)
        self.stride = self.hop // per_hop
        self.filters = nn.Conv1d(1, bands, window, self.stride, window // 2, bias=False)
        self.average = nn.AvgPool1d(per_hop)

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes (batch, samples, 1) and (batch,) to (batch, steps, bands) and (batch,)."""
        power = self.average(self.filters(values.transpose(1, 2)).square())
        log_power = torch.log(power + 1e-6).transpose(1, 2)
        steps = (lengths / self.hop).ceil()
        inside = torch.arange(log_power.shape[1], device=values.device) < steps.unsqueeze(1)
        weights = inside.float().unsqueeze(2)
        mean = (log_power * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True).clamp_min(
            1
        )
        return (log_power - mean) * weights, steps


class LayerMixture(nn.Module):
    """One learned weight for each layer of a pretrained encoder; the weights add up to one.

    As in Yang et al. (2021), "SUPERB: Speech processing Universal PERformance Benchmark",
    Interspeech. Without a bias, so that zero padding stays zero.
    """

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.zeros(layers))

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes (batch, steps, layers x width), (batch,) to (batch, steps, width), (batch,)."""
        by_layer = values.unflatten(2, (len(self.scores), -1))
        return torch.einsum("bslw,l->bsw", by_layer, self.scores.softmax(0)), lengths
