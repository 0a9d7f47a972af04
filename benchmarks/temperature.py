"""How strongly a temperature should be drawn towards 1, asked of validation speakers only.

A fold's temperature is fitted on each of its validation speakers and scored on the others, over all
folds and seeds of a trained system: `python -m benchmarks.temperature ravdess`.
"""

from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import log_loss
from tqdm import tqdm

from ser.dataset import SystemData, load_system
from ser.entry import run
from ser.errors import SerError
from ser.evaluation.calibration import fit_temperature, soften
from ser.evaluation.out_of_fold import predict_validation
from ser.models.storage import load_model, model_path
from ser.params import load_params

PRIORS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.6, 3.2, 1e6)


def losses(data: SystemData, models: Path, seeds: list[int]) -> dict[float, list[float]]:
    """For every prior, the loss of each validation speaker at the temperature of the others."""
    found: dict[float, list[float]] = {prior: [] for prior in PRIORS}
    jobs = [(fold, seed) for seed in seeds for fold in data.fold_numbers]
    for fold, seed in tqdm(jobs, desc="models", unit="model"):
        probabilities, targets, speakers = predict_validation(
            load_model(model_path(models, fold, seed)), data, fold
        )
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


def main(system: str = "ravdess") -> None:
    """Compare priors on the validation speakers of SYSTEM."""
    torch.set_num_threads(1)
    params = load_params()
    folders = [Path("data") / part for part in ("splits", "features", "functionals")]
    data = load_system(params, params.system(system), *folders)
    found = losses(data, Path("models") / system, params.seeds_of(params.system(system)))
    print("prior  loss of speakers left out (nats)")
    for prior, values in found.items():
        print(f"{prior:<10g}{np.mean(values):.4f}")


if __name__ == "__main__":
    run(main)
