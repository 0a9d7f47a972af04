"""RAVDESS under other published protocols: whole systems, with the recipe and seeds of systems.

In: data/splits, data/features and data/functionals. Params: studies.protocols and all that systems
read.
Out: models/studies/<name>; plots/studies/protocols/<name>.csv, a row like those of systems, and
<name>_predictions.csv.
"""

import pandas as pd

from ser.core.settings import Values
from ser.evaluation.baselines import BaselineSettings, baseline_predictions, baselines_table
from ser.evaluation.metrics import facts_table, system_metrics
from ser.evaluation.out_of_fold import load_answering, load_model, predict_out_of_fold
from ser.evaluation.predictions import check_complete
from ser.evaluation.trials import Trial
from ser.models.settings import Linear
from ser.models.storage import linear_folder
from ser.reading.data import load_system
from ser.reading.settings import System
from ser.training.settings import load_recipe, load_seeds
from studies.reference import train_trial
from studies.study import DATA, MODELS, Tables, run_study

# the baseline that is shown with its interval
_SVM = "functionals_svm"
_COUNTS = ("n_seeds", "n_clips", "n_speakers", "parameters")


def study_protocol(values: Values, name: str) -> Tables:
    """Train and evaluate the system that `studies.protocols` calls `name`.

    Returns:
        One row with the columns of plots/systems.csv; `_predictions`, out of fold.
    """
    system = values.section(f"studies.protocols.{name}", System)
    linear = values.section("linear", Linear)
    seeds, folder = load_seeds(values), MODELS / name
    data, warps = load_system(system, DATA), load_answering(values).warps
    trial = Trial(name, load_recipe(values), data, tuple(seeds), linear, warps)
    train_trial(trial, folder)
    predictions = predict_out_of_fold(trial.data, folder, seeds, trial.answering)
    check_complete(predictions, trial.data.tested, seeds)
    one = load_model(folder, trial.data.fold_numbers[0], seeds[0], trial.answering)
    facts = facts_table(predictions, one.parameters, one.network.arithmetic)
    svm_c = values.section("baselines", BaselineSettings).svm_c
    baselines = baselines_table(baseline_predictions(trial.data, svm_c, linear_folder(folder)))
    metrics = system_metrics(predictions, trial.data.protocol)
    row = system_row(name, metrics, facts, baselines)
    return {"": row, "_predictions": predictions}


def system_row(
    name: str, metrics: dict[str, float], facts: pd.DataFrame, baselines: pd.DataFrame
) -> pd.DataFrame:
    """What metrics, facts and baselines say of a system, in one row as plots/systems.csv has it."""
    fact, baseline = facts.set_index("fact")["value"], baselines.set_index("baseline")
    row = {
        "system": name,
        **metrics,
        "chance": float(fact["chance"]),
        **{f"baseline_{kind}": uar for kind, uar in baseline["uar"].items()},
        **{f"baseline_{_SVM}_{end}": baseline.loc[_SVM, f"uar_{end}"] for end in ("low", "high")},
        **{count: int(fact[count]) for count in _COUNTS},
    }
    return pd.DataFrame([row])


if __name__ == "__main__":
    # rounded further, probabilities would not add up to 1
    run_study("protocols", study_protocol, decimals=6)
