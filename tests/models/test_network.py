"""A network is one file that registers itself, and a row of model_sizes."""

import pytest
import torch
from torch import Tensor, nn

from ser.core.settings import Count, Section
from ser.models import network as networks
from ser.models.network import Network, build_network, find_network, register
from ser.models.settings import load_model_size
from ser.reading.data import SystemData
from ser.store.features import Layout
from ser.training.fold import train_fold
from tests.builders import LAYOUT, make_recipe, make_values, real_values
from tests.conftest import Refused

MEAN_MFCC = Layout("mean_mfcc", 40, 0.0, neighbours=False)


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> str:
    """A network that somebody adds, taken out of the register again."""
    monkeypatch.setattr(networks, "_NETWORKS", dict(networks._NETWORKS))

    class Settings(Section):
        hidden: Count

    @register("mine")
    class Mine(Network):
        def __init__(self, settings: Settings, layout: Layout, classes: int) -> None:
            super().__init__(settings, layout, classes)
            self.hidden = nn.Linear(layout.bands, settings.hidden)
            self.classifier = nn.Linear(settings.hidden, classes)

        def classify(self, values: Tensor, lengths: Tensor) -> Tensor:
            return self.classifier(torch.relu(self.hidden(values.mean(1))))

    Mine.Settings = Settings
    return "mine"


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_network_that_is_added_trains(mine: str, tiny: SystemData, optimizer: str) -> None:
    size = {"network": mine, "hidden": 6}
    recipe = make_recipe({"model_sizes.own": size, "model_size": "own", "optimizer": optimizer})
    model, history = train_fold(recipe, tiny, 0, 0)
    assert model.name == "mine"
    assert model.network.settings.hidden == 6
    assert history


def test_a_misspelt_setting_of_it_is_a_sentence(mine: str, refused: Refused) -> None:
    size = {"network": mine, "hidden": 6, "dropuot": 0.1}
    values = make_values({"model_sizes.own": size, "model_size": "own"})
    with refused("model_sizes.own.dropuot"):
        load_model_size(values)


@pytest.mark.parametrize("name", ["transformer", "../cnn", "storage", ""])
def test_an_unknown_network_is_a_sentence(name: str, refused: Refused) -> None:
    with refused("There is no network", repr(name)):
        find_network(name)


def test_every_size_of_the_parameters_builds() -> None:
    values = real_values()
    for row in values.table["model_sizes"]:
        size = load_model_size(values.changed({"model_size": row}))
        layout = MEAN_MFCC if size.network == "notebook" else LAYOUT
        model = build_network(size.network, size.settings, layout, 4).eval()
        logits = model(torch.randn(2, 48, layout.bands), torch.tensor([48.0, 30.0]))
        assert torch.isfinite(logits).all(), row


@pytest.mark.parametrize("deeper", [True, False])
def test_the_network_of_the_notebooks_sees_the_mean_of_a_clip(deeper: bool) -> None:
    settings = find_network("notebook").Settings(channels=(8, 4), deeper=deeper, dropout=0.1)
    model = build_network("notebook", settings, MEAN_MFCC, 4).eval()
    clip = torch.randn(1, 5, 40)
    mean = clip.mean(1, keepdim=True)
    padded = torch.nn.functional.pad(clip, (0, 0, 0, 3))
    expected = model(mean, torch.tensor([1.0]))
    assert torch.allclose(model(padded, torch.tensor([5.0])), expected, atol=1e-5)
