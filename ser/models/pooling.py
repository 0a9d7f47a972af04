"""From a sequence of any length to one vector."""

import torch
from torch import Tensor, nn


def valid_mask(lengths: Tensor, n_steps: int) -> Tensor:
    """Which steps of a padded batch belong to the clips, shape (batch, n_steps)."""
    steps = torch.arange(n_steps, device=lengths.device)
    return steps < lengths.clamp(1, n_steps).unsqueeze(1)


class AttentiveStatisticsPooling(nn.Module):
    """Weighted mean and standard deviation over time, the weights learned.

    Okabe, K., Koshinaka, T. & Shinoda, K. (2018). Attentive statistics pooling for deep speaker
    embedding. Interspeech 2018.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(channels, hidden)
        self.score = nn.Linear(hidden, 1)

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Shapes (batch, steps, channels), (batch,) to (batch, 2 x channels)."""
        scores = self.score(torch.tanh(self.hidden(values))).squeeze(2)
        outside = ~valid_mask(lengths, values.shape[1])
        weights = scores.masked_fill(outside, -1e4).softmax(1).unsqueeze(2)
        mean = (values * weights).sum(1)
        variance = (values.square() * weights).sum(1) - mean.square()
        return torch.cat([mean, variance.clamp_min(1e-5).sqrt()], dim=1)
