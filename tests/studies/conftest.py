"""What tests of studies share."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ser.clips.labels import ordered
from ser.evaluation.out_of_fold import Answering
from ser.evaluation.predictions import IDENTITY
from ser.evaluation.trials import Job
from ser.reading.data import SystemData, _functionals
from ser.training.fold import EpochScore, n_epochs
from tests.builders import one_torch_thread


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Studies read and write below the folder they are run in: a new one for every test."""
    monkeypatch.chdir(tmp_path)
    _functionals.cache_clear()  # of another test's folder, by the same name
    # a process of its own would flush denormals; this one is Hypothesis's too
    monkeypatch.setattr("ser.training.system.prepare_torch", one_torch_thread)
    monkeypatch.setattr("studies.importance.prepare_torch", one_torch_thread)
    return tmp_path


@pytest.fixture
def guessing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is trained: models of studies guess, right three times in four."""

    def guess_job(job: Job) -> tuple[pd.DataFrame, list[EpochScore]]:
        trial = job.trial
        trains = trial.data.with_role(job.fold, "train")
        epochs = range(1, 1 + n_epochs(trial.recipe, len(trains)))
        history = [
            EpochScore(job.fold, job.seed, epoch, part, 1.0 / epoch, 50.0 + epoch, 50.0)
            for epoch in epochs
            if epoch % trial.recipe.training.score_every == 0
            for part in ("train", "validation")
        ]
        table = guess(trial.data, job.fold, job.seed)
        return table.assign(**trial.data.protocol.fields), history

    def guess_all(
        data: SystemData, models: Path, seeds: Sequence[int], answering: Answering
    ) -> pd.DataFrame:
        tables = [guess(data, fold, seed) for seed in seeds for fold in data.fold_numbers]
        return pd.concat(tables).sort_values(["seed", "clip"], ignore_index=True)

    monkeypatch.setattr("ser.evaluation.trials.predict_job", guess_job)
    monkeypatch.setattr("ser.evaluation.trials._fit_linear", lambda part: None)
    monkeypatch.setattr("studies.reference.predict_out_of_fold", guess_all)


def guess(data: SystemData, fold: int, seed: int) -> pd.DataFrame:
    """Answers to the tested clips of a fold."""
    tested, rng = data.with_role(fold, "test"), np.random.default_rng([fold, seed])
    other = rng.choice(ordered(data.clips["emotion"]), len(tested))
    right = rng.random(len(tested)) < 0.75
    rows = tested.assign(fold=fold, seed=seed, protocol=data.protocol.name)
    predicted = rows["emotion"].where(right, other)
    sure = {f"p_{name}": 1.0 * (predicted == name) for name in ordered(data.clips["emotion"])}
    return rows[[*IDENTITY, "protocol", "emotion"]].assign(predicted=predicted, **sure)
