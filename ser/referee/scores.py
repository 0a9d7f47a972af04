"""What a score on this very split is worth: recomputed, and beside what hears nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.neighbors import KernelDensity

from ser.clips.manifest import speaker_keys
from ser.core.scoring import unweighted_average_recall
from ser.evaluation.calibration import expected_calibration_error, reliability_table
from ser.evaluation.clip_scores import shuffled_within
from ser.evaluation.intervals import (
    Interval,
    bootstrap_error,
    count_by,
    score_of_counts,
    t_quantile,
    uar_interval,
)
from ser.evaluation.metrics import headline_scores, mean_over_seeds, uar

Float = npt.NDArray[np.float64]

# a length is told to about 5 % at best, and densities are read off between so many points
_LEAST_BANDWIDTH, _POINTS = 0.05, 400
# probabilities that were written to a few digits
_ROUNDING = 0.02
_DEALS = 50


@dataclass(frozen=True)
class Score:
    """A UAR in percent.

    Attributes:
        interval: over speakers, 95 %; None if there are fewer than two, or they are not known.
        speakers: how many those are; 0 if they are not known.
    """

    uar: float
    interval: Interval | None
    speakers: int


@dataclass(frozen=True)
class Calibration:
    """How far confidences can be believed.

    Attributes:
        ece: expected calibration error of the top answer, in percent.
        confidence, accuracy: their means, in percent.
        gap: 95 % interval of confidence less accuracy in percentage points, over speakers; None if
            they are not known.
    """

    ece: float
    confidence: float
    accuracy: float
    gap: Interval | None


def score(answers: pd.DataFrame) -> Score:
    """UAR of answers: a mean over seeds, pooled over folds.

    Args:
        answers: with `corpus`, `speaker` (empty if unknown), `emotion`, `predicted`, `seed`.
    """
    known = (answers["speaker"] != "").all()
    interval = uar_interval(answers) if known else None
    speakers = int(speaker_keys(answers).nunique()) if known else 0
    return Score(mean_over_seeds(answers, uar), interval, speakers)


def speaker_majority(tests: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Answers of an oracle that names every tested speaker's most frequent emotion.

    It reads that from the labels of all clips, tested ones too, and hears nothing.
    """
    common = clips["emotion"].groupby(speaker_keys(clips)).agg(lambda shown: shown.mode().iloc[0])
    return tests.assign(predicted=speaker_keys(tests).map(common))


def majority_by_chance(tests: pd.DataFrame, clips: pd.DataFrame) -> float:
    """UAR of that oracle where emotions are dealt out anew among all clips; a mean over deals.

    Of a few clips, one emotion is always the most frequent; this is how much that alone gives.
    """
    who, _ = pd.factorize(speaker_keys(clips))
    emotion, names = pd.factorize(clips["emotion"])
    place = pd.Series(np.arange(len(clips)), index=clips["clip"])
    tested = place[tests["clip"]].to_numpy()
    shape = (int(who.max()) + 1, len(names))
    everybody = pd.Series("all", index=clips.index)
    scores = []
    for dealt in shuffled_within(emotion.astype(np.int64), everybody, _DEALS):
        counts = np.bincount(who * shape[1] + dealt, minlength=shape[0] * shape[1]).reshape(shape)
        predicted = counts.argmax(axis=1)[who[tested]]
        scores.append(unweighted_average_recall(dealt[tested].astype(str), predicted.astype(str)))
    return float(np.mean(scores))


def length_alone(rows: pd.DataFrame) -> pd.DataFrame | None:
    """Answers to tested clips from how long they are, and nothing else.

    In each fold the density of the logarithm of the length is estimated for each emotion from the
    clips that train (normal kernels; Silverman, 1986, "Density estimation for statistics and data
    analysis", equation 3.31), and the emotion of the greatest answers, as if all were as frequent.

    Args:
        rows: one row a fold and clip, with `fold`, `role`, `emotion` and `length_s`.

    Returns:
        The rows that test with `predicted`; None where a fold has no lengths to learn from.
    """
    known = rows[rows["length_s"].notna()]
    tables = []
    for _, fold in known.groupby("fold"):
        trains, tests = (fold[fold["role"] == role] for role in ("train", "test"))
        if trains.empty and not tests.empty:
            return None
        if not tests.empty:
            tables.append(tests.assign(predicted=_by_length(trains, tests)))
    return pd.concat(tables, ignore_index=True) if tables else None


