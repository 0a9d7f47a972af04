"""How strongly a temperature should be drawn towards 1, asked of validation speakers only.

A fold's temperature is fitted on each of its validation speakers and scored on the others, over all
folds and seeds of a trained system: `python -m benchmarks.temperature ravdess`.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
import typer
from sklearn.metrics import log_loss
from tqdm import tqdm

from ser.core.entry import run
from ser.core.errors import SerError
from ser.core.settings import load_values
from ser.evaluation.calibration import fit_temperature, soften
from ser.evaluation.out_of_fold import Model, load_answering, load_model, predict_validation
from ser.reading.data import SystemData, load_system
from ser.reading.settings import load_system_settings
from ser.training.settings import load_seeds

PRIORS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.6, 3.2, 1e6)


def losses(data: SystemData, models: Iterable[Model]) -> dict[float, list[float]]:
    """For every prior, the loss of each validation speaker at the temperature of the others."""
    found: dict[float, list[float]] = {prior: [] for prior in PRIORS}
    for model in models:
        probabilities, targets, speakers = predict_validation(model, data)
        for left_out in sorted(set(speakers)):
            scored = speakers == left_out
            if scored.all():
                raise SerError("This needs folds with at least two validation speakers.")
            for prior in PRIORS:
                temperature = fit_temperature(
                    probabilities[~scored], targets[~scored], speakers[~scored], prior
                )
                softened = soften(probabilities[scored], temperature)
                loss = log_loss(targets[scored], softened, labels=np.arange(softened.shape[1]))
                found[prior].append(float(loss))
    return found


def main(system: str = typer.Argument("ravdess")) -> None:
    """Compare priors on the validation speakers of SYSTEM."""
    torch.set_num_threads(1)
    values, models = load_values(), Path("models") / system
    data = load_system(load_system_settings(values, system), Path("data"))
    answering = load_answering(values)
    jobs = [(fold, seed) for seed in load_seeds(values) for fold in data.fold_numbers]
    shown = tqdm(jobs, desc="models", unit="model")
    found = losses(data, (load_model(models, *job, answering) for job in shown))
    print("prior  loss of speakers left out (nats)")
    for prior, found_losses in found.items():
        print(f"{prior:<10g}{np.mean(found_losses):.4f}")


if __name__ == "__main__":
    run(main)
