"""Fit the linear part of a system, and score what needs no network on its folds.

In: data/splits and data/functionals of its corpora. Params: baselines, linear.c, systems.<system>.
Out: models/<system>/linear/*.safetensors, metrics/baselines/<system>.csv.
"""

from pathlib import Path

from ser.core.entry import run
from ser.core.files import whole_folder, write_csv
from ser.core.settings import load_values
from ser.evaluation.baselines import (
    BaselineSettings,
    baseline_predictions,
    baselines_table,
    fit_linear_folds,
)
from ser.models.settings import Linear
from ser.models.storage import linear_folder
from ser.reading.data import load_system
from ser.reading.settings import load_system_settings


def main(system: str) -> None:
    """Score the baselines of SYSTEM."""
    values = load_values()
    data = load_system(load_system_settings(values, system), Path("data"), with_details=False)
    settings = values.section("baselines", BaselineSettings)
    with whole_folder(linear_folder(Path("models") / system)) as folder:
        fit_linear_folds(data, values.section("linear", Linear).c, folder)
        predictions = baseline_predictions(data, settings.svm_c, folder)
    table = baselines_table(predictions)
    write_csv(Path("metrics/baselines") / f"{system}.csv", table, decimals=2)
    print(f"{system}: strongest baseline, UAR {table['uar'].max():.1f} %")


if __name__ == "__main__":
    run(main)
