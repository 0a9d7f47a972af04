"""Train the model that the package carries: on everybody, so that nobody is left to test it.

In: data/splits, data/features and data/functionals; models and metrics of the system whose recipe
it is. Params: release, and all that trains.
Out: ser/released.safetensors.
"""

from pathlib import Path

from ser.core.entry import run
from ser.core.settings import load_values
from ser.core.tables import read_json
from ser.predict.release import load_plan, make_release
from ser.predict.released import RELEASED


def main() -> None:
    """Make the released model."""
    plan = load_plan(load_values())
    system = plan.settings.system
    score = read_json(Path("metrics") / f"{system}.json", "The metrics")
    inputs = read_json(Path("data/systems.json"), "The hashes of systems")[system]
    card = make_release(plan, Path("data"), Path("models") / system, inputs, score, RELEASED)
    size = RELEASED.stat().st_size / 1e6
    print(
        f"{RELEASED.name}: {size:.2f} MB, trained on {card.made_from['clips']} clips; temperature "
        f"{card.temperature:.2f}, unsure below {card.thresholds.unsure:.2f}"
    )


if __name__ == "__main__":
    run(main)
