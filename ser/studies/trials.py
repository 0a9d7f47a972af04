"""Trials: the same model trained and tested under one condition after another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pandas as pd
from tqdm import tqdm

from ser.dataset import SystemData
from ser.evaluation.comparison import compare
from ser.evaluation.intervals import uar_interval
from ser.evaluation.metrics import headline_scores
from ser.evaluation.out_of_fold import predict_fold
from ser.params import Params
from ser.processes import worker_pool
from ser.scoring import unweighted_average_recall
from ser.splits.folds import in_order
from ser.splits.guards import check_crossings
from ser.training.system import train_checked

Result = TypeVar("Result")


@dataclass(frozen=True)
class Trial:
    """One condition: what trains, on what, and what is tested.

    Attributes:
        name: unique within a study.
        params: with as many seeds as it is to be trained with.
    """

    name: str
    params: Params
    data: SystemData


def run_trials(trials: Sequence[Trial], label: str) -> dict[str, pd.DataFrame]:
    """Train every fold of every trial with every seed; predict what each fold tests.

    Nothing is kept of the models. The guards work as for systems: a reading of features names its
    purpose and is checked, and so is what a model was made from before it predicts.

    Args:
        label: what the progress bar says.

    Returns:
        Predictions by the trial's name, one row a tested clip and seed, sorted by seed and clip.
    """
    parts = of_every_fold(trials, predict_trial, label)
    return {
        name: pd.concat(tables).sort_values(["seed", "clip"], ignore_index=True)
        for name, tables in parts.items()
    }


def of_every_fold(
    trials: Sequence[Trial], work: Callable[[tuple[Trial, int, int]], Result], label: str
) -> dict[str, list[Result]]:
    """Results of work on every fold and seed of every trial, on all cores, by the trial's name.

    Args:
        work: a function of a module, of a trial, the fold's number and the seed.
        label: what the progress bar says.
    """
    jobs = [
        (trial, fold, seed)
        for trial in trials
        for seed in trial.params.training.seeds
        for fold in trial.data.fold_numbers
    ]
    with worker_pool(trials[0].params.processes) as pool:
        results = list(tqdm(pool.map(work, jobs), total=len(jobs), desc=label, unit="fold"))
    parts: dict[str, list[Result]] = {trial.name: [] for trial in trials}
    for (trial, *_), result in zip(jobs, results, strict=True):
        parts[trial.name].append(result)
    return parts


def predict_trial(job: tuple[Trial, int, int]) -> pd.DataFrame:
    """Train a fold and predict what it tests."""
    trial, fold, seed = job
    model, _ = train_checked(trial.params, trial.data, fold, seed)
    return predict_fold(model, trial.data)


def with_folds(data: SystemData, folds: pd.DataFrame) -> SystemData:
    """The same features and clips under other folds; clips that take no part are left out.

    Raises:
        LeakError: if something stands on two sides that the protocol does not let cross.
    """
    clips = data.clips[data.clips["clip"].isin(folds["clip"])].reset_index(drop=True)
    check_crossings(clips, folds, data.protocol)
    return replace(data, clips=clips, folds=in_order(folds))


def scores(predictions: pd.DataFrame) -> dict[str, Any]:
    """Of predictions with several seeds: `uar` (mean over seeds) with its 95 % interval over
    speakers `uar_low` and `uar_high` (None with one), `uar_deviation` over seeds (None with one),
    and `accuracy`; in percent.
    """
    interval = uar_interval(predictions)
    by_seed = [
        unweighted_average_recall(rows["emotion"].tolist(), rows["predicted"].tolist())
        for _, rows in predictions.groupby("seed")
    ]
    headline = headline_scores(predictions)
    return {
        "uar": headline["uar"],
        "uar_low": interval.low if interval else None,
        "uar_high": interval.high if interval else None,
        "uar_deviation": float(pd.Series(by_seed).std(ddof=1)) if len(by_seed) > 1 else None,
        "accuracy": headline["accuracy"],
    }


def difference(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, Any]:
    """What `after` has gained, on the same clips: `difference` in UAR in percentage points, its
    95 % interval and `p`, as `ser.evaluation.comparison.compare` finds them.
    """
    found = compare(before, after)
    return {
        "difference": found.difference,
        "difference_low": found.interval.low if found.interval else None,
        "difference_high": found.interval.high if found.interval else None,
        "p": found.p,
    }
