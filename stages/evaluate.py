"""Predict every clip with the models that never saw its speaker, and score the predictions.

In: models/<system>, data/splits, data/features and data/functionals of its corpora. Params: seeds,
linear.helped_share, linear.share, prediction.
Prints, too, what plots/studies/shortcuts says of its corpora, where that was measured.
Out: metrics/<system>.json; plots/systems/<system>/*.csv.
"""

from pathlib import Path

import pandas as pd

from ser.core.entry import run
from ser.core.files import whole_folder, write_csv, write_json
from ser.core.settings import load_values
from ser.evaluation.calibration import reliability_table
from ser.evaluation.metrics import (
    confusion_table,
    facts_table,
    scores_table,
    speakers_table,
    summary,
    system_metrics,
    tracked,
)
from ser.evaluation.out_of_fold import load_answering, load_model, predict_out_of_fold
from ser.evaluation.predictions import check_complete
from ser.models.storage import seed_folder
from ser.reading.data import load_system
from ser.reading.settings import load_system_settings
from ser.shortcuts.verdicts import warnings_beside
from ser.training.settings import load_seeds
from ser.training.system import HISTORY, read_history


def main(system: str) -> None:
    """Evaluate SYSTEM."""
    values, models = load_values(), Path("models") / system
    settings, seeds = load_system_settings(values, system), load_seeds(values)
    warnings = warnings_beside(settings.corpora)
    data = load_system(settings, Path("data"), with_details=False)
    answering = load_answering(values, helped=bool(settings.helpers))
    predictions = predict_out_of_fold(data, models, seeds, answering)
    check_complete(predictions, data.tested, seeds)
    history = pd.concat([read_history(seed_folder(models, seed) / HISTORY) for seed in seeds])
    one = load_model(models, data.fold_numbers[0], seeds[0], answering)
    with whole_folder(Path("plots/systems") / system) as tables:
        write_csv(tables / "predictions.csv", predictions)
        write_csv(tables / "history.csv", history, decimals=4)
        write_csv(tables / "confusion.csv", confusion_table(predictions), decimals=2)
        write_csv(tables / "speakers.csv", speakers_table(predictions), decimals=2)
        write_csv(tables / "reliability.csv", reliability_table(predictions), decimals=2)
        write_csv(tables / "scores.csv", scores_table(predictions), decimals=2)
        facts = facts_table(predictions, one.parameters, one.network.arithmetic)
        write_csv(tables / "facts.csv", facts)
    metrics = system_metrics(predictions, data.protocol)
    write_json(Path("metrics") / f"{system}.json", tracked(system, metrics))
    print(summary(system, metrics), *warnings, sep="\n")


if __name__ == "__main__":
    run(main)
