"""A file in ser/models is a network: nothing else names it."""

import sys
from pathlib import Path

import pytest
import torch

import ser.models
from ser.models import network as networks
from ser.models.network import find_network
from ser.models.storage import TrainedNetwork, load_network, network_path
from ser.reading.data import SystemData
from tests.builders import make_recipe, random_network, write_models

TEXT = """
from torch import Tensor, nn

from ser.core.settings import Count, Section
from ser.models.network import Network, register
from ser.store.features import Layout


class TinySettings(Section):
    hidden: Count


@register("tiny")
class Tiny(Network):
    Settings = TinySettings

    def __init__(self, settings: TinySettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        self.layers = nn.Sequential(
            nn.Linear(layout.bands, settings.hidden), nn.ReLU(), nn.Linear(settings.hidden, classes)
        )

    def classify(self, values: Tensor, lengths: Tensor) -> Tensor:
        return self.layers(values.sum(1) / lengths.unsqueeze(1))
"""


def test_a_network_is_found_by_the_name_of_its_file(
    tiny: SystemData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny.py").write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr(networks, "_NETWORKS", dict(networks._NETWORKS))
    monkeypatch.setattr(ser.models, "__path__", [*ser.models.__path__, str(tmp_path)])
    try:
        assert find_network("tiny").__name__ == "Tiny"
        size = {"network": "tiny", "hidden": 5}
        recipe = make_recipe({"model_sizes.mine": size, "model_size": "mine"})

        def make(data: SystemData, fold: int, seed: int) -> TrainedNetwork:
            return random_network(data, fold, seed, recipe=recipe)

        # another process finds it by the card of a model
        write_models(tiny, tmp_path, make=make)
        networks._NETWORKS.pop("tiny")
        del sys.modules["ser.models.tiny"]
        kept = load_network(network_path(tmp_path / "seed_0", 2))
        assert kept.name == "tiny"
        values, lengths = torch.ones(1, 8, 16), torch.tensor([8.0])
        expected = random_network(tiny, 2, recipe=recipe).network(values, lengths)
        assert torch.equal(kept.network(values, lengths), expected)
    finally:
        sys.modules.pop("ser.models.tiny", None)
