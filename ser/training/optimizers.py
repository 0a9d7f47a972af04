"""Optimizers by name, and the learning rate over a run."""

import math
from collections.abc import Callable

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from ser import params

# Share of a one-cycle run that warms up, and the share of the peak rate it starts from.
_WARM_UP = 0.3
_START = 0.04


def build_optimizer(network: nn.Module, name: str, settings: params.OptimizerSettings) -> Optimizer:
    """The optimizer called `name` over a network's parameters.

    Weight decay spares biases and batch normalisation, whose scale it would only fight.
    """
    decayed = [weight for weight in network.parameters() if weight.ndim > 1]
    spared = [weight for weight in network.parameters() if weight.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    if isinstance(settings, params.Sgd):
        return SGD(groups, lr=settings.lr, momentum=settings.momentum, nesterov=settings.nesterov)
    if isinstance(settings, params.RmsProp):
        return RMSprop(groups, lr=settings.lr, alpha=settings.alpha, momentum=settings.momentum)
    kind = AdamW if name == "adamw" else Adam
    return kind(groups, lr=settings.lr, betas=(settings.beta1, settings.beta2), fused=True)


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
