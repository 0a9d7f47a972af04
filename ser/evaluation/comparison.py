"""Two tables of predictions for the same clips: which is better, and is it more than chance?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import bdtr, stdtr

from ser.clips.manifest import speaker_keys
from ser.core.errors import SerError
from ser.evaluation.intervals import (
    Interval,
    bootstrap_error,
    count_by,
    score_of_counts,
    t_quantile,
)

Float = npt.NDArray[np.float64]

_CLIP = ["clip", "corpus", "speaker", "gender", "emotion", "intensity"]


@dataclass(frozen=True)
class Answers:
    """What one side answered.

    Attributes:
        clips: one row a clip, sorted by it: `clip`, `corpus`, `speaker`, `gender`, `emotion`,
            `intensity` and `fold`, the fold that tested it.
        right: whether each clip was recognised with each seed, shape (clips, seeds).
        answer: the most frequent answer to each clip, shape (clips,).
    """

    clips: pd.DataFrame
    right: npt.NDArray[np.bool_]
    answer: npt.NDArray[Any]


@dataclass(frozen=True)
class Side:
    """Score of one side: mean UAR over its seeds, and their sample deviation (None with one)."""

    uar: float
    deviation: float | None
    seeds: int


@dataclass(frozen=True)
class Comparison:
    """What `compare` finds.

    Attributes:
        a, b: the scores of both sides, in percent.
        difference: UAR of b minus UAR of a, in percentage points.
        errors: standard errors of the difference in percentage points, by what is drawn anew
            (`speakers`, `folds`, `seeds`); only those that can be known.
        interval: 95 % interval of the difference; None with fewer than two speakers.
        p: two-sided p value of no difference; None with fewer than two speakers.
        won, lost: clips that only b, or only a, recognises with more than half of its seeds.
        mcnemar: two-sided p values of McNemar's exact test, one a pair of seeds.
    """

    a: Side
    b: Side
    difference: float
    errors: dict[str, float]
    interval: Interval | None
    p: float | None
    won: int
    lost: int
    mcnemar: tuple[float, ...]

    @property
    def flagged(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and not self.interval.low <= 0 <= self.interval.high

    @property
    def of_trainings(self) -> bool:
        """Whether a side has one seed: then trainings are compared, not systems."""
        return min(self.a.seeds, self.b.seeds) < 2


def compare(a: pd.DataFrame, b: pd.DataFrame) -> Comparison:
    """Compare two tables of predictions for the same clips, clip by clip.

    The interval is Student's t with a bootstrapped standard error, as in `intervals.uar_interval`,
    and as many degrees of freedom as speakers less one; it is not on the logit scale.
    Three things would be drawn anew in another study, each with a standard error of its own:

    - speakers, by a paired bootstrap: both sides keep the same speakers;
    - folds, likewise: speakers that one model tests share its luck;
    - seeds, with at least two on a side: both sides' seeds are drawn independently, and the
      bootstrap's variance, too small by (K - 1) / K, is corrected, which leaves the sample variance
      of their scores divided by their number K; a single seed is taken to vary as the other side.

    Each of them contains the noise of single answers, so their sum would count it two or three
    times, as does a bootstrap that draws speakers and seeds together (Owen, 2007, The pigeonhole
    bootstrap, Annals of Applied Statistics 1(2), 386-411). The largest of the three is taken.
    `python -m benchmarks.null_comparisons` shows how often seeds of one system are then told apart.

    With one seed on a side the luck of its training is seen only as far as it differs between
    folds: the result is about two trainings, not about two systems.

    McNemar's exact test pairs seeds in their order. It takes clips for independent, which those of
    one speaker are not: the interval is the one to believe.

    Raises:
        SerError: if the clips or their true emotions differ, or a clip lacks an answer.
    """
    return compare_answers(read_answers(a), read_answers(b))


def read_answers(predictions: pd.DataFrame) -> Answers:
    """The answers of a table of predictions, in the order of clips and seeds.

    Raises:
        SerError: if a clip is not answered exactly once with every seed.
    """
    table = predictions.sort_values(["clip", "seed"], ignore_index=True)
    seeds = table["seed"].nunique()
    counts = table.groupby("clip")["seed"].agg(["size", "nunique"])
    odd = counts[(counts["size"] != seeds) | (counts["nunique"] != seeds)]
    if not odd.empty or table.empty:
        clip = odd.index[0] if len(odd) else "none"
        raise SerError(
            f"The predictions to compare are incomplete: clip {clip} is not predicted exactly once "
            "with every seed."
        )
    right = (table["emotion"] == table["predicted"]).to_numpy().reshape(-1, seeds)
    return Answers(
        clips=table.loc[::seeds, [*_CLIP, "fold"]].reset_index(drop=True),
        right=right,
        answer=_most_frequent(table),
    )


def _most_frequent(table: pd.DataFrame) -> npt.NDArray[Any]:
    """The most frequent answer to each clip, the first by name where several are."""
    counts = table.groupby(["clip", "predicted"]).size().reset_index(name="count")
    first = counts.sort_values(["clip", "count", "predicted"], ascending=[True, False, True])
    return first.drop_duplicates("clip")["predicted"].to_numpy()


def compare_answers(a: Answers, b: Answers) -> Comparison:
    """Compare the answers of two sides; see `compare`."""
    _check_same(a, b)
    gain = b.right.mean(axis=1) - a.right.mean(axis=1)
    hits, totals = count_by(speaker_keys(a.clips), a.clips["emotion"], gain)
    difference = float(score_of_counts(hits, totals))
    sides = _side(a), _side(b)
    errors = {**_errors(a, b, gain), **_error_of_seeds(*sides)}
    interval, p = _interval(difference, errors, len(hits))
    flips = _flips(a, b)
    return Comparison(
        a=sides[0],
        b=sides[1],
        difference=difference,
        errors=errors,
        interval=interval,
        p=p,
        won=int((flips > 0).sum()),
        lost=int((flips < 0).sum()),
        mcnemar=tuple(
            mcnemar(right_a, right_b)
            for right_a, right_b in zip(a.right.T, b.right.T, strict=False)
        ),
    )


def _check_same(a: Answers, b: Answers) -> None:
    if not a.clips["clip"].equals(b.clips["clip"]):
        odd = sorted(set(a.clips["clip"]) ^ set(b.clips["clip"]))
        raise SerError(
            f"Only predictions for the same clips can be compared: {len(odd)} clips are on one "
            f"side only, first {odd[0]}."
        )
    differs = (a.clips["emotion"] != b.clips["emotion"]).to_numpy()
    if differs.any():
        clip = a.clips["clip"][differs].iloc[0]
        raise SerError(
            f"The two sides disagree on the true emotion of {differs.sum()} clips, first {clip}; "
            "make both from the same corpus."
        )


def _errors(a: Answers, b: Answers, gain: Float) -> dict[str, float]:
    """Standard errors of the difference in percentage points, by what is drawn from the clips."""
    # one model tests a fold, of several corpora too where a system mixes them
    by_folds = [_error_by(a, side.clips["fold"], gain) for side in (a, b)]
    known = {
        "speakers": _error_by(a, speaker_keys(a.clips), gain),
        "folds": max((error for error in by_folds if error is not None), default=None),
    }
    return {name: error for name, error in known.items() if error is not None}


def _error_by(a: Answers, units: "pd.Series[Any]", gain: Float) -> float | None:
    hits, totals = count_by(units, a.clips["emotion"], gain)
    return float(bootstrap_error(hits, totals)) if len(hits) > 1 else None


def _error_of_seeds(*sides: Side) -> dict[str, float]:
    known = [side.deviation for side in sides if side.deviation is not None]
    if not known:
        return {}
    # a single seed says nothing of its deviation; the other side's stands in
    deviations = [known[0] if side.deviation is None else side.deviation for side in sides]
    variance = sum(
        deviation**2 / side.seeds for deviation, side in zip(deviations, sides, strict=True)
    )
    return {"seeds": float(np.sqrt(variance))}


def _interval(
    difference: float, errors: dict[str, float], speakers: int
) -> tuple[Interval | None, float | None]:
    if speakers < 2:
        return None, None
    error = max(errors.values())
    if error == 0:
        return Interval(difference, difference), float(difference == 0)
    reach = t_quantile(speakers) * error
    p = 2 * float(stdtr(speakers - 1, -abs(difference) / error))
    return Interval(difference - reach, difference + reach), p


def _side(answers: Answers) -> Side:
    emotions = answers.clips["emotion"]
    scores = pd.DataFrame(answers.right).groupby(emotions.to_numpy()).mean().mean() * 100
    several = len(scores) > 1
    return Side(
        uar=float(scores.mean()),
        deviation=float(scores.std(ddof=1)) if several else None,
        seeds=len(scores),
    )


def mcnemar(right_a: npt.NDArray[np.bool_], right_b: npt.NDArray[np.bool_]) -> float:
    """Two-sided p value of McNemar's exact test (McNemar, 1947) for two answers to each clip."""
    won, lost = int((right_b & ~right_a).sum()), int((right_a & ~right_b).sum())
    # of a fair coin, so that both tails are alike
    return min(1.0, 2 * float(bdtr(min(won, lost), won + lost, 0.5)))


