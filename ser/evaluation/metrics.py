"""The scores of a system, as git tracks them in `metrics/<system>.json`."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from sklearn.metrics import f1_score

from ser.clips import speaker_keys
from ser.evaluation.calibration import calibration_scores
from ser.evaluation.intervals import Interval, uar_interval
from ser.evaluation.marks import NO_MARK, protocol_fields
from ser.labels import ordered
from ser.scoring import accuracy, unweighted_average_recall
from ser.splits.protocols import Protocol

Score = Callable[[pd.DataFrame], float]


def system_metrics(
    predictions: pd.DataFrame, parameters: int, protocol: Protocol
) -> dict[str, Any]:
    """Pooled out-of-fold scores in percent; means over seeds where there are several.

    Keys: `protocol` and its `mark`; `uar` with the 95 % interval `uar_low`, `uar_high` over
    speakers (null with a single speaker) and `uar_deviation`, the sample deviation over seeds (null
    with a single seed); `accuracy`, `accuracy_deviation`; `macro_f1`; `uar_female`, `uar_male` with
    intervals (null without such speakers); `chance`; what `calibration_scores` gives; by fold,
    corpus, intensity, emotion (recall) and seed; counts.
    """
    one_seed = predictions[predictions["seed"] == predictions["seed"].min()]
    emotions = ordered(predictions["emotion"])
    scores = headline_scores(predictions)
    return {
        **protocol_fields(protocol.name, protocol.mark),
        "uar": scores["uar"],
        **_bounds("uar", uar_interval(predictions)),
        "uar_deviation": _deviation_over_seeds(predictions, _uar),
        "accuracy": scores["accuracy"],
        "accuracy_deviation": _deviation_over_seeds(predictions, _accuracy),
        "macro_f1": scores["macro_f1"],
        **_gender_scores(predictions, "female"),
        **_gender_scores(predictions, "male"),
        "chance": 100.0 / len(emotions),
        **calibration_scores(predictions),
        "folds": _by(predictions, "fold"),
        "corpora": _by(predictions, "corpus"),
        # not every corpus has intensities
        "intensities": _by(predictions[predictions["intensity"] != ""], "intensity"),
        "recall": {
            emotion: _mean_over_seeds(predictions[predictions["emotion"] == emotion], _accuracy)
            for emotion in emotions
        },
        "seeds": {str(seed): _uar(rows) for seed, rows in predictions.groupby("seed")},
        "n_clips": len(one_seed),
        "n_speakers": int(speaker_keys(one_seed).nunique()),
        "parameters": parameters,
    }


def headline_scores(predictions: pd.DataFrame) -> dict[str, float]:
    """`uar`, `accuracy` and `macro_f1` over all folds together, in percent; means over seeds."""
    return {
        "uar": _mean_over_seeds(predictions, _uar),
        "accuracy": _mean_over_seeds(predictions, _accuracy),
        "macro_f1": _mean_over_seeds(predictions, _macro_f1),
    }


def summary(system: str, metrics: Mapping[str, Any]) -> str:
    """A system's score in one line, with its interval and its protocol's mark if there are any."""
    text = f"{system}: UAR {metrics['uar']:.1f} %"
    if metrics["uar_low"] is not None:
        text += f", 95 % interval {metrics['uar_low']:.1f} to {metrics['uar_high']:.1f}"
    return text if metrics["mark"] == NO_MARK else f"{text} ({metrics['mark']})"


def _bounds(name: str, interval: Interval | None) -> dict[str, float | None]:
    return {
        f"{name}_low": interval.low if interval else None,
        f"{name}_high": interval.high if interval else None,
    }


def _gender_scores(predictions: pd.DataFrame, gender: str) -> dict[str, float | None]:
    rows, name = predictions[predictions["gender"] == gender], f"uar_{gender}"
    if rows.empty:
        return {name: None, **_bounds(name, None)}
    return {name: _mean_over_seeds(rows, _uar), **_bounds(name, uar_interval(rows))}


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


def _mean_over_seeds(predictions: pd.DataFrame, score: Score) -> float:
    return float(pd.Series([score(rows) for _, rows in predictions.groupby("seed")]).mean())


def _deviation_over_seeds(predictions: pd.DataFrame, score: Score) -> float | None:
    """Sample deviation; none with a single seed, where 0 would look like certainty."""
    scores = [score(rows) for _, rows in predictions.groupby("seed")]
    return float(pd.Series(scores).std(ddof=1)) if len(scores) > 1 else None


def _by(predictions: pd.DataFrame, column: str) -> dict[str, dict[str, float]]:
    """Scores of each part; a fold's UAR is over the classes its test speakers show."""
    n_seeds = predictions["seed"].nunique()
    return {
        str(value): {
            "uar": _mean_over_seeds(rows, _uar),
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


def speakers_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row a speaker: `corpus`, `speaker`, `gender`, `uar`, `accuracy`, `n_clips`.

    Scores are in percent and means over seeds; a speaker's UAR is over the emotions they show.
    """
    n_seeds = predictions["seed"].nunique()
    rows = [
        {
            "corpus": corpus,
            "speaker": speaker,
            "gender": gender,
            "uar": _mean_over_seeds(clips, _uar),
            "accuracy": _mean_over_seeds(clips, _accuracy),
            "n_clips": len(clips) // n_seeds,
        }
        for (corpus, speaker, gender), clips in predictions.groupby(["corpus", "speaker", "gender"])
    ]
    return pd.DataFrame(rows)
