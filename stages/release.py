"""Train the model that the package carries: on everybody, so that nobody is left to test it.

In: data/splits, data/features and data/functionals; models and scores of the system whose recipe it
is. Params: release, and all that trains.
Out: ser/released.safetensors.
"""

from pathlib import Path

from ser.core.entry import run
from ser.core.settings import load_values
from ser.core.tables import Table
from ser.predict.release import load_plan, make_release
from ser.predict.released import RELEASED

_SCORES = Table("The scores", {"uar": float, "uar_low": float, "uar_high": float, "ece": float})


def main() -> None:
    """Make the released model."""
    plan = load_plan(load_values())
    system = plan.settings.system
    row = _SCORES.read(Path("plots/studies/protocols") / f"{system}.csv").iloc[0]
    score = {name: float(row[name]) for name in _SCORES.columns}
    models = Path("models/studies") / system
    card = make_release(plan, Path("data"), models, score, RELEASED)
    size = RELEASED.stat().st_size / 1e6
    print(
        f"{RELEASED.name}: {size:.2f} MB, trained on {card.made_from['clips']} clips; temperature "
        f"{card.temperature:.2f}, unsure below {card.thresholds.unsure:.2f}"
    )


if __name__ == "__main__":
    run(main)
