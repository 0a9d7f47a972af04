"""How long a training step takes under each optimizer: `python -m benchmarks.optimizers`.

The network of the studies sees one batch again and again, on one core; the optimizers take turns,
so that what else the machine does meets all of them. Results go to `docs/optimizers.csv`.
"""

import time
from pathlib import Path
from statistics import median

import pandas as pd
import torch
from torch import nn

from ser.entry import run
from ser.files import write_csv
from ser.params import Params, load_params
from ser.studies.optimizers import CANDIDATES, Candidate
from ser.training.fold import build_network
from ser.training.optimizers import build_optimizers
from ser.training.system import prepare_torch

OUT = Path("docs/optimizers.csv")
CLASSES = 8
ROUNDS, STEPS = 15, 8


class Stepper:
    """A network and the optimizer that trains it."""

    def __init__(self, one: Candidate, params: Params) -> None:
        params = one.settings(params, one.rates[1])
        torch.manual_seed(0)
        self.network = build_network(params, params.features.n_mels, CLASSES)
        self.optimizers = build_optimizers(
            self.network, params.optimizer, params.optimizer_settings
        )
        rows = round(params.training.crop_s * params.features.rows_per_second)
        size = params.training.batch_size
        self.values = torch.randn(size, rows, params.features.n_mels)
        self.lengths = torch.full((size,), float(rows))
        self.targets = torch.arange(size) % CLASSES

    def run(self, steps: int) -> tuple[float, float]:
        """Milliseconds of a whole step, and of the optimizer's part of it."""
        begun, own = time.perf_counter(), 0.0
        for _ in range(steps):
            loss = nn.functional.cross_entropy(
                self.network(self.values, self.lengths), self.targets
            )
            for optimizer in self.optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss.backward()
            stepped = time.perf_counter()
            for optimizer in self.optimizers:
                optimizer.step()
            own += time.perf_counter() - stepped
        return 1000 * (time.perf_counter() - begun) / steps, 1000 * own / steps


def main() -> None:
    """Time all optimizers and write the table."""
    prepare_torch()
    params = load_params().in_studies
    steppers = {one.name: Stepper(one, params) for one in CANDIDATES}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in steppers}
    for stepper in steppers.values():
        stepper.run(2)  # memory is allocated, kernels are chosen
    for _ in range(ROUNDS):
        for name, stepper in steppers.items():
            times[name].append(stepper.run(STEPS))
    first = CANDIDATES[0].name
    rows = [
        {
            "optimizer": name,
            "step_ms": median(whole for whole, _ in found),
            "optimizer_ms": median(own for _, own in found),
            # in each round beside the first, so that a slow moment does not count
            "relative": median(
                whole / other for (whole, _), (other, _) in zip(found, times[first], strict=True)
            ),
        }
        for name, found in times.items()
    ]
    table = pd.DataFrame(rows)
    write_csv(OUT, table, decimals=3)
    print(table.to_string(index=False))


if __name__ == "__main__":
    run(main)
