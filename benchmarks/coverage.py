"""How often 95 % intervals hold the truth: `python -m benchmarks.coverage`.

Corpora are simulated whose truth is known. A speaker has an ability, and a deviation from it for
each class, both normal on the logit scale; each clip is recognised by chance accordingly. The truth
is the UAR over all speakers of the population. Each trial draws the corpus's number of speakers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import expit, logit
from tqdm import tqdm

from ser.core.entry import run
from ser.evaluation.intervals import (
    LEVEL,
    Float,
    interval_of_counts,
    resampled_scores,
    score_of_counts,
)

TRIALS = 1_000
# trials worked on together: 4,000 resamples of each must fit in memory
_BATCH = 25

# clips by speaker and emotion as the real corpora have them
_RAVDESS = np.tile([4, 8, 8, 8, 8, 8, 8, 8], (24, 1))
_EMODB = np.array(
    [
        [14, 5, 1, 4, 7, 11, 7],
        [12, 10, 0, 6, 11, 10, 9],
        [13, 4, 8, 1, 4, 9, 4],
        [10, 8, 1, 8, 4, 4, 3],
        [11, 8, 2, 10, 8, 9, 7],
        [12, 5, 2, 6, 2, 4, 4],
        [12, 10, 8, 7, 10, 9, 5],
        [16, 8, 8, 12, 8, 7, 10],
        [13, 9, 5, 8, 6, 11, 4],
        [14, 14, 11, 7, 11, 5, 9],
    ]
)
_EMOVO = np.full((6, 7), 12)

SHAPES: Mapping[str, npt.NDArray[np.int_]] = {
    "RAVDESS, 24 speakers": _RAVDESS,
    "RAVDESS, 12 of one gender": _RAVDESS[:12],
    "EMO-DB, 10 speakers": _EMODB,
    "EMO-DB, 5 of one gender": _EMODB[1::2],
    "EMOVO, 6 speakers": _EMOVO,
    "EMOVO, 3 of one gender": _EMOVO[:3],
}


@dataclass(frozen=True)
class Population:
    """Speakers to draw from.

    Attributes:
        accuracy: recall of the median speaker in a class of middling difficulty, as a fraction.
        spread: standard deviation of abilities, and of classes within a speaker, in logits.
    """

    accuracy: float
    spread: float


POPULATIONS = tuple(
    Population(accuracy, spread) for accuracy in (0.35, 0.55, 0.75) for spread in (0.3, 0.6, 0.9)
)


def class_means(population: Population, classes: int) -> Float:
    """Logit of the median speaker's recall in every class: some are easy, some hard."""
    return logit(population.accuracy) + np.linspace(-0.8, 0.8, classes)


def true_uar(population: Population, classes: int) -> float:
    """UAR over all speakers of a population in percent, by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    means = class_means(population, classes)[:, np.newaxis]
    # ability and deviation are independent and have the same spread
    recall = expit(means + np.sqrt(2) * population.spread * nodes) @ (weights / weights.sum())
    return 100 * float(recall.mean())


def draw_recalls(
    population: Population, shape: tuple[int, int, int], rng: np.random.Generator
) -> Float:
    """Probability that a clip is recognised, of shape (trials, speakers, classes)."""
    trials, speakers, classes = shape
    ability = rng.standard_normal((trials, speakers, 1))
    deviation = rng.standard_normal(shape)
    return expit(class_means(population, classes) + population.spread * (ability + deviation))


def coverage(
    totals: npt.NDArray[np.int_], population: Population, trials: int = TRIALS, seed: int = 0
) -> dict[str, float]:
    """Share of trials whose interval holds the truth, in percent, by method.

    Methods: `ours`; `percentile`, the plain bootstrap over speakers; `clips`, the normal interval
    that takes clips for independent.

    Args:
        totals: clips by speaker and class, shape (speakers, classes).
    """
    rng = np.random.default_rng(seed)
    truth = true_uar(population, totals.shape[1])
    recalls = draw_recalls(population, (trials, *totals.shape), rng)
    hits = rng.binomial(totals, recalls).astype(np.float64)
    held: dict[str, list[npt.NDArray[np.bool_]]] = {}
    for batch in np.array_split(hits, max(1, trials // _BATCH)):
        for method, (low, high) in _intervals(batch, totals.astype(np.float64)).items():
            held.setdefault(method, []).append((low <= truth) & (truth <= high))
    return {method: 100 * float(np.concatenate(parts).mean()) for method, parts in held.items()}


def _intervals(hits: Float, totals: Float) -> dict[str, tuple[Float, Float]]:
    tails = [50 * (1 - LEVEL), 50 * (1 + LEVEL)]
    low, high = np.percentile(resampled_scores(hits, totals), tails, axis=-1)
    return {
        "ours": interval_of_counts(hits, totals),
        "percentile": (low, high),
        "clips": _clip_interval(hits, totals),
    }


def _clip_interval(hits: Float, totals: Float) -> tuple[Float, Float]:
    clips = totals.sum(axis=0)
    recall = hits.sum(axis=-2) / clips
    error = 100 * np.sqrt((recall * (1 - recall) / clips).sum(axis=-1)) / len(clips)
    reach = stats.norm.ppf((1 + LEVEL) / 2) * error
    score = score_of_counts(hits, totals)
    return score - reach, score + reach


def main() -> None:
    """Print how often each interval holds the truth, by corpus and population."""
    rows = []
    for shape, totals in tqdm(SHAPES.items(), desc="corpora", unit="corpus"):
        for number, population in enumerate(POPULATIONS):
            held = coverage(totals, population, seed=number)
            truth = true_uar(population, totals.shape[1])
            rows.append(
                f"{shape:<27}{truth:>6.1f}{population.spread:>8.1f}{held['ours']:>8.1f}"
                f"{held['percentile']:>12.1f}{held['clips']:>7.1f}"
            )
    print(f"Share of {TRIALS} trials whose 95 % interval holds the true UAR (%)")
    print(f"{'corpus':<27}{'truth':>6}{'spread':>8}{'ours':>8}{'percentile':>12}{'clips':>7}")
    print("\n".join(rows))


if __name__ == "__main__":
    run(main)
