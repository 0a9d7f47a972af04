"""A 95 % interval holds the truth in 95 of 100 studies, whatever the corpus's size."""

import numpy as np
import pytest

from benchmarks.coverage import (
    SHAPES,
    Population,
    class_means,
    coverage,
    draw_recalls,
    true_uar,
)

EASY, MIDDLING, HARD = Population(0.75, 0.6), Population(0.55, 0.9), Population(0.35, 0.6)


@pytest.mark.parametrize(
    ("shape", "population"),
    [
        ("RAVDESS, 24 speakers", MIDDLING),
        ("EMO-DB, 10 speakers", EASY),
        ("EMO-DB, 5 of one gender", HARD),
        ("EMOVO, 6 speakers", HARD),
        ("EMOVO, 3 of one gender", MIDDLING),
    ],
)
def test_intervals_hold_the_truth_in_95_of_100_trials(shape: str, population: Population) -> None:
    held = coverage(SHAPES[shape], population, trials=1_000)
    assert 93 <= held["ours"] <= 97, f"{shape}: {held['ours']:.1f} % of intervals hold the truth"
    # what they are better than, or this test could not fail
    assert held["percentile"] < held["ours"]
    assert held["clips"] < 85, "intervals that take clips for independent should be too narrow"


def test_the_shapes_are_those_of_the_corpora() -> None:
    clips = [SHAPES[name].sum() for name in SHAPES if "gender" not in name]
    assert clips == [1440, 535, 504], "RAVDESS, EMO-DB, and six speakers with twelve clips a class"


def test_the_truth_is_the_score_of_very_many_speakers() -> None:
    population = Population(0.55, 0.9)
    recalls = draw_recalls(population, (1, 200_000, 7), np.random.default_rng(0))
    assert true_uar(population, 7) == pytest.approx(100 * recalls.mean(), abs=0.2)


def test_without_spread_the_truth_is_the_mean_recall_of_the_classes() -> None:
    expected = 100 * np.mean(1 / (1 + np.exp(-class_means(Population(0.55, 0.0), 8))))
    assert true_uar(Population(0.55, 0.0), 8) == pytest.approx(expected)
