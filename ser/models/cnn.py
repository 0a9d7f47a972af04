"""The default network: a small convolutional network over time and frequency."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from ser.core.settings import BelowOne, Count, Section, Whole
from ser.models.front_ends import LayerMixture, LearnedFilterbank, ReadyFeatures
from ser.models.network import Network, register
from ser.models.pooling import AttentiveStatisticsPooling
from ser.store.features import Layout

_ATTENTION_HIDDEN = 32
# below this an attention over time has little to choose from
_FEWEST_ROWS = 8
_WAVEFORM_GRANULARITY = 1600


class CnnSettings(Section):
    """A size of the network.

    Attributes:
        channels: of the stem and of each block.
        stem_kernel: width of the stem over time.
        stem_stride: of the stem over (time, bands); it sees as many bands at once as it strides.
        time_pools: how many blocks, from the first on, halve the time axis.
        dropout: before the classifier.
    """

    channels: Annotated[list[Count], Field(min_length=2, max_length=6)]
    stem_kernel: Annotated[Count, Field(le=15)]
    stem_stride: Annotated[list[Annotated[Count, Field(le=8)]], Field(min_length=2, max_length=2)]
    time_pools: Whole
    dropout: BelowOne

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.stem_kernel % 2 == 0:
            raise ValueError(f"stem_kernel ({self.stem_kernel}) must be odd, to have a middle")
        if self.time_pools >= len(self.channels):
            raise ValueError(
                f"time_pools ({self.time_pools}) must be below the number of channels' entries "
                f"({len(self.channels)}), one for each block after the stem"
            )
        return self


@register("cnn")
class Cnn(Network):
    """Strided stem, 3x3 convolutions with pooling, attentive statistics pooling, classifier.

    Layers of a pretrained encoder are mixed instead, and meet neither stem nor 3x3 convolutions:
    numbers of an embedding are no neighbours.
    """

    Settings = CnnSettings

    def __init__(self, settings: CnnSettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        self.before = _front_end(layout)
        self.body, self.time_stride, merged = _body(settings, layout)
        self.bands_together = settings.stem_stride[1]
        self.granularity = (
            _WAVEFORM_GRANULARITY if layout.waveform else max(self.granularity, self.time_stride)
        )
        width = 2 * settings.channels[-1]
        self.merge_bands = nn.Sequential(
            nn.Linear(merged, width, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(inplace=True),
        )
        self.pooling = AttentiveStatisticsPooling(width, _ATTENTION_HIDDEN)
        self.dropout = nn.Dropout(settings.dropout)
        self.classifier = nn.Linear(2 * width, classes)

    def front_end(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """What training alters: features, a learned filterbank's, or a mixture of layers.

        Args:
            values: shape (batch, rows, bands), or (batch, samples, 1) for waveforms; the bands
                of an encoder are layers x width.
            lengths: valid rows of each clip, shape (batch,).
        """
        altered: tuple[Tensor, Tensor] = self.before(values, lengths)
        return altered

    def classify(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Logits, shape (batch, classes), of what the front end gave."""
        sequence = values if self.layout.layers else self._convolve(values)
        # all steps of all clips in one matrix: a third of the time of a convolution over them
        merged = self.merge_bands(sequence.flatten(0, 1)).unflatten(0, sequence.shape[:2])
        pooled = self.pooling(merged, (lengths / self.time_stride).ceil())
        logits: Tensor = self.classifier(self.dropout(pooled))
        return logits

    @property
    def fewest_rows(self) -> int:
        """Layers of an encoder meet no stride and no pooling."""
        return _FEWEST_ROWS if self.layout.layers else max(_FEWEST_ROWS, self.time_stride)

    def _convolve(self, values: Tensor) -> Tensor:
        """Shape (batch, rows, bands) to (batch, steps, bands x channels), strided."""
        padded = nn.functional.pad(values, (0, -values.shape[2] % self.bands_together))
        # bands seen together stand as channels, which are last in memory already
        image = padded.unflatten(2, (-1, self.bands_together)).permute(0, 3, 1, 2)
        maps: Tensor = self.body(image)
        return maps.permute(0, 2, 3, 1).flatten(2)


def _front_end(layout: Layout) -> nn.Module:
    if layout.layers:
        return LayerMixture(layout.layers)
    if layout.waveform:
        return LearnedFilterbank(layout.bands, layout.window_ms, layout.hop_ms)
    return ReadyFeatures()


def _body(settings: CnnSettings, layout: Layout) -> tuple[nn.Sequential, int, int]:
    """What stands before the bands are merged, its stride over time, and what it leaves to merge.

    Nothing for layers of an encoder.
    """
    if layout.layers:
        return nn.Sequential(), 1, layout.bands // layout.layers
    return _convolutions(settings, layout.bands)


def _convolutions(settings: CnnSettings, bands: int) -> tuple[nn.Sequential, int, int]:
    """The convolutions, their stride over time, and their channels times the bands left."""
    stem, *blocks = settings.channels
    time_stride, band_stride = settings.stem_stride
    layers: list[nn.Module] = [
        nn.Conv2d(
            band_stride,
            stem,
            (settings.stem_kernel, 1),
            (time_stride, 1),
            (settings.stem_kernel // 2, 0),
            bias=False,
        ),
        nn.BatchNorm2d(stem),
        nn.ReLU(inplace=True),
    ]
    bands = -(-bands // band_stride)
    previous = stem
    for number, channels in enumerate(blocks, start=1):
        # the last blocks leave time alone: the attention needs the resolution
        pool_time = 2 if number <= settings.time_pools else 1
        pool_bands = 2 if bands >= 2 else 1
        # pooling comes first: there is less to normalise and to activate
        layers += [
            nn.Conv2d(previous, channels, 3, 1, 1, bias=False),
            nn.MaxPool2d((pool_time, pool_bands)),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
        time_stride *= pool_time
        bands //= pool_bands
        previous = channels
    return nn.Sequential(*layers), time_stride, previous * bands
