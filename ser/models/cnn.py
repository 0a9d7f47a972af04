"""The default network: a small convolutional network over time and frequency."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ser.models.front_ends import LayerMixture, LearnedFilterbank, ReadyFeatures
from ser.models.pooling import AttentiveStatisticsPooling

_ATTENTION_HIDDEN = 32


@dataclass(frozen=True)
class CnnConfig:
    """All that is needed to build the network again.

    Attributes:
        bands: width of the features; of the learned filterbank for waveforms.
        channels: of the stem and of each block.
        stem_kernel: width of the stem over time and bands.
        stem_stride: of the stem over (time, bands).
        time_pools: how many blocks, from the first on, halve the time axis.
        waveform: whether the network learns its own filterbank from samples.
        window_ms, hop_ms: of that filterbank.
        layers: of the pretrained encoder that gave the features; 0 for ordinary features.
    """

    bands: int
    classes: int
    channels: tuple[int, ...]
    stem_kernel: int
    stem_stride: tuple[int, int]
    time_pools: int
    dropout: float
    waveform: bool
    window_ms: float
    hop_ms: float
    layers: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "CnnConfig":
        """The configuration from what `to_dict` gave."""
        return cls(
            **{
                **values,
                "channels": tuple(values["channels"]),
                "stem_stride": tuple(values["stem_stride"]),
            }
        )


class Cnn(nn.Module):
    """Strided stem, 3x3 convolutions with pooling, attentive statistics pooling, classifier.

    Layers of a pretrained encoder are mixed instead, and meet neither stem nor 3x3 convolutions:
    numbers of an embedding are no neighbours.
    """

    def __init__(self, config: CnnConfig) -> None:
        super().__init__()
        self.config = config
        self.front_end = _front_end(config)
        self.body, self.time_stride, merged = _body(config)
        width = 2 * config.channels[-1]
        self.merge_bands = nn.Sequential(
            nn.Conv1d(merged, width, 1, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(inplace=True),
        )
        self.pooling = AttentiveStatisticsPooling(width, _ATTENTION_HIDDEN)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(2 * width, config.classes)
        # convolutions of few channels run a fifth faster in this layout on CPUs
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Logits, shape (batch, classes), of padded clips.

        Args:
            values: shape (batch, steps, bands), or (batch, samples, 1) for waveforms; the bands
                of an encoder are layers x width.
            lengths: valid steps of each clip, shape (batch,).
        """
        return self.classify(*self.front_end(values, lengths))

    def classify(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Logits of what the front end gave; training alters features between the two."""
        sequence = values.transpose(1, 2) if self.config.layers else self._convolve(values)
        pooled = self.pooling(self.merge_bands(sequence), (lengths / self.time_stride).ceil())
        logits: Tensor = self.classifier(self.dropout(pooled))
        return logits

    def _convolve(self, values: Tensor) -> Tensor:
        """Shape (batch, steps, bands) to (batch, channels x bands, steps), strided."""
        image = values.unsqueeze(1).contiguous(memory_format=torch.channels_last)
        maps = self.body(image)
        batch, channels, steps, bands = maps.shape
        return maps.permute(0, 1, 3, 2).reshape(batch, channels * bands, steps)


def _front_end(config: CnnConfig) -> nn.Module:
    if config.layers:
        return LayerMixture(config.layers)
    if config.waveform:
        return LearnedFilterbank(config.bands, config.window_ms, config.hop_ms)
    return ReadyFeatures()


def _body(config: CnnConfig) -> tuple[nn.Sequential, int, int]:
    """What stands before the bands are merged, its stride over time, and what it leaves to merge.

    Nothing for layers of an encoder.
    """
    if config.layers:
        return nn.Sequential(), 1, config.bands // config.layers
    return _convolutions(config)


def _convolutions(config: CnnConfig) -> tuple[nn.Sequential, int, int]:
    """The convolutions, their stride over time, and their channels times the bands left."""
    stem, *blocks = config.channels
    layers: list[nn.Module] = [
        nn.Conv2d(
            1, stem, config.stem_kernel, config.stem_stride, config.stem_kernel // 2, bias=False
        ),
        nn.BatchNorm2d(stem),
        nn.ReLU(inplace=True),
    ]
    time_stride = config.stem_stride[0]
    bands = -(-config.bands // config.stem_stride[1])
    previous = stem
    for number, channels in enumerate(blocks, start=1):
        # the last blocks leave time alone: the attention needs the resolution
        pool_time = 2 if number <= config.time_pools else 1
        pool_bands = 2 if bands >= 2 else 1
        # pooling before the activation computes fewer activations, to the same result
        layers += [
            nn.Conv2d(previous, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.MaxPool2d((pool_time, pool_bands)),
            nn.ReLU(inplace=True),
        ]
        time_stride *= pool_time
        bands //= pool_bands
        previous = channels
    return nn.Sequential(*layers), time_stride, previous * bands


def count_parameters(model: nn.Module) -> int:
    """Trained numbers in the network."""
    return sum(parameter.numel() for parameter in model.parameters())