def _flips(a: Answers, b: Answers) -> npt.NDArray[np.int_]:
    """1 for a clip that only b recognises with more than half of its seeds, -1 if only a does."""
    now, before = (side.right.mean(axis=1) > 0.5 for side in (b, a))
    return now.astype(int) - before.astype(int)


def flipped_clips(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Clips that one side recognises with a greater share of its seeds, largest changes first.

    Columns: `clip`, `speaker`, `gender`, `emotion`, `intensity`; `right_a`, `right_b`, the share of
    seeds (0-1) that recognise it; `answer_a`, `answer_b`, the most frequent answer; `flip`, which
    is "won" or "lost" where the majority of seeds changed, else "".

    Raises:
        SerError: if the clips or their true emotions differ, or a clip lacks an answer.
    """
    before, now = read_answers(a), read_answers(b)
    _check_same(before, now)
    table = before.clips.drop(columns=["corpus", "fold"]).assign(
        right_a=before.right.mean(axis=1),
        right_b=now.right.mean(axis=1),
        answer_a=before.answer,
        answer_b=now.answer,
        flip=pd.Series(_flips(before, now)).map({1: "won", -1: "lost", 0: ""}),
    )
    changed = table.assign(size=(table["right_b"] - table["right_a"]).abs().round(9))
    return (
        changed[changed["size"] > 0]
        .sort_values(["size", "clip"], ascending=[False, True], ignore_index=True)
        .drop(columns="size")
    )
