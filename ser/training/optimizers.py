"""Optimizers by name, and the learning rate over a run."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from ser import params

# Share of a one-cycle run that warms up, and the share of the peak rate it starts from.
_WARM_UP = 0.3
_START = 0.04
_ADAMW_BETAS = (0.9, 0.99)


class Muon(torch.optim.Muon):
    """Muon over weights of any shape: each counts as a matrix of outputs by all else.

    Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural networks". torch's takes
    matrices only; these are views of the weights, so that its steps arrive in the network.
    """

    def __init__(self, weights: Sequence[nn.Parameter], settings: params.Muon) -> None:
        self._weights = list(weights)
        super().__init__(
            [nn.Parameter(_matrix(weight.detach())) for weight in weights],
            lr=settings.lr,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
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


def build_optimizers(
    network: nn.Module, name: str, settings: params.OptimizerSettings
) -> list[Optimizer]:
    """The optimizer called `name` over a network's parameters; two together for Muon.

    Weight decay spares biases and batch normalisation, whose scale it would only fight. Muon
    trains the hidden weights; the classifier, vectors and all else are AdamW's, as its authors
    advise.
    """
    if isinstance(settings, params.Muon):
        hidden = [w for name, w in network.named_parameters() if _is_hidden(name, w)]
        known = set(map(id, hidden))
        rest = [weight for weight in network.parameters() if id(weight) not in known]
        groups = _groups(rest, settings.adamw_weight_decay)
        adamw = AdamW(groups, lr=settings.adamw_lr, betas=_ADAMW_BETAS, fused=True)
        return [Muon(hidden, settings), adamw]
    groups = _groups(list(network.parameters()), settings.weight_decay)
    if isinstance(settings, params.Sgd):
        return [SGD(groups, lr=settings.lr, momentum=settings.momentum, nesterov=settings.nesterov)]
    if isinstance(settings, params.RmsProp):
        return [RMSprop(groups, lr=settings.lr, alpha=settings.alpha, momentum=settings.momentum)]
    kind = AdamW if name == "adamw" else Adam
    return [kind(groups, lr=settings.lr, betas=(settings.beta1, settings.beta2), fused=True)]


def _groups(weights: list[nn.Parameter], weight_decay: float) -> list[dict[str, object]]:
    return [
        {"params": [w for w in weights if w.ndim > 1], "weight_decay": weight_decay},
        {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
    ]


def _is_hidden(name: str, weight: nn.Parameter) -> bool:
    """A weight between hidden layers: a matrix of more than one row, and not the classifier's."""
    return weight.ndim > 1 and len(weight) > 1 and not name.startswith("classifier")


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
