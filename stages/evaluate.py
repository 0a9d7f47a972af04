"""Predict every clip with the models that never saw its speaker, and score the predictions.

In: models/<system>, data/splits, data/features and data/functionals of its corpora,
plots/<system>/history.csv.
Out: metrics/<system>.json; plots/<system>/predictions.csv, confusion.csv, speakers.csv,
reliability.csv and images.
"""

from pathlib import Path

import pandas as pd

from ser.dataset import load_system
from ser.entry import run
from ser.evaluation.calibration import reliability_table
from ser.evaluation.metrics import confusion_table, speakers_table, summary, system_metrics
from ser.evaluation.out_of_fold import predict_out_of_fold
from ser.evaluation.predictions import check_complete
from ser.files import write_csv, write_json
from ser.models.storage import load_model
from ser.params import load_params
from ser.plots import SystemTables, draw_system


def main(system: str) -> None:
    """Evaluate SYSTEM."""
    params = load_params()
    folders = [Path("data") / part for part in ("splits", "features", "functionals")]
    data = load_system(params, params.system(system), *folders)
    models, plots = Path("models") / system, Path("plots") / system
    seeds = params.seeds_of(params.system(system))
    predictions = predict_out_of_fold(data, models, seeds, params.processes)
    check_complete(predictions, data.tested, seeds)
    tables = SystemTables(
        history=pd.read_csv(plots / "history.csv"),
        predictions=predictions,
        confusion=confusion_table(predictions),
        speakers=speakers_table(predictions),
        reliability=reliability_table(predictions),
    )
    write_csv(plots / "predictions.csv", predictions)
    for name in ("confusion", "speakers", "reliability"):
        write_csv(plots / f"{name}.csv", getattr(tables, name), decimals=2)
    draw_system(tables, system, data.protocol.mark, plots)
    parameters = load_model(min(models.iterdir())).parameters
    metrics = system_metrics(predictions, parameters, data.protocol)
    write_json(Path("metrics") / f"{system}.json", metrics)
    print(summary(system, metrics))


if __name__ == "__main__":
    run(main)
