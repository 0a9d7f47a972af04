"""Confidence intervals that know that clips of one speaker are not independent."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit, stdtrit

from ser.clips.manifest import speaker_keys

Float = npt.NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 4_000
_SEED = 20_261_123


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, in percent (of a difference: in percentage points)."""

    low: float
    high: float


def uar_interval(predictions: pd.DataFrame) -> Interval | None:
    """95 % interval of the UAR: Student's t with the standard error of a bootstrap over speakers.

    Speakers are drawn with replacement, each with all their clips and seeds: the unit that a new
    study would draw anew. For the interval of a group, give its rows only.

    The interval is the "t interval with bootstrap standard error" of Hesterberg (2015, What
    Teachers Should Know About the Bootstrap, The American Statistician 69(4), 371-386): a
    percentile interval is too narrow by sqrt(1 - 1/n) and by the difference between t and normal
    quantiles, which for the 3 to 24 speakers of a corpus is much. His other correction, the
    expanded percentile interval, cannot reach beyond the best and the worst speaker, and so fails
    for groups of 3 to 5 speakers. Ours lies on the logit scale, which keeps it between 0 and 100
    and lets it be skewed as a share is. `python -m benchmarks.coverage` shows how often it holds
    the truth.

    Returns:
        None with fewer than two speakers: one says nothing about how speakers differ.
    """
    hits, totals = count_hits(predictions)
    if len(hits) < 2:
        return None
    low, high = interval_of_counts(hits, totals)
    return Interval(float(low), float(high))


def interval_of_counts(hits: Float, totals: Float) -> tuple[Float, Float]:
    """Ends of the interval, in percent.

    Args:
        hits: recognised clips, shape (..., speakers, classes).
        totals: all clips, of the same shape or shape (speakers, classes).

    Returns:
        Low and high ends, each of shape (...,).
    """
    score = score_of_counts(hits, totals) / 100
    error = bootstrap_error(hits, totals) / 100
    # with nothing or everything recognised, every resample gives the same score
    certain = (score <= 0) | (score >= 1)
    inner = np.where(certain, 0.5, score)
    reach = t_quantile(hits.shape[-2]) * error / (inner * (1 - inner))
    low, high = (expit(logit(inner) + sign * reach) for sign in (-1, 1))
    return 100 * np.where(certain, score, low), 100 * np.where(certain, score, high)


def t_quantile(units: int) -> float:
    """How many standard errors a two-sided 95 % interval reaches, for a number of drawn units."""
    return float(stdtrit(units - 1, (1 + LEVEL) / 2))


def score_of_counts(hits: Float, totals: Float) -> Float:
    """UAR in percent over all units together; shapes as in `interval_of_counts`."""
    return 100 * _mean_recall(hits.sum(axis=-2), totals.sum(axis=-2))


def bootstrap_error(hits: Float, totals: Float) -> Float:
    """Standard error of the UAR in percentage points, shape (...,); at least two units.

    Hits may be differences of hits between two systems: the result is then the standard error of
    the difference. The bootstrap's variance is that of the units at hand, too small for the
    population by (n - 1) / n; this is made up for.
    """
    units = hits.shape[-2]
    spread = resampled_scores(hits, totals).std(axis=-1)
    return spread * np.sqrt(units / (units - 1))


def resampled_scores(hits: Float, totals: Float) -> Float:
    """UAR in percent of every resample of units, shape (..., resamples).

    A resample without any clip of some class is scored over the classes it has.
    """
    drawn = _draws(hits.shape[-2])
    return 100 * _mean_recall(drawn @ hits, drawn @ totals)


@cache
def _draws(units: int) -> Float:
    """How often each unit is drawn in each resample, shape (resamples, units)."""
    rng = np.random.default_rng(_SEED)
    return rng.multinomial(units, np.full(units, 1 / units), size=RESAMPLES).astype(np.float64)


def _mean_recall(hits: Float, totals: Float) -> Float:
    """Mean over the classes that occur, the last axis."""
    shown = np.broadcast_to(totals > 0, hits.shape)
    recall = np.divide(hits, totals, out=np.zeros(hits.shape), where=shown)
    return recall.sum(axis=-1) / shown.sum(axis=-1)


def count_hits(predictions: pd.DataFrame) -> tuple[Float, Float]:
    """Recognised clips and all clips by speaker and class, each of shape (speakers, classes)."""
    right = (predictions["emotion"] == predictions["predicted"]).to_numpy(dtype=np.float64)
    return count_by(speaker_keys(predictions), predictions["emotion"], right)


def count_by(
    units: "pd.Series[Any]", emotions: "pd.Series[Any]", right: Float
) -> tuple[Float, Float]:
    """Sums of `right` and counts of rows by unit and class, each of shape (units, classes)."""
    unit, names = pd.factorize(units, sort=True)
    kind, classes = pd.factorize(emotions, sort=True)
    shape = (len(names), len(classes))
    cell = unit * shape[1] + kind
    size = shape[0] * shape[1]
    hits = np.bincount(cell, weights=right, minlength=size).reshape(shape)
    totals = np.bincount(cell, minlength=size).reshape(shape)
    return hits.astype(np.float64), totals.astype(np.float64)