def _by_length(trains: pd.DataFrame, tests: pd.DataFrame) -> list[str]:
    x, y = (np.log(part["length_s"].to_numpy(dtype=np.float64)) for part in (trains, tests))
    grid = np.linspace(min(x.min(), y.min()) - 1e-6, max(x.max(), y.max()) + 1e-6, _POINTS)
    emotions = sorted(trains["emotion"].unique())
    densities = []
    for emotion in emotions:
        own = x[(trains["emotion"] == emotion).to_numpy()]
        quartiles = np.subtract(*np.percentile(own, [75, 25])) / 1.34
        spread = min(own.std(), quartiles) or own.std()
        width = max(_LEAST_BANDWIDTH, 0.9 * spread * len(own) ** -0.2)
        kernels = KernelDensity(bandwidth=width).fit(own[:, np.newaxis])
        densities.append(np.interp(y, grid, kernels.score_samples(grid[:, np.newaxis])))
    return [emotions[number] for number in np.argmax(densities, axis=0)]


def named_scores(answers: pd.DataFrame) -> dict[str, float]:
    """Every number that papers print of such answers, by what it is."""
    pooled = headline_scores(answers)
    names = {"uar": "UAR", "accuracy": "accuracy", "macro_f1": "macro F1"}
    found = {f"{name} over all answers": pooled[key] for key, name in names.items()}
    for unit in ("fold", "seed"):
        if answers[unit].nunique() > 1:
            by = [headline_scores(rows) for _, rows in answers.groupby(unit)]
            for key, name in names.items():
                values = [scores[key] for scores in by]
                if unit == "fold":
                    found[f"{name}, mean over folds"] = float(np.mean(values))
                found[f"{name} of the best {unit}"] = max(values)
    return found


def explains(claimed: str, scores: Mapping[str, float]) -> list[str]:
    """Which numbers are the claimed one, to the decimals that it is given with."""
    value = claimed_percent(claimed)
    decimals = len(claimed.partition(".")[2]) - (2 if float(claimed) <= 1 else 0)
    tolerance = 0.5 * 10.0 ** -max(0, decimals) + 1e-9
    return [name for name, number in scores.items() if abs(number - value) <= tolerance]


def claimed_percent(claimed: str) -> float:
    """A claimed score in percent; one of at most 1 is a fraction."""
    value = float(claimed)
    return 100 * value if value <= 1 else value


def calibration(answers: pd.DataFrame, shares: pd.DataFrame) -> Calibration | str | None:
    """Calibration of answers; why there is none, in words; or None where nothing is given.

    Args:
        answers: as for `score`, with `confidence`.
        shares: probabilities of the same answers by label; no columns if there are none.
    """
    confidence = answers["confidence"]
    if len(shares.columns) > 1:
        values = shares.to_numpy(dtype=np.float64)
        wrong = ~(np.abs(values.sum(axis=1) - 1) <= _ROUNDING) | ~(values >= 0).all(axis=1)
        if wrong.any():
            return (
                f"the columns that should hold probabilities do not add up to 1 in {wrong.sum()} "
                f"of {len(wrong)} answers"
            )
        place = answers["predicted"].map({label: n for n, label in enumerate(shares.columns)})
        if place.isna().any():
            return "an answer has no column of probabilities"
        confidence = pd.Series(values[np.arange(len(values)), place.to_numpy(dtype=int)])
    if confidence.isna().all():
        return None
    if not confidence.between(0, 1).all():
        return "a confidence is missing, or lies outside 0 to 1"
    confidence = confidence.set_axis(answers.index)
    table = reliability_table(answers.assign(confidence=confidence, calibrated=confidence))
    right = (answers["emotion"] == answers["predicted"]).astype(float)
    return Calibration(
        ece=100 * expected_calibration_error(table, "raw"),
        confidence=100 * float(confidence.mean()),
        accuracy=100 * float(right.mean()),
        gap=_gap(answers, (confidence - right).to_numpy()),
    )


def _gap(answers: pd.DataFrame, differences: Float) -> Interval | None:
    if (answers["speaker"] == "").any():
        return None
    # one class: the mean over all clips
    sums, totals = count_by(speaker_keys(answers), pd.Series("", index=answers.index), differences)
    if len(sums) < 2:
        return None
    middle = float(score_of_counts(sums, totals))
    reach = t_quantile(len(sums)) * float(bootstrap_error(sums, totals))
    return Interval(middle - reach, middle + reach)
