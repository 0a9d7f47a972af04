"""Optimizers by their class in torch.optim, and the learning rate over a run."""

import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ser.core.errors import SerError
from ser.core.settings import Values

# Share of a one-cycle run that warms up, and the share of the peak rate it starts from.
_WARM_UP = 0.3
_START = 0.04


class Muon(torch.optim.Muon):
    """Muon over weights of any shape: each counts as a matrix of outputs by all else.

    Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural networks". torch's takes
    matrices only; these are views of the weights, so that its steps arrive in the network.
    """

    def __init__(self, params: Iterable[nn.Parameter], **arguments: Any) -> None:
        self._weights = list(params)
        super().__init__(
            [nn.Parameter(_matrix(weight.detach())) for weight in self._weights], **arguments
        )

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step by the gradients of the weights."""
        for weight, matrix in zip(self._weights, self.param_groups[0]["params"], strict=True):
            matrix.grad = None if weight.grad is None else _as_matrix(weight.grad, weight)
        return super().step(closure)  # type: ignore[no-untyped-call]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of the weights."""
        for weight in self._weights:
            weight.grad = None
        super().zero_grad(set_to_none)


def _matrix(weight: Tensor) -> Tensor:
    """A view of a weight as a matrix; convolutions may keep their channels last."""
    return _as_matrix(weight, weight).view(len(weight), -1)


def _as_matrix(values: Tensor, weight: Tensor) -> Tensor:
    if weight.ndim > 2 and not weight.is_contiguous():
        values = values.movedim(1, -1)
    return values.flatten(1)


@dataclass(frozen=True)
class OptimizerSettings:
    """A row of `optimizers`.

    Attributes:
        name: of the row.
        kind: a class of torch.optim.
        arguments: of that class.
        rest: the optimizer of all that is no matrix between hidden layers, for a class that takes
            such matrices only; None for one that takes all weights.
    """

    name: str
    kind: type[Optimizer]
    arguments: dict[str, Any]
    rest: "OptimizerSettings | None" = None


def load_optimizer(values: Values) -> OptimizerSettings:
    """The row of `optimizers` that `optimizer` names, checked by torch itself.

    Raises:
        SerError: naming the row and what torch has against it.
    """
    row = values.chosen("optimizer", "optimizers")
    return _load_row(values, row)


def _load_row(values: Values, row: str) -> OptimizerSettings:
    table = dict(values.section(row, dict))
    name, rest = str(table.pop("class", "")), table.pop("rest", None)
    kind = getattr(torch.optim, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Optimizer)) or kind is Optimizer:
        raise SerError(
            f"{values.source}: {row}.class is {name!r}, but must be a class of torch.optim, such "
            "as SGD or Adam."
        )
    if kind is torch.optim.Muon:
        kind = Muon
    arguments = {key: _plain(value) for key, value in table.items()}
    settings = OptimizerSettings(
        row.rpartition(".")[2],
        kind,
        arguments,
        None if rest is None else _load_row(values, f"{row}.rest"),
    )
    _try(settings, row, values.source)
    return settings


def _plain(value: Any) -> Any:
    """A value as torch wants it: text such as "1e-05" as a number, lists as tuples."""
    if isinstance(value, list):
        return tuple(_plain(inner) for inner in value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _try(settings: OptimizerSettings, row: str, source: str) -> None:
    """One step on two weights: what torch has against the arguments is said before training."""
    kind = torch.optim.Muon if settings.kind is Muon else settings.kind
    known = inspect.signature(kind).parameters
    strange = [name for name in settings.arguments if name not in known or name == "params"]
    if strange:
        raise SerError(
            f"{source}: {row} has the unknown key {strange[0]!r}; {kind.__name__} takes "
            f"{', '.join(name for name in known if name != 'params')}."
        )
    if settings.kind is Muon and settings.rest is None:
        raise SerError(
            f"{source}: {row} needs a table rest: an optimizer of what is no matrix between hidden "
            "layers."
        )
    if settings.rest is not None and settings.rest.rest is not None:
        raise SerError(f"{source}: {row}.rest has a rest of its own, which nothing is left for.")
    weight = nn.Parameter(torch.ones(2, 2))
    weight.grad = torch.ones(2, 2)
    try:
        settings.kind([weight], **settings.arguments).step()
        if not torch.isfinite(weight).all():
            raise ValueError("a step makes weights that are no numbers")
    except Exception as error:  # torch refuses in many ways
        reason = " ".join(str(error).split()).rstrip(".")
        raise SerError(f"{source}: {row} does not suit {kind.__name__}: {reason}.") from None


def build_optimizers(network: nn.Module, settings: OptimizerSettings) -> list[Optimizer]:
    """The chosen optimizer over a network's parameters; two where it takes some of them only.

    Weight decay spares biases and batch normalisation, whose scale it would only fight. Of two, the
    first trains the hidden weights; the classifier, vectors and all else are the second's, as the
    authors of Muon advise.
    """
    if settings.rest is None:
        return [_over_groups(list(network.parameters()), settings)]
    hidden = [weight for name, weight in network.named_parameters() if _is_hidden(name, weight)]
    known = set(map(id, hidden))
    rest = [weight for weight in network.parameters() if id(weight) not in known]
    return [settings.kind(hidden, **settings.arguments), _over_groups(rest, settings.rest)]


def _over_groups(weights: list[nn.Parameter], settings: OptimizerSettings) -> Optimizer:
    groups: list[dict[str, Any]] = [{"params": weights}]
    if "weight_decay" in inspect.signature(settings.kind).parameters:
        groups = [
            {"params": [w for w in weights if w.ndim > 1]},
            {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
        ]
    return settings.kind(groups, **settings.arguments)


def _is_hidden(name: str, weight: nn.Parameter) -> bool:
    """A weight between hidden layers: a matrix of more than one row, and not the classifier's."""
    return weight.ndim > 1 and len(weight) > 1 and not name.startswith("classifier")


def descend(loss: Tensor, optimizers: Sequence[Optimizer]) -> None:
    """One step of every optimizer down the gradient of a loss."""
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()


def scale_rates(optimizers: Sequence[Optimizer], factor: float) -> None:
    """Set every learning rate to a share of what it was at the beginning."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
            group["lr"] = group["initial_lr"] * factor


def rate_schedule(name: str, n_steps: int) -> Callable[[int], float]:
    """Factor of the learning rate at each step.

    one_cycle: cosine up over the first 30 % of the run, cosine down to zero over the rest (Smith
    & Topin, 2019, "Super-convergence"); constant: 1 throughout.
    """
    if name == "constant":
        return lambda step: 1.0

    def one_cycle(step: int) -> float:
        done = step / n_steps
        if done < _WARM_UP:
            return _START + (1 - _START) * (0.5 - 0.5 * math.cos(math.pi * done / _WARM_UP))
        return 0.5 + 0.5 * math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP))

    return one_cycle
