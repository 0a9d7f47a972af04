"""Train a system: one model for every fold and seed, test clips unseen.

In: data/splits, data/features and data/functionals of its corpora. Params: optimizer,
model_size, training, ...
Out: models/<system>/*.safetensors, plots/<system>/history.csv; logs/seconds.json (untracked).
"""

from pathlib import Path

from ser.dataset import load_system
from ser.entry import run
from ser.params import load_params
from ser.training.system import log_seconds, train_system


def main(system: str) -> None:
    """Train SYSTEM."""
    params = load_params()
    folders = [Path("data") / part for part in ("splits", "features", "functionals")]
    data = load_system(params, params.system(system), *folders)
    history = Path("plots") / system / "history.csv"
    seconds = train_system(params, data, system, Path("models") / system, history)
    log_seconds(Path("logs/seconds.json"), system, seconds)


if __name__ == "__main__":
    run(main)
