"""What every network is, and the register of networks: a network is one file of this folder.

To add one, write `ser/models/<name>.py` with a class under `@register("<name>")`, and give it sizes
in `model_sizes` of params.yaml, each with `network: <name>`.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ser.core.errors import SerError
from ser.core.settings import Section
from ser.store.features import Layout


class Network(nn.Module):
    """A network over the features of clips.

    Attributes:
        Settings: what `model_sizes` says of a network of this class.
        time_stride: rows of features for each step of what the network pools over.
        granularity: rows that clips are padded to a multiple of, so that few lengths remain.
    """

    Settings: ClassVar[type[Section]]
    time_stride: int = 1
    granularity: int = 8

    def __init__(self, settings: Any, layout: Layout, classes: int) -> None:
        super().__init__()
        self.settings: Section = settings
        self.layout = layout
        self.classes = classes

    def front_end(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """What training alters: by default the features as they are stored.

        Args:
            values: shape (batch, rows, width), zero outside the clips.
            lengths: valid rows of each clip, shape (batch,).
        """
        return values, lengths

    def classify(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Logits, shape (batch, classes), of what the front end gave."""
        raise NotImplementedError

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Logits, shape (batch, classes), of padded clips; arguments as for `front_end`."""
        return self.classify(*self.front_end(values, lengths))

    @property
    def fewest_rows(self) -> int:
        """Rows of features that a training step must see at least."""
        return 1

    @property
    def parameters_count(self) -> int:
        """Trained numbers."""
        return sum(parameter.numel() for parameter in self.parameters())


_NETWORKS: dict[str, type[Network]] = {}


def register(name: str) -> Callable[[type[Network]], type[Network]]:
    """Make a network known by the name of its file."""

    def keep(kind: type[Network]) -> type[Network]:
        _NETWORKS[name] = kind
        return kind

    return keep


def find_network(name: str) -> type[Network]:
    """The network called `name`; only its own file is imported.

    Raises:
        SerError: if there is none.
    """
    module = f"ser.models.{name}"
    if name not in _NETWORKS and name.isidentifier() and find_spec(module):
        import_module(module)
    if name not in _NETWORKS:
        raise SerError(
            f"There is no network {name!r}; a network is a file of ser/models that registers "
            "itself by its name."
        )
    return _NETWORKS[name]


def build_network(name: str, settings: Section, layout: Layout, classes: int) -> Network:
    """A network with random weights, in the memory layout that is fastest for it."""
    network = find_network(name)(settings, layout, classes)
    # convolutions of few channels run a fifth faster in this layout on CPUs
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
