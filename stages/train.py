"""Train a system with one seed: one network for every fold, test clips unseen.

In: data/splits and data/features of its corpora. Params: optimizer, model_size, training, ...
Out: models/<system>/seed_<seed>/*.safetensors and history.csv.
"""

from pathlib import Path

from ser.core.entry import run
from ser.core.settings import load_values
from ser.reading.data import load_system
from ser.reading.settings import load_system_settings
from ser.training.settings import load_recipe
from ser.training.system import train_seed


def main(system: str, seed: int) -> None:
    """Train SYSTEM with SEED."""
    values = load_values()
    recipe = load_recipe(values)
    settings = load_system_settings(values, system)
    data = load_system(settings, Path("data"), with_functionals=False, with_details=False)
    train_seed(recipe, data, seed, Path("models") / system, f"{system}, seed {seed}")


if __name__ == "__main__":
    run(main)
