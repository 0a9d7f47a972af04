"""Any optimizer of torch by its class, what weight decay touches, and the rate over a run."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.optim import AdamW, Optimizer

from ser.training.optimizers import (
    Muon,
    build_optimizers,
    descend,
    load_optimizer,
    rate_schedule,
    scale_rates,
)
from tests.builders import make_values, real_values
from tests.conftest import Refused

ROWS = list(real_values().table["optimizers"])
SINGLE = [row for row in ROWS if "rest" not in real_values().table["optimizers"][row]]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


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


def optimizers_of(
    model: nn.Module, row: str, changes: Mapping[str, Any] | None = None
) -> list[Optimizer]:
    dotted = {f"optimizers.{row}.{key}": value for key, value in (changes or {}).items()}
    return build_optimizers(model, load_optimizer(make_values({"optimizer": row, **dotted})))


def trained(optimizers: list[Optimizer]) -> list[nn.Parameter]:
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    return [weight for group in groups for weight in group["params"]]


@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_parameters_descends(row: str) -> None:
    model, values = Tiny(), torch.randn(6, 3, 8, 8)
    before = [weight.clone() for weight in model.parameters()]
    optimizers = optimizers_of(model, row)
    losses = []
    for _ in range(3):
        loss = model(values).square().mean()
        losses.append(loss.item())
        scale_rates(optimizers, 0.01)
        descend(loss, optimizers)
    assert losses[-1] < losses[0], "the loss rises"
    for weight, old in zip(model.parameters(), before, strict=True):
        if weight.ndim > 1:
            assert not torch.equal(weight, old), "a weight is not trained"


@pytest.mark.parametrize("row", SINGLE)
def test_arguments_of_a_row_arrive(row: str) -> None:
    model = Tiny()
    given_ = dict(real_values().table["optimizers"][row])
    kind = given_.pop("class")
    (optimizer,) = optimizers_of(model, row, {"lr": 0.0123})
    assert type(optimizer).__name__ == kind
    decay = given_.pop("weight_decay", 0.0)
    for key, value in {**given_, "lr": 0.0123}.items():
        value = tuple(value) if isinstance(value, list) else value
        assert all(group[key] == value for group in optimizer.param_groups), key
    assert sorted(map(id, trained([optimizer]))) == sorted(map(id, model.parameters()))
    by_size = {
        group["params"][0].ndim > 1: group["weight_decay"] for group in optimizer.param_groups
    }
    assert by_size == {True: decay, False: 0.0}, "biases or normalisation are decayed"


@pytest.mark.parametrize(
    "row",
    [
        {"class": "NAdam", "lr": "2e-3", "betas": ["0.8", 0.9]},
        {"class": "Adagrad", "lr": 0.01},
        {"class": "Rprop", "lr": 0.01},
        {"class": "SGD", "lr": 0.01, "momentum": 0.9, "nesterov": True},
    ],
    ids=lambda row: row["class"],
)
def test_a_row_more_is_all_that_another_optimizer_takes(row: dict[str, Any]) -> None:
    settings = load_optimizer(make_values({"optimizers.mine": row, "optimizer": "mine"}))
    (optimizer,) = build_optimizers(Tiny(), settings)
    assert type(optimizer).__name__ == row["class"]
    assert optimizer.param_groups[0]["lr"] == float(row["lr"])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"class": "Adem", "lr": 0.1}, ["class is 'Adem'", "torch.optim"]),
        ({"class": "Optimizer", "lr": 0.1}, ["class is 'Optimizer'"]),
        ({"class": "lr_scheduler"}, ["class is 'lr_scheduler'"]),
        ({"lr": 0.1}, ["class is ''"]),
        (
            {"class": "SGD", "lr": 0.1, "beta": 0.9},
            ["unknown key 'beta'", "SGD takes lr, momentum"],
        ),
        ({"class": "SGD", "params": [1]}, ["unknown key 'params'"]),
        ({"class": "SGD", "lr": -1.0}, ["does not suit SGD", "learning rate"]),
        ({"class": "SGD", "lr": "fast"}, ["does not suit SGD"]),
        ({"class": "SGD", "lr": 0.1, "nesterov": True}, ["does not suit SGD", "momentum"]),
        ({"class": "Adam", "betas": [0.9, 1.0]}, ["does not suit Adam", "beta"]),
        ({"class": "LBFGS", "lr": 0.1}, ["does not suit LBFGS"]),
        ({"class": "SGD", "lr": float("nan")}, ["does not suit SGD", "no numbers"]),
        ({"class": "Muon", "lr": 0.1}, ["needs a table rest"]),
        (
            {"class": "Muon", "rest": {"class": "Muon", "rest": {"class": "SGD"}}},
            ["rest has a rest of its own"],
        ),
        (
            {"class": "Muon", "lr": 0.1, "rest": {"class": "AdamW", "lr": -2.0}},
            ["optimizers.mine.rest", "does not suit AdamW"],
        ),
    ],
)
def test_what_torch_has_against_a_row_is_said_before_training(
    row: dict[str, Any], said: list[str], refused: Refused
) -> None:
    with refused("optimizers.mine", *said):
        load_optimizer(make_values({"optimizers.mine": row, "optimizer": "mine"}))


def test_rows_that_are_not_chosen_are_not_read(refused: Refused) -> None:
    load_optimizer(make_values({"optimizers.sgd": {"class": "Nothing"}, "optimizer": "adamw"}))
    with refused("optimizer is 'adamx'", ", ".join(ROWS)):
        load_optimizer(make_values({"optimizer": "adamx"}))


def test_muon_trains_hidden_weights_and_the_rest_is_another_optimizers() -> None:
    model = Tiny()
    muon, adamw = optimizers_of(model, "muon", {"lr": 0.3, "rest.lr": 0.02})
    assert isinstance(muon, Muon)
    assert type(adamw) is AdamW
    assert [group["lr"] for group in muon.param_groups] == [0.3]
    assert {group["lr"] for group in adamw.param_groups} == {0.02}
    left = set(map(id, trained([adamw])))
    assert left == {id(w) for name, w in model.named_parameters() if name != "hidden.weight"}


def test_a_step_of_muon_arrives_in_the_network_and_is_orthogonal() -> None:
    model = Tiny()
    muon, _ = optimizers_of(model, "muon", {"lr": 1.0, "weight_decay": 0.0})
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
    muon, _ = optimizers_of(model, "muon")
    model(torch.randn(5, 3, 8, 8)).sum().backward()
    muon.zero_grad()
    assert model.hidden.weight.grad is None
    before = model.hidden.weight.detach().clone()
    muon.step()
    assert torch.equal(model.hidden.weight, before), "a step without a gradient moves weights"


def test_rates_are_scaled_from_where_they_began() -> None:
    optimizers = optimizers_of(Tiny(), "muon", {"lr": 0.4, "rest.lr": 0.02})
    for factor in (0.5, 0.25):
        scale_rates(optimizers, factor)
    assert optimizers[0].param_groups[0]["lr"] == pytest.approx(0.1)
    assert optimizers[1].param_groups[0]["lr"] == pytest.approx(0.005)


@given(n_steps=st.integers(10, 1_000))
def test_one_cycle_rises_to_one_and_falls_to_nothing(n_steps: int) -> None:
    factor = rate_schedule("one_cycle", n_steps)
    factors = [factor(step) for step in range(n_steps)]
    peak = factors.index(max(factors))
    assert all(0 < value <= 1 for value in factors)
    assert factors[0] < 0.1, "it starts too fast"
    assert max(factors) > (0.85 if n_steps < 30 else 0.99)
    assert 0.15 * n_steps < peak < 0.5 * n_steps, "the peak is not in the first half"
    assert factors[: peak + 1] == sorted(factors[: peak + 1]), "it does not rise all the way"
    assert factors[peak:] == sorted(factors[peak:], reverse=True), "it does not fall all the way"
    assert factor(n_steps) == pytest.approx(0.0, abs=1e-9)
    assert rate_schedule("constant", 100)(n_steps) == 1.0
