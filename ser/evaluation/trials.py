"""Trials: the same model trained and tested under one condition after another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import pandas as pd

from ser.core.processes import spread
from ser.core.scoring import unweighted_average_recall
from ser.core.settings import Name, Section, Values, Whole
from ser.evaluation.baselines import train_linear
from ser.evaluation.comparison import compare
from ser.evaluation.intervals import uar_interval
from ser.evaluation.metrics import deviation_over_seeds, headline_scores, uar
from ser.evaluation.out_of_fold import Answering, Model, predict_fold, predict_validation
from ser.guards.checks import check_crossings
from ser.guards.folds import in_order
from ser.models.settings import Linear
from ser.models.storage import TrainedLinear
from ser.reading.data import SystemData
from ser.training.fold import EpochScore, n_epochs
from ser.training.settings import Recipe, Seeds, load_recipe, load_seeds
from ser.training.system import train_checked

Result = TypeVar("Result")


class StudyTraining(Section):
    """What models of studies have in place of the settings of the same names."""

    seeds: Seeds
    model_size: Name
    epochs: Whole
    min_steps: Whole


def in_studies(values: Values) -> tuple[Values, list[int]]:
    """Parameters with what studies have of their own, and the seeds of studies."""
    own = values.section("studies.training", StudyTraining)
    changed = values.changed(
        {
            "model_size": own.model_size,
            "training.epochs": own.epochs,
            "training.min_steps": own.min_steps,
        }
    )
    return changed, load_seeds(values, "studies.training.seeds")


@dataclass(frozen=True)
class Trial:
    """One condition: what trains, on what, and what is tested.

    Attributes:
        name: unique within a study, as tables and figures show it.
        seeds: each trains all folds once.
        linear: settings of the linear part beside the network; None leaves the network alone.
        warps: under which networks predict.
    """

    name: str
    recipe: Recipe
    data: SystemData
    seeds: tuple[int, ...]
    linear: Linear | None = None
    warps: tuple[float, ...] = ()

    @classmethod
    def of(
        cls, name: str, values: Values, data: SystemData, *, with_linear: bool = True
    ) -> "Trial":
        """The model that studies train, under the parameters that `values` hold.

        It predicts a clip once, and not under warps: that would take half as long as its training.
        """
        changed, seeds = in_studies(values)
        linear = changed.section("linear", Linear) if with_linear else None
        return cls(name, load_recipe(changed), data, tuple(seeds), linear)

    @property
    def answering(self) -> Answering:
        """How the parts of its models answer together."""
        return Answering(self.linear.share if self.linear else 0.0, self.warps)

    @property
    def one_seed(self) -> "Trial":
        """The same with the first seed only."""
        return replace(self, seeds=self.seeds[:1])


@dataclass(frozen=True)
class Job:
    """One fold and seed of a trial."""

    trial: Trial
    fold: int
    seed: int
    linear: TrainedLinear | None = None

    def train(self) -> tuple[Model, list[EpochScore]]:
        """The model of this fold and seed, and the history of its network."""
        network, history = train_checked(self.trial.recipe, self.trial.data, self.fold, self.seed)
        answering = self.trial.answering
        return Model(network, self.linear, answering.share, answering.warps), history


def run_trials(trials: Sequence[Trial], label: str) -> dict[str, pd.DataFrame]:
    """Train every fold of every trial with every seed; predict what each fold tests.

    Nothing is kept of the models. The guards work as for systems: a reading names its purpose and
    is checked, and so is what a model was made from before it predicts.

    Args:
        label: what the progress bar says.

    Returns:
        Predictions by the trial's name, one row a tested clip and seed, sorted by seed and clip,
        with the `mark` of their protocol.
    """
    return run_with_history(trials, label)[0]


def run_with_history(
    trials: Sequence[Trial], label: str
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """The same, and the history of all networks by the trial's name: one row an `EpochScore`."""
    predictions, histories = {}, {}
    for name, parts in of_every_fold(trials, predict_job, label).items():
        tables, scores_by_epoch = zip(*parts, strict=True)
        predictions[name] = pd.concat(tables).sort_values(["seed", "clip"], ignore_index=True)
        histories[name] = pd.DataFrame([asdict(one) for fold in scores_by_epoch for one in fold])
    return predictions, histories


