"""The network of the original notebooks: one-dimensional convolutions over a clip's mean MFCCs.

It is rebuilt from what is known of it, in the shape that public notebooks on RAVDESS share. It is
here to be measured, not to be used.
"""

from torch import Tensor, nn

from ser.core.settings import BelowOne, Count, Section
from ser.models.network import Network, register
from ser.store.features import Layout

_POOL = 8


class NotebookSettings(Section):
    """A size of the network.

    Attributes:
        channels: of the first convolution, and of those after it.
        deeper: whether there is one more convolution.
        dropout: after the second convolution.
    """

    channels: tuple[Count, Count]
    deeper: bool
    dropout: BelowOne


@register("notebook")
class Notebook(Network):
    """Convolutions along the coefficients, pooling, and one dense layer."""

    Settings = NotebookSettings

    def __init__(self, settings: NotebookSettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        wide, narrow = settings.channels
        deeper: list[nn.Module] = []
        if settings.deeper:
            deeper = [nn.Conv1d(narrow, narrow, 5, padding="same"), nn.ReLU()]
        self.layers = nn.Sequential(
            nn.Conv1d(1, wide, 5, padding="same"),
            nn.ReLU(),
            nn.Conv1d(wide, narrow, 5, padding="same"),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.MaxPool1d(_POOL),
            *deeper,
            nn.Conv1d(narrow, narrow, 5, padding="same"),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(narrow * (layout.bands // _POOL), classes),
        )

    def classify(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Logits, shape (batch, classes), of the mean over rows of (batch, rows, coefficients)."""
        mean = values.sum(1, keepdim=True) / lengths.clamp_min(1).view(-1, 1, 1)
        logits: Tensor = self.layers(mean)
        return logits
