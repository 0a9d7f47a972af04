"""The scores of a system: a few that DVC is told of, and tables of all others."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from ser.clips.labels import ordered
from ser.clips.manifest import speaker_keys
from ser.core.scoring import accuracy, unweighted_average_recall
from ser.evaluation.calibration import calibration_scores
from ser.evaluation.intervals import uar_interval
from ser.guards.protocol import NO_MARK, Protocol

Score = Callable[[pd.DataFrame], float]


def system_metrics(predictions: pd.DataFrame, protocol: Protocol) -> dict[str, Any]:
    """Pooled out-of-fold scores in percent; means over seeds where there are several.

    Keys: `protocol` and its `mark`; `uar` with the 95 % interval `uar_low`, `uar_high` over
    speakers (null with a single speaker) and `uar_deviation`, the sample deviation over seeds (null
    with a single seed); `accuracy`; `ece`, the expected calibration error of calibrated answers.
    """
    interval = uar_interval(predictions)
    return {
        **protocol.fields,
        "uar": mean_over_seeds(predictions, uar),
        "uar_low": interval.low if interval else None,
        "uar_high": interval.high if interval else None,
        "uar_deviation": deviation_over_seeds(predictions, uar),
        "accuracy": mean_over_seeds(predictions, _accuracy),
        "ece": 100 * calibration_scores(predictions)["ece_calibrated"],
    }


def tracked(system: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What `metrics/<system>.json` holds: the interval in words, so that `dvc exp show` has room.

    Its ends are numbers in the table of scores.
    """
    text = f"{metrics['uar']:.1f}"
    if metrics["uar_low"] is not None:
        text += f" ({metrics['uar_low']:.1f}-{metrics['uar_high']:.1f})"
    kept = {name: value for name, value in metrics.items() if name not in ("uar_low", "uar_high")}
    return {"UAR": {system: text}, **kept}


def scores_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Scores of all clips and of each part of them, in percent; means over seeds.

    Columns: `part` (all, gender, corpus, intensity, emotion, fold or seed), `name`, `uar` with
    `uar_low` and `uar_high` (95 % interval over speakers, where there are several), `accuracy`,
    `macro_f1`, `n_clips`. The UAR of a part is over the emotions that occur in it; of one emotion,
    the accuracy is its recall.
    """
    rows = [_row("all", "all", predictions)]
    for part in ("gender", "corpus", "intensity", "emotion", "fold", "seed"):
        # not every corpus has intensities
        shown = predictions[predictions[part].astype(str) != ""]
        names = ordered(shown[part]) if part == "emotion" else sorted(shown[part].unique())
        rows += [_row(part, str(name), shown[shown[part] == name]) for name in names]
    return pd.DataFrame(rows)


def _row(part: str, name: str, predictions: pd.DataFrame) -> dict[str, Any]:
    interval = None if part in ("emotion", "seed") else uar_interval(predictions)
    return {
        "part": part,
        "name": name,
        "uar": mean_over_seeds(predictions, uar),
        "uar_low": interval.low if interval else None,
        "uar_high": interval.high if interval else None,
        "accuracy": mean_over_seeds(predictions, _accuracy),
        "macro_f1": mean_over_seeds(predictions, _macro_f1),
        "n_clips": predictions["clip"].nunique(),
    }


def facts_table(predictions: pd.DataFrame, parameters: int, arithmetic: str) -> pd.DataFrame:
    """What else a reader asks of a system: one row a fact, columns `fact` and `value`.

    Args:
        parameters: trained numbers of one model.
        arithmetic: in which its networks were trained.
    """
    one_seed = predictions[predictions["seed"] == predictions["seed"].min()]
    facts: dict[str, Any] = {
        "chance": 100.0 / predictions["emotion"].nunique(),
        **calibration_scores(predictions),
        "n_clips": len(one_seed),
        "n_speakers": int(speaker_keys(one_seed).nunique()),
        "n_seeds": int(predictions["seed"].nunique()),
        "parameters": parameters,
        "arithmetic": arithmetic,
    }
    return pd.DataFrame(
        {
            "fact": list(facts),
            "value": [f"{v:.6f}" if isinstance(v, float) else str(v) for v in facts.values()],
        }
    )


def headline_scores(predictions: pd.DataFrame) -> dict[str, float]:
    """`uar`, `accuracy` and `macro_f1` over all folds together, in percent; means over seeds."""
    return {
        "uar": mean_over_seeds(predictions, uar),
        "accuracy": mean_over_seeds(predictions, _accuracy),
        "macro_f1": mean_over_seeds(predictions, _macro_f1),
    }


def summary(system: str, metrics: Mapping[str, Any]) -> str:
    """A system's score in one line, with its interval and its protocol's mark if there are any."""
    text = f"{system}: UAR {metrics['uar']:.1f} %"
    if metrics["uar_low"] is not None:
        text += f", 95 % interval {metrics['uar_low']:.1f} to {metrics['uar_high']:.1f}"
    return text if metrics["mark"] == NO_MARK else f"{text} ({metrics['mark']})"


def uar(rows: pd.DataFrame) -> float:
    """UAR of the answers in a table of predictions, in percent."""
    return unweighted_average_recall(rows["emotion"].tolist(), rows["predicted"].tolist())


def _accuracy(rows: pd.DataFrame) -> float:
    return accuracy(rows["emotion"].tolist(), rows["predicted"].tolist())


def _macro_f1(rows: pd.DataFrame) -> float:
    """Mean F1 over the emotions that occur: twice the hits, of all that is shown and all said."""
    shown, said = rows["emotion"].value_counts(), rows["predicted"].value_counts()
    hits = rows.loc[rows["emotion"] == rows["predicted"], "emotion"].value_counts()
    both = shown + said.reindex(shown.index, fill_value=0)
    return float(100.0 * (2 * hits.reindex(shown.index, fill_value=0) / both).mean())


def mean_over_seeds(predictions: pd.DataFrame, score: Score) -> float:
    """Mean of the scores of each seed."""
    return float(pd.Series([score(rows) for _, rows in predictions.groupby("seed")]).mean())


def deviation_over_seeds(predictions: pd.DataFrame, score: Score) -> float | None:
    """Sample deviation; none with a single seed, where 0 would look like certainty."""
    scores = [score(rows) for _, rows in predictions.groupby("seed")]
    return float(pd.Series(scores).std(ddof=1)) if len(scores) > 1 else None


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
            "uar": mean_over_seeds(clips, uar),
            "accuracy": mean_over_seeds(clips, _accuracy),
            "n_clips": len(clips) // n_seeds,
        }
        for (corpus, speaker, gender), clips in predictions.groupby(["corpus", "speaker", "gender"])
    ]
    return pd.DataFrame(rows)
