"""The model that studies compare others with: new speakers, the recipe of studies; trained once.

In: data/splits, data/features and data/functionals of a corpus. Params: studies.training and all
that training reads.
Out: models/studies/<corpus>, like the models of a system.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from ser.core.entry import run
from ser.core.settings import Values, load_values
from ser.evaluation.baselines import fit_linear_folds
from ser.evaluation.out_of_fold import predict_out_of_fold
from ser.evaluation.trials import Trial
from ser.models.storage import linear_folder
from ser.reading.data import SystemData, load_system
from ser.reading.settings import System
from ser.training.system import train_seed
from studies.study import COPIES, DATA, MODELS

NAME = "new speakers"
# of the reference, and of studies that do not compare protocols
PROTOCOL = "speaker_independent"


def load(
    corpus: str, protocol: str = PROTOCOL, *, copies: bool = False, with_functionals: bool = True
) -> SystemData:
    """A corpus under a protocol.

    Args:
        copies: with features of augmented copies, as `studies.copies` makes them.
        with_functionals: whether functionals will be read.
    """
    system = System(corpora=[corpus], protocol=protocol)
    features = COPIES if copies else None
    return load_system(system, DATA, features=features, with_functionals=with_functionals)


def reference(values: Values, corpus: str) -> Trial:
    """The model of studies on new speakers of a corpus."""
    return Trial.of(NAME, values, load(corpus))


def reference_predictions(values: Values, corpus: str, with_linear: bool = True) -> pd.DataFrame:
    """What the trained reference answers, as `run_trials` gives it.

    Args:
        with_linear: whether the linear part answers too.

    Raises:
        LeakError: if a model was made from what it would be tested on.
        SerError: if there is no reference model of the corpus.
    """
    trial = reference(values, corpus)
    answering = trial.answering if with_linear else replace(trial.answering, share=0.0)
    found = predict_out_of_fold(trial.data, MODELS / corpus, list(trial.seeds), answering)
    return found.assign(**trial.data.protocol.fields)


def train_trial(trial: Trial, models: Path) -> None:
    """Train every fold with every seed, and fit the linear parts, as the stages of a system do."""
    for seed in trial.seeds:
        train_seed(trial.recipe, trial.data, seed, models, f"{models.name}, seed {seed}")
    if trial.linear:
        fit_linear_folds(trial.data, trial.linear.c, linear_folder(models))


def main(corpus: str) -> None:
    """Train the reference of CORPUS."""
    train_trial(reference(load_values(), corpus), MODELS / corpus)


if __name__ == "__main__":
    run(main)
