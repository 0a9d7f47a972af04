"""How often seeds of one system are told apart, which should be about one time in twenty.

    python -m benchmarks.null_comparisons plots/systems/ravdess/predictions.csv

Groups of seeds without a common one are compared. Ten seeds make few independent comparisons, so
the lower half of the table draws seeds anew for every fold: the models of two folds are trained
apart, so any choice of one model a fold is a system that could have been trained.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from statistics import mean, median

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from ser.clips.manifest import speaker_keys
from ser.core.entry import run
from ser.core.errors import SerError
from ser.evaluation.comparison import Answers, Comparison, compare_answers, read_answers
from ser.evaluation.intervals import t_quantile
from ser.evaluation.predictions import read_predictions

SIZES = (1, 2, 3, 5)
GROUPINGS = 400
Pair = tuple[Answers, Answers]


def select_seeds(answers: Answers, numbers: npt.NDArray[np.int_]) -> Answers:
    """The answers with some seeds only, by their place in the order of seeds."""
    return replace(answers, right=answers.right[:, numbers])


def seed_pairs(answers: Answers, size: int, rng: np.random.Generator) -> Iterator[Pair]:
    """Disjoint groups of seeds: every pair of single seeds, or random groupings of more."""
    seeds = np.arange(answers.right.shape[1])
    if size == 1:
        groups = [np.array(pair) for pair in combinations(seeds, 2)]
    else:
        groups = [rng.permutation(seeds)[: 2 * size] for _ in range(GROUPINGS)]
    for group in groups:
        yield select_seeds(answers, group[:size]), select_seeds(answers, group[size:])


def mixed_pairs(answers: Answers, size: int, rng: np.random.Generator) -> Iterator[Pair]:
    """Random disjoint groups of seeds, drawn anew for every fold."""
    folds = answers.clips["fold"].to_numpy()
    seeds = answers.right.shape[1]
    for _ in range(GROUPINGS):
        right = np.empty((len(folds), 2 * size), dtype=answers.right.dtype)
        for fold in np.unique(folds):
            rows = np.flatnonzero(folds == fold)
            right[rows] = answers.right[np.ix_(rows, rng.permutation(seeds)[: 2 * size])]
        mixed = replace(answers, right=right)
        numbers = np.arange(2 * size)
        yield select_seeds(mixed, numbers[:size]), select_seeds(mixed, numbers[size:])


def flagged_by(found: Comparison, speakers: int) -> dict[str, bool]:
    """Whether each method tells the sides apart."""
    reach = t_quantile(speakers) * found.errors["speakers"]
    return {
        "ours": found.flagged,
        "speakers alone": abs(found.difference) > reach,
        "McNemar": median(found.mcnemar) < 0.05,
    }


def shares(answers: Answers, pairs: Iterator[Pair]) -> tuple[int, dict[str, float]]:
    """Number of comparisons, and the share in percent that each method flags."""
    speakers = speaker_keys(answers.clips).nunique()
    if speakers < 2:
        raise SerError("Null comparisons need at least two speakers.")
    verdicts = [flagged_by(compare_answers(a, b), speakers) for a, b in pairs]
    return len(verdicts), {
        method: 100 * mean(verdict[method] for verdict in verdicts) for method in verdicts[0]
    }


def main(predictions: Path) -> None:
    """Compare the seeds in PREDICTIONS with each other."""
    answers = read_answers(read_predictions(predictions))
    seeds = answers.right.shape[1]
    if seeds < 2:
        raise SerError(
            f"{predictions} holds one seed; comparisons of a system with itself need at least two "
            "(seeds in params.yaml)."
        )
    rng = np.random.default_rng(0)
    jobs = [
        (title, size, pairs)
        for title, pairs in (("seeds", seed_pairs), ("seeds by fold", mixed_pairs))
        for size in SIZES
        if 2 * size <= seeds
    ]
    rows = []
    for title, size, pairs in tqdm(jobs, desc="groups", unit="group"):
        count, flagged = shares(answers, pairs(answers, size, rng))
        rows.append(
            f"{title:<15}{size:>7}{count:>13}{flagged['ours']:>8.1f}"
            f"{flagged['speakers alone']:>16.1f}{flagged['McNemar']:>9.1f}"
        )
    print(f"Share of comparisons of {seeds} seeds of one system that are told apart (%)")
    print(f"{'drawn':<15}{'a side':>7}{'comparisons':>13}{'ours':>8}{'speakers alone':>16}", end="")
    print(f"{'McNemar':>9}")
    print("\n".join(rows))


if __name__ == "__main__":
    run(main)
