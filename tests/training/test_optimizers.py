"""Optimizers by name, what weight decay touches, and the learning rate over a run."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.optim import SGD, Adam, AdamW, RMSprop

from ser.training.optimizers import Muon, build_optimizers, rate_schedule, scale_rates
from tests.builders import make_params, one_torch_thread

KINDS = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam, "adamw": AdamW}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()
    torch.manual_seed(0)


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(3, 4, 3), nn.BatchNorm1d(4), nn.Flatten(), nn.Linear(4 * 8, 2))


def optimizer_of(model: nn.Module, name: str, **changes: float) -> torch.optim.Optimizer:
    chosen = {f"optimizers.{name}.{key}": value for key, value in changes.items()}
    params = make_params({"optimizer": name, **chosen})
    (optimizer,) = build_optimizers(model, name, params.optimizer_settings)
    return optimizer


@pytest.mark.parametrize("name", KINDS)
def test_a_name_gives_its_optimizer_with_its_settings(name: str) -> None:
    optimizer = optimizer_of(network(), name, lr=0.0123)
    assert type(optimizer) is KINDS[name]
    assert {group["lr"] for group in optimizer.param_groups} == {0.0123}


@pytest.mark.parametrize(
    ("name", "key"),
    [("sgd", "momentum"), ("rmsprop", "alpha"), ("rmsprop", "momentum")],
)
def test_settings_of_an_optimizer_arrive(name: str, key: str) -> None:
    optimizer = optimizer_of(network(), name, **{key: 0.37})
    assert {group[key] for group in optimizer.param_groups} == {0.37}


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_betas_arrive(name: str) -> None:
    optimizer = optimizer_of(network(), name, beta1=0.7, beta2=0.8)
    assert {group["betas"] for group in optimizer.param_groups} == {(0.7, 0.8)}


@pytest.mark.parametrize("name", KINDS)
def test_every_parameter_is_trained_once(name: str) -> None:
    model = network()
    trained = [
        weight for group in optimizer_of(model, name).param_groups for weight in group["params"]
    ]
    assert sorted(map(id, trained)) == sorted(map(id, model.parameters()))


@pytest.mark.parametrize("name", KINDS)
def test_weight_decay_shrinks_weights_and_spares_biases_and_normalisation(name: str) -> None:
    model = network()
    for weight in model.parameters():
        nn.init.constant_(weight, 0.5)
    optimizer = optimizer_of(model, name, lr=0.01, weight_decay=0.1)
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    for key, weight in model.named_parameters():
        if weight.ndim > 1:
            assert (weight < 0.5).all(), f"{key} is not decayed"
        else:
            assert torch.equal(weight, torch.full_like(weight, 0.5)), f"{key} is decayed"


@pytest.mark.parametrize("name", KINDS)
def test_without_weight_decay_weights_rest(name: str) -> None:
    model = network()
    before = [weight.clone() for weight in model.parameters()]
    optimizer = optimizer_of(model, name, weight_decay=0.0)
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    for weight, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(weight, old)


def muon_and_adamw(model: nn.Module, **changes: float) -> list[torch.optim.Optimizer]:
    chosen = {f"optimizers.muon.{key}": value for key, value in changes.items()}
    params = make_params({"optimizer": "muon", **chosen})
    return build_optimizers(model, "muon", params.optimizer_settings)


class Tiny(nn.Module):
    """A convolution with its channels last, normalisation, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.classifier = nn.Linear(4, 2)
        self.to(memory_format=torch.channels_last)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.norm(self.hidden(values)).mean((2, 3)))


def test_muon_trains_hidden_weights_and_adamw_the_rest() -> None:
    model = Tiny()
    muon, adamw = muon_and_adamw(model, lr=0.3, adamw_lr=0.02)
    assert isinstance(muon, Muon)
    assert type(adamw) is AdamW
    assert [group["lr"] for group in muon.param_groups] == [0.3]
    assert {group["lr"] for group in adamw.param_groups} == {0.02}
    left = {id(weight) for group in adamw.param_groups for weight in group["params"]}
    assert left == {id(w) for name, w in model.named_parameters() if name != "hidden.weight"}


def test_a_step_of_muon_arrives_in_the_network_and_is_orthogonal() -> None:
    model = Tiny()
    muon, _ = muon_and_adamw(model, lr=1.0, weight_decay=0.0)
    before = model.hidden.weight.detach().clone()
    model(torch.randn(5, 3, 8, 8)).square().sum().backward()
    assert model.hidden.weight.grad is not None
    gradient = model.hidden.weight.grad.clone()
    muon.step()
    step = (before - model.hidden.weight.detach()).flatten(1)
    # Newton-Schulz brings singular values near 1, without reaching it
    values = torch.linalg.svdvals(step)
    assert values.min() > 0.4, values
    assert values.max() < 1.5, values
    assert (step * gradient.flatten(1)).sum() > 0, "the step goes uphill"


def test_muon_forgets_gradients() -> None:
    model = Tiny()
    muon, _ = muon_and_adamw(model)
    model(torch.randn(5, 3, 8, 8)).sum().backward()
    muon.zero_grad()
    assert model.hidden.weight.grad is None
    before = model.hidden.weight.detach().clone()
    muon.step()
    assert torch.equal(model.hidden.weight, before), "a step without a gradient moves weights"


def test_rates_are_scaled_from_where_they_began() -> None:
    optimizers = muon_and_adamw(Tiny(), lr=0.4, adamw_lr=0.02)
    for factor in (0.5, 0.25):
        scale_rates(optimizers, factor)
    assert optimizers[0].param_groups[0]["lr"] == pytest.approx(0.1)
    assert optimizers[1].param_groups[0]["lr"] == pytest.approx(0.005)


@given(n_steps=st.integers(10, 5_000))
def test_one_cycle_rises_to_one_and_falls_to_nothing(n_steps: int) -> None:
    factor = rate_schedule("one_cycle", n_steps)
    factors = [factor(step) for step in range(n_steps)]
    peak = factors.index(max(factors))
    assert all(0 < value <= 1 for value in factors)
    assert factors[0] < 0.1, "it starts too fast"
    assert max(factors) > 0.85 if n_steps < 30 else max(factors) > 0.99
    assert 0.15 * n_steps < peak < 0.5 * n_steps, "the peak is not in the first half"
    assert factors[: peak + 1] == sorted(factors[: peak + 1]), "it does not rise all the way"
    assert factors[peak:] == sorted(factors[peak:], reverse=True), "it does not fall all the way"
    assert factor(n_steps) == pytest.approx(0.0, abs=1e-9)


@given(step=st.integers(0, 10_000))
def test_a_constant_rate_stays(step: int) -> None:
    assert rate_schedule("constant", 100)(step) == 1.0
