"""Which optimizer? One network under each, with learning rates tuned equally long.

In: data/splits and data/features of a corpus. Params: studies.training, optimizers and all that
training reads.
Out: plots/studies/optimizers/<corpus>.csv, <corpus>_rates.csv and <corpus>_history.csv.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ser.core.settings import Values
from ser.evaluation.trials import (
    Trial,
    compared,
    of_every_fold,
    run_with_history,
    validate_job,
    validation_uar,
    with_folds,
)
from ser.reading.data import SystemData
from studies.reference import load
from studies.study import Tables, run_study

# of so many folds, spread evenly, the validation speakers choose the rates
TUNING_FOLDS = 2


@dataclass(frozen=True)
class Candidate:
    """One optimizer.

    Attributes:
        row: of `optimizers` in params.yaml, whose settings it has, but for `changes` and the rate.
        rates: learning rates that are tried, as many for every candidate, each about three times
            the one before.
    """

    name: str
    row: str
    rates: tuple[float, ...]
    changes: dict[str, Any] = field(default_factory=dict)

    def settings(self, values: Values, rate: float) -> Values:
        """Parameters with this optimizer at a learning rate."""
        row = f"optimizers.{self.row}"
        own = values.section(row, dict)
        changes: dict[str, Any] = {**self.changes, "lr": rate}
        if "rest" in own:  # its rate keeps its share of the first
            changes["rest.lr"] = rate * float(own["rest"]["lr"]) / float(own["lr"])
        chosen = {f"{row}.{key}": value for key, value in changes.items()}
        return values.changed({"optimizer": self.row, **chosen})


CANDIDATES = (
    Candidate("SGD", "sgd", (0.03, 0.1, 0.3, 1.0, 3.0), {"momentum": 0.0, "nesterov": False}),
    Candidate("SGD with momentum", "sgd", (0.01, 0.03, 0.1, 0.3, 1.0)),
    Candidate("RMSprop", "rmsprop", (0.0003, 0.001, 0.003, 0.01, 0.03)),
    Candidate("Adam", "adam", (0.0003, 0.001, 0.003, 0.01, 0.03)),
    Candidate("AdamW", "adamw", (0.0003, 0.001, 0.003, 0.01, 0.03)),
    Candidate("Muon", "muon", (0.005, 0.015, 0.05, 0.15, 0.5)),
)


def study_optimizers(
    values: Values, corpus: str, candidates: Sequence[Candidate] = CANDIDATES
) -> Tables:
    """Choose each optimizer's rate by validation speakers, then train it with every seed.

    The network answers alone, for the linear part beside it has no optimizer to choose.

    Returns:
        The main table, one row an optimizer: as `compared` gives it, with the first as the
        reference, and `rate` and `validation_uar`, those of the chosen rate; `_rates`, as `tune`
        gives it; `_history`, one row an optimizer, epoch and part (train or validation): `loss`
        (nats) and `accuracy` (percent), mean over folds and seeds.
    """
    data = load(corpus, with_functionals=False)
    rates = tune(values, data, f"{corpus}: learning rates", candidates)
    chosen = rates[rates["chosen"]].set_index("name")
    trials = [
        Trial.of(one.name, one.settings(values, float(rate)), data, with_linear=False)
        for one, rate in zip(candidates, chosen["rate"], strict=True)
    ]
    predictions, histories = run_with_history(trials, f"{corpus}: optimizers")
    table = compared(predictions, candidates[0].name)
    columns = ["rate", "validation_uar"]
    return {
        "": table.join(chosen[columns], on="name"),
        "_rates": rates,
        "_history": mean_history(histories),
    }


def tune(
    values: Values, data: SystemData, label: str, candidates: Sequence[Candidate]
) -> pd.DataFrame:
    """UAR of validation clips for every candidate and rate, and which rate is chosen.

    One seed and `TUNING_FOLDS` folds choose.

    Returns:
        Columns `name`, `rate`, `validation_uar` (percent, pooled over folds), `chosen`.
    """
    numbers = data.fold_numbers[:: max(1, len(data.fold_numbers) // TUNING_FOLDS)][:TUNING_FOLDS]
    some = with_folds(data, data.folds[data.folds["fold"].isin(numbers)])
    tried = [(one, rate) for one in candidates for rate in one.rates]
    trials = [
        Trial.of(f"{one.name} {rate}", one.settings(values, rate), some, with_linear=False)
        for one, rate in tried
    ]
    answers = of_every_fold([trial.one_seed for trial in trials], validate_job, label)
    rows = [
        {"name": one.name, "rate": rate, "validation_uar": validation_uar(answers[trial.name])}
        for (one, rate), trial in zip(tried, trials, strict=True)
    ]
    table = pd.DataFrame(rows)
    best = table.groupby("name")["validation_uar"].idxmax()
    return table.assign(chosen=table.index.isin(best))


def mean_history(histories: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """`loss` and `accuracy` by `name`, `epoch` and `part`, mean over folds and seeds."""
    means = {
        name: history.groupby(["epoch", "part"])[["loss", "accuracy"]].mean()
        for name, history in histories.items()
    }
    return pd.concat(means, names=["name", "epoch", "part"]).reset_index()


if __name__ == "__main__":
    run_study("optimizers", study_optimizers)