def of_every_fold(
    trials: Sequence[Trial], work: Callable[[Job], Result], label: str
) -> dict[str, list[Result]]:
    """Results of work on every fold and seed of every trial, on all cores, by the trial's name.

    The linear part has no random start: each fold's is fitted once, for all seeds.

    Args:
        work: a function of a module.
        label: what the progress bar says.
    """
    folds = [(trial, fold) for trial in trials if trial.linear for fold in trial.data.fold_numbers]
    fitted = spread(_fit_linear, folds, f"{label}, linear parts", "fold")
    linear = {(trial.name, fold): model for (trial, fold), model in zip(folds, fitted, strict=True)}
    jobs = [
        Job(trial, fold, seed, linear.get((trial.name, fold)))
        for trial in trials
        for seed in trial.seeds
        for fold in trial.data.fold_numbers
    ]
    total = sum(
        n_epochs(job.trial.recipe, len(job.trial.data.with_role(job.fold, "train"))) for job in jobs
    )
    parts: dict[str, list[Result]] = {trial.name: [] for trial in trials}
    for job, result in zip(jobs, spread(work, jobs, label, "epoch", total=total), strict=True):
        parts[job.trial.name].append(result)
    return parts


def _fit_linear(part: tuple[Trial, int]) -> TrainedLinear | None:
    trial, fold = part
    if trial.linear is None or trial.linear.share == 0:
        return None
    return train_linear(trial.data, fold, trial.linear.c)


def predict_job(job: Job) -> tuple[pd.DataFrame, list[EpochScore]]:
    """Train a fold: predictions of what it tests, and the history of its network."""
    model, history = job.train()
    protocol = job.trial.data.protocol
    return predict_fold(model, job.trial.data).assign(**protocol.fields), history


def validate_job(job: Job) -> tuple[list[str], list[str]]:
    """Train a fold: true and predicted emotions of its validation clips."""
    model, _ = job.train()
    probabilities, targets, _ = predict_validation(model, job.trial.data)
    names = model.network.emotions
    return [names[i] for i in targets], [names[i] for i in probabilities.argmax(axis=1)]


def validation_uar(answers: Sequence[tuple[list[str], list[str]]]) -> float:
    """UAR in percent of what `validate_job` gave, pooled over folds."""
    actual, predicted = ([name for part in answers for name in part[side]] for side in (0, 1))
    return unweighted_average_recall(list(actual), list(predicted))


def with_folds(data: SystemData, folds: pd.DataFrame) -> SystemData:
    """The same features and clips under other folds; clips that take no part are left out.

    Raises:
        LeakError: if something stands on two sides that the protocol does not let cross.
    """
    clips = data.clips[data.clips["clip"].isin(folds["clip"])].reset_index(drop=True)
    check_crossings(clips, folds, data.protocol)
    return replace(data, clips=clips, folds=in_order(folds))


def scores(predictions: pd.DataFrame) -> dict[str, Any]:
    """Of predictions with several seeds: `protocol` and its `mark`, which they must have; `uar`
    (mean over seeds) with its 95 % interval over speakers `uar_low` and `uar_high` (None with one),
    `uar_deviation` over seeds (None with one), and `accuracy`; in percent.
    """
    interval, headline = uar_interval(predictions), headline_scores(predictions)
    return {
        **predictions[["protocol", "mark"]].iloc[0].to_dict(),
        "uar": headline["uar"],
        "uar_low": interval.low if interval else None,
        "uar_high": interval.high if interval else None,
        "uar_deviation": deviation_over_seeds(predictions, uar),
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


def compared(predictions: Mapping[str, pd.DataFrame], reference: str) -> pd.DataFrame:
    """One row a name: `name`, its `scores`, and its `difference` to the reference.

    The reference has gained nothing on itself, and certainly so: its own are empty.
    """
    rows = []
    for name, own in predictions.items():
        gained = difference(predictions[reference], own)
        shown = gained if name != reference else dict.fromkeys(gained)
        rows.append({"name": name, **scores(own), **shown})
    return pd.DataFrame(rows)
