"""Which optimizer? One network under each, with learning rates tuned equally long."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ser.dataset import SystemData, load_system
from ser.evaluation.marks import protocol_fields
from ser.evaluation.out_of_fold import predict_fold, predict_validation
from ser.params import Muon, OptimizerName, Params, System
from ser.scoring import unweighted_average_recall
from ser.studies.trials import Trial, difference, of_every_fold, scores
from ser.training.system import train_checked

PROTOCOL = "speaker_independent"


@dataclass(frozen=True)
class Candidate:
    """One optimizer.

    Attributes:
        name: in tables and figures.
        key: in metrics.
        optimizer: its settings are those of `params.yaml`, but for `changes` and the rate.
        rates: learning rates that are tried, as many for every candidate, each about three times
            the one before.
    """

    name: str
    key: str
    optimizer: OptimizerName
    rates: tuple[float, ...]
    changes: tuple[tuple[str, float | bool], ...] = ()

    def settings(self, params: Params, rate: float) -> Params:
        """Parameters with this optimizer at a learning rate."""
        changes: dict[str, float | bool] = {**dict(self.changes), "lr": rate}
        own = getattr(params.optimizers, self.optimizer)
        if isinstance(own, Muon):  # its second rate keeps its share of the first
            changes["adamw_lr"] = rate * own.adamw_lr / own.lr
        return params.with_optimizer(self.optimizer, **changes)


_PLAIN = (("momentum", 0.0), ("nesterov", False))
CANDIDATES = (
    Candidate("SGD", "sgd", "sgd", (0.03, 0.1, 0.3, 1.0, 3.0), _PLAIN),
    Candidate("SGD with momentum", "sgd_momentum", "sgd", (0.01, 0.03, 0.1, 0.3, 1.0)),
    Candidate("RMSprop", "rmsprop", "rmsprop", (0.0003, 0.001, 0.003, 0.01, 0.03)),
    Candidate("Adam", "adam", "adam", (0.0003, 0.001, 0.003, 0.01, 0.03)),
    Candidate("AdamW", "adamw", "adamw", (0.0003, 0.001, 0.003, 0.01, 0.03)),
    Candidate("Muon", "muon", "muon", (0.005, 0.015, 0.05, 0.15, 0.5)),
)


@dataclass(frozen=True)
class OptimizerStudy:
    """What the optimizers reach.

    Attributes:
        table: one row an optimizer: `optimizer`, `rate` (the chosen one), `validation_uar` (with
            it, one seed), `uar`, `uar_low`, `uar_high`, `uar_deviation`, `accuracy` of test clips,
            and what it has gained on the first: `difference`, `difference_low`, `difference_high`,
            `p`.
        rates: one row an optimizer and rate: `optimizer`, `rate`, `validation_uar`, `chosen`.
        history: one row an optimizer, epoch and part (train or validation): `loss` (nats) and
            `accuracy` (percent) at the chosen rate, mean over folds and seeds.
        metrics: the table by the optimizer's key.
    """

    table: pd.DataFrame
    rates: pd.DataFrame
    history: pd.DataFrame
    metrics: dict[str, Any]


def study_optimizers(params: Params, corpus: str, data: Path) -> OptimizerStudy:
    """Choose each optimizer's rate by validation speakers, then train it with every seed.

    The network answers alone, for the linear part beside it has no optimizer to choose. Rates are
    chosen with the first seed.

    Args:
        data: folder with `splits` and `features`.
    """
    params = params.in_studies.with_training(linear_share=0.0)
    system = System(corpus=corpus, gender="all", protocol=PROTOCOL)
    chosen = load_system(params, system, data / "splits", data / "features")
    rates = tune(params, chosen, f"{corpus}: learning rates")
    best = rates[rates["chosen"]].set_index("optimizer")["rate"]
    trials = [
        Trial(one.key, one.settings(params, float(best[one.name])), chosen) for one in CANDIDATES
    ]
    done = of_every_fold(trials, _predict, f"{corpus}: optimizers")
    predictions = {
        key: pd.concat([part[0] for part in parts], ignore_index=True)
        for key, parts in done.items()
    }
    histories = {
        key: pd.concat([part[1] for part in parts], ignore_index=True)
        for key, parts in done.items()
    }
    return describe_optimizers(rates, predictions, histories)


def tune(
    params: Params,
    data: SystemData,
    label: str,
    candidates: Sequence[Candidate] = CANDIDATES,
) -> pd.DataFrame:
    """UAR of validation clips for every candidate and rate, and which rate is chosen.

    Columns: `optimizer`, `rate`, `validation_uar` (percent, pooled over folds), `chosen`.
    """
    one_seed = params.with_training(seeds=params.training.seeds[:1])
    tried = [(one, rate) for one in candidates for rate in one.rates]
    trials = [Trial(f"{one.key} {rate}", one.settings(one_seed, rate), data) for one, rate in tried]
    answers = of_every_fold(trials, validate_fold, label)
    rows = []
    for (one, rate), trial in zip(tried, trials, strict=True):
        actual, predicted = (
            [name for part in answers[trial.name] for name in part[side]] for side in (0, 1)
        )
        uar = unweighted_average_recall(actual, predicted)
        rows.append({"optimizer": one.name, "rate": rate, "validation_uar": uar})
    table = pd.DataFrame(rows)
    best = table.groupby("optimizer")["validation_uar"].idxmax()
    return table.assign(chosen=table.index.isin(best))


def validate_fold(job: tuple[Trial, int, int]) -> tuple[list[str], list[str]]:
    """True and predicted emotions of the validation clips of a fold."""
    trial, fold, seed = job
    model, _ = train_checked(trial.params, trial.data, fold, seed)
    probabilities, targets, _ = predict_validation(model, trial.data, fold)
    names = model.emotions
    return [names[i] for i in targets], [names[i] for i in probabilities.argmax(axis=1)]


def _predict(job: tuple[Trial, int, int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of the tested clips of a fold, and the history of its training."""
    trial, fold, seed = job
    model, history = train_checked(trial.params, trial.data, fold, seed)
    return predict_fold(model, trial.data), pd.DataFrame([asdict(score) for score in history])


def describe_optimizers(
    rates: pd.DataFrame,
    predictions: dict[str, pd.DataFrame],
    histories: dict[str, pd.DataFrame],
) -> OptimizerStudy:
    """Scores of every candidate, from its predictions and histories by its key."""
    rows, metrics, curves = [], {}, []
    best = rates[rates["chosen"]].set_index("optimizer")
    first = predictions[CANDIDATES[0].key]
    for one in CANDIDATES:
        found = {
            "rate": float(best["rate"][one.name]),
            "validation_uar": float(best["validation_uar"][one.name]),
            **scores(predictions[one.key]),
        }
        gained = difference(first, predictions[one.key])
        if one is CANDIDATES[0]:  # it has gained nothing on itself, and certainly so
            gained = dict.fromkeys(gained)
        rows.append({"optimizer": one.name, **found, **gained})
        metrics[one.key] = {**protocol_fields(PROTOCOL, ""), **found, **gained}
        mean = histories[one.key].groupby(["epoch", "part"], as_index=False)[["loss", "accuracy"]]
        curves.append(mean.mean().assign(optimizer=one.name))
    history = pd.concat(curves, ignore_index=True)
    columns = ["optimizer", "epoch", "part", "loss", "accuracy"]
    return OptimizerStudy(pd.DataFrame(rows), rates, history[columns], metrics)
