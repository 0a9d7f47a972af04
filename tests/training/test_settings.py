"""An optimizer is a class of torch.optim and its arguments, by YAML alone."""

import math
from typing import Any

import torch

from ser.training.optimizers import build_optimizers, descend, load_optimizer
from ser.training.settings import load_recipe, load_seeds
from tests.builders import make_values
from tests.conftest import Refused, case


def with_optimizer(row: dict[str, Any]) -> Any:
    return make_values({"optimizer": "mine", "optimizers.mine": row})


# rows, and what torch must have got
ROWS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"class": "NAdam", "lr": 0.01}, {"lr": 0.01}),
    ({"class": "NAdam", "lr": "1e-05", "momentum_decay": "4e-3"}, {"lr": 1e-5}),
    ({"class": "RAdam", "betas": [0.9, "0.99"]}, {"betas": (0.9, 0.99)}),
    ({"class": "Adagrad"}, {"lr": 0.01}),
    ({"class": "Rprop", "lr": 0.01}, {"etas": (0.5, 1.2)}),
    ({"class": "SGD", "lr": 0.1, "momentum": 0.9, "nesterov": True}, {"nesterov": True}),
    ({"class": "Muon", "lr": 0.1, "rest": {"class": "SGD", "lr": 0.2}}, {"lr": 0.1}),
]


def test_any_optimizer_of_torch_trains_without_a_line_of_code() -> None:
    for row, arguments in ROWS:
        with case(row):
            settings = load_recipe(with_optimizer(row)).optimizer
            assert settings.name == "mine"
            assert settings.kind.__name__ == row["class"]
            torch.manual_seed(0)
            network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
            optimizers = build_optimizers(network, settings)
            for key, value in arguments.items():
                assert optimizers[0].param_groups[0][key] == value
            before = [weight.clone() for weight in network.parameters()]
            for _ in range(2):
                descend(network(torch.randn(8, 3)).square().sum(), optimizers)
            for old, new in zip(before, network.parameters(), strict=True):
                assert not torch.equal(old, new), "a weight is not trained"


REFUSED: list[tuple[Any, tuple[str, ...]]] = [
    ({"lr": 0.1}, ("optimizers.mine.class", "class of torch.optim")),
    ({"class": "Adamx"}, ("optimizers.mine.class", "'Adamx'", "class of torch.optim")),
    ({"class": "adam"}, ("'adam'", "class of torch.optim")),
    ({"class": "Optimizer"}, ("'Optimizer'", "class of torch.optim")),
    ({"class": "lr_scheduler"}, ("'lr_scheduler'", "class of torch.optim")),
    ({"class": ["SGD"]}, ("class of torch.optim",)),
    ({"class": "SGD", "rate": 0.1}, ("optimizers.mine", "'rate'", "SGD takes lr, momentum")),
    ({"class": "SGD", "params": []}, ("optimizers.mine", "'params'")),
    ({"class": "SGD", "lr": -0.1}, ("optimizers.mine", "SGD", "-0.1")),
    ({"class": "SGD", "lr": "fast"}, ("optimizers.mine", "SGD")),
    ({"class": "SGD", "lr": None}, ("optimizers.mine", "SGD")),
    ({"class": "SGD", "lr": math.inf}, ("optimizers.mine", "SGD", "no numbers")),
    ({"class": "AdamW", "lr": math.nan}, ("optimizers.mine", "AdamW", "nan")),
    ({"class": "SGD", "lr": 0.1, "nesterov": True}, ("optimizers.mine", "SGD", "momentum")),
    ({"class": "Adam", "betas": [0.9]}, ("optimizers.mine", "Adam")),
    ({"class": "Adam", "betas": [0.9, 1.5]}, ("optimizers.mine", "Adam", "1.5")),
    # these want a closure, sparse gradients, an optimizer of the rest
    ({"class": "LBFGS"}, ("optimizers.mine", "LBFGS", "closure")),
    ({"class": "SparseAdam"}, ("optimizers.mine", "SparseAdam", "dense")),
    ({"class": "Muon"}, ("optimizers.mine", "rest")),
    (
        {"class": "Muon", "rest": {"class": "SGD", "lr": -1}},
        ("optimizers.mine.rest", "SGD", "-1"),
    ),
    (
        {"class": "Muon", "rest": {"class": "Muon", "rest": {"class": "SGD"}}},
        ("optimizers.mine.rest", "rest of its own"),
    ),
    ({"class": "Muon", "rest": "SGD"}, ("optimizers.mine.rest", "'SGD'")),
    ("SGD", ("optimizers.mine", "'SGD'")),
]


def test_what_torch_would_not_take_is_one_sentence(refused: Refused) -> None:
    for row, words in REFUSED:
        with case(row), refused("params.yaml: ", *words):
            load_optimizer(with_optimizer(row))


def test_seeds_differ_and_are_what_torch_takes(refused: Refused) -> None:
    assert load_seeds(make_values({"seeds": [3, "1", 2**31 - 1]})) == [3, 1, 2**31 - 1]
    for seeds in ([1, 1], [2**31], [-1], [0.5], []):
        with refused("params.yaml: seeds"):
            load_seeds(make_values({"seeds": seeds}))
