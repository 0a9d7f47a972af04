"""Predict every clip with the models that never saw its speaker, and score the predictions.

In: models/<system>, data/splits and data/features of its corpora, plots/<system>/history.csv.
Out: metrics/<system>.json; plots/<system>/predictions.csv, confusion.csv and images.
"""

from pathlib import Path

import pandas as pd

from ser.dataset import load_system
from ser.entry import run
from ser.evaluation.metrics import confusion_table, system_metrics
from ser.evaluation.predictions import check_complete, predict_out_of_fold
from ser.files import write_csv, write_json
from ser.models.cnn import count_parameters
from ser.models.storage import load_model
from ser.params import load_params
from ser.plots import draw_confusion, draw_examples, draw_history


def main(system: str) -> None:
    """Evaluate SYSTEM."""
    params = load_params()
    data = load_system(params, params.system(system), Path("data/splits"), Path("data/features"))
    models, plots = Path("models") / system, Path("plots") / system
    seeds = params.training.seeds
    predictions = predict_out_of_fold(data, models, seeds)
    check_complete(predictions, data, seeds)
    parameters = count_parameters(load_model(min(models.iterdir())).network)
    confusion = confusion_table(predictions)
    write_csv(plots / "predictions.csv", predictions)
    write_csv(plots / "confusion.csv", confusion, decimals=2)
    draw_history(pd.read_csv(plots / "history.csv"), system, plots / "history.png")
    draw_confusion(confusion, system, plots / "confusion.png")
    draw_examples(predictions, system, plots / "examples.png")
    metrics = system_metrics(predictions, parameters)
    write_json(Path("metrics") / f"{system}.json", metrics)
    print(
        "{}: UAR {uar:.1f} %, 95 % interval {uar_low:.1f} to {uar_high:.1f}".format(
            system, **metrics
        )
    )


if __name__ == "__main__":
    run(main)
