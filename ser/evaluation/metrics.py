"""The scores of a system, as git tracks them in `metrics/<system>.json`."""

from typing import Any

import pandas as pd
from sklearn.metrics import f1_score

from ser.evaluation.intervals import uar_interval
from ser.labels import ordered
from ser.scoring import accuracy, unweighted_average_recall


def system_metrics(predictions: pd.DataFrame, parameters: int) -> dict[str, Any]:
    """Pooled out-of-fold scores in percent; means over seeds where there are several.

    Keys: `uar` with the 95 % interval `uar_low`, `uar_high` over speakers and `uar_deviation` over
    seeds; `accuracy`; `macro_f1`; `uar_female`, `uar_male` (null without such speakers);
    `chance`; by fold, corpus, emotion (recall) and seed; counts.
    """
    interval = uar_interval(predictions)
    by_seed = {str(seed): _uar(rows) for seed, rows in predictions.groupby("seed")}
    one_seed = predictions[predictions["seed"] == predictions["seed"].min()]
    emotions = ordered(predictions["emotion"])
    return {
        "uar": _uar_over_seeds(predictions),
        "uar_low": interval.low,
        "uar_high": interval.high,
        "uar_deviation": float(pd.Series(by_seed).std(ddof=0)),
        "accuracy": _mean_over_seeds(predictions, _accuracy),
        "macro_f1": _mean_over_seeds(predictions, _macro_f1),
        "uar_female": _uar_of_gender(predictions, "female"),
        "uar_male": _uar_of_gender(predictions, "male"),
        "chance": 100.0 / len(emotions),
        "folds": _by(predictions, "fold"),
        "corpora": _by(predictions, "corpus"),
        "recall": {
            emotion: _mean_over_seeds(predictions[predictions["emotion"] == emotion], _accuracy)
            for emotion in emotions
        },
        "seeds": by_seed,
        "n_clips": len(one_seed),
        "n_speakers": int(one_seed.groupby("corpus")["speaker"].nunique().sum()),
        "parameters": parameters,
    }


def _uar(rows: pd.DataFrame) -> float:
    return unweighted_average_recall(rows["emotion"].tolist(), rows["predicted"].tolist())


def _accuracy(rows: pd.DataFrame) -> float:
    return accuracy(rows["emotion"].tolist(), rows["predicted"].tolist())


def _macro_f1(rows: pd.DataFrame) -> float:
    return 100.0 * float(
        f1_score(
            rows["emotion"].tolist(),
            rows["predicted"].tolist(),
            labels=ordered(rows["emotion"]),
            average="macro",
            zero_division=0.0,
        )
    )


def _mean_over_seeds(predictions: pd.DataFrame, score: Any) -> float:
    return float(pd.Series([score(rows) for _, rows in predictions.groupby("seed")]).mean())


def _uar_over_seeds(predictions: pd.DataFrame) -> float:
    return _mean_over_seeds(predictions, _uar)


def _uar_of_gender(predictions: pd.DataFrame, gender: str) -> float | None:
    rows = predictions[predictions["gender"] == gender]
    return None if rows.empty else _uar_over_seeds(rows)


def _by(predictions: pd.DataFrame, column: str) -> dict[str, dict[str, float]]:
    """Scores of each part; a fold's UAR is over the classes its test speakers show."""
    n_seeds = predictions["seed"].nunique()
    return {
        str(value): {
            "uar": _uar_over_seeds(rows),
            "accuracy": _mean_over_seeds(rows, _accuracy),
            "n_clips": len(rows) // n_seeds,
        }
        for value, rows in predictions.groupby(column)
    }


def confusion_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row per pair of classes: clips (summed over seeds) and their share of the true class."""
    emotions = ordered([*predictions["emotion"], *predictions["predicted"]])
    counts = pd.crosstab(predictions["emotion"], predictions["predicted"]).reindex(
        index=emotions, columns=emotions, fill_value=0
    )
    rows = [
        {
            "actual": actual,
            "predicted": predicted,
            "clips": int(counts.loc[actual, predicted]),
            "percent": 100.0 * counts.loc[actual, predicted] / max(1, counts.loc[actual].sum()),
        }
        for actual in emotions
        for predicted in emotions
    ]
    return pd.DataFrame(rows)
