"""Two systems are compared clip by clip; seeds of one system are not told apart."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from benchmarks.null_comparisons import flagged_by, mixed_pairs, seed_pairs
from ser.core.scoring import unweighted_average_recall
from ser.evaluation.comparison import (
    Answers,
    compare,
    compare_answers,
    flipped_clips,
    mcnemar,
    read_answers,
)
from tests.builders import make_manifest, make_predictions
from tests.conftest import Refused


def answer(table: pd.DataFrame, rows: pd.Series, emotion: str) -> pd.DataFrame:
    return table.assign(predicted=table["predicted"].mask(rows, emotion))


def better(table: pd.DataFrame, share: float, seed: int = 0) -> pd.DataFrame:
    """The same answers, with a share of the wrong ones put right."""
    mended = np.random.default_rng(seed).random(len(table)) < share
    return table.assign(predicted=table["predicted"].mask(mended, table["emotion"]))


@cache
def manifest_of_24() -> pd.DataFrame:
    clips = make_manifest(24, ("neutral", "happy", "sad", "angry"), 8)
    return clips.assign(fold=lambda table: table["speaker"].astype(int) % 6)


def simulated(
    seeds: int, of_fold: float, of_seed: float, rng: np.random.Generator, of_b: float = 0.0
) -> tuple[Answers, Answers]:
    """Seeds of one system, twice, on 24 speakers in six folds; effects are in logits.

    Clips and speakers are easy or hard for every seed alike; each model, and each seed, has luck.
    """
    clips = manifest_of_24()
    speaker = clips["speaker"].astype(int).to_numpy() - 1
    ease = rng.normal(0.5, 0.6, 24)[speaker] + rng.normal(0, 1.5, len(clips))
    sides = []
    for gain in (0.0, of_b):
        luck = rng.normal(0, of_fold, (6, seeds)) + rng.normal(0, of_seed, seeds)
        chance = expit(ease[:, np.newaxis] + luck[clips["fold"]] + gain)
        sides.append(Answers(clips, rng.random(chance.shape) < chance, clips["emotion"].to_numpy()))
    return sides[0], sides[1]


def flagged_share(seeds: int, of_fold: float, of_seed: float, trials: int = 120) -> float:
    rng = np.random.default_rng(11)
    flagged = [
        compare_answers(*simulated(seeds, of_fold, of_seed, rng)).flagged for _ in range(trials)
    ]
    return 100 * float(np.mean(flagged))


@pytest.mark.parametrize(
    ("seeds", "of_fold", "of_seed", "least"),
    [
        (1, 0.15, 0.0, 2.0),
        (2, 0.1, 0.05, 1.0),
        (5, 0.1, 0.05, 1.0),
    ],
)
def test_seeds_of_one_system_are_seldom_told_apart(
    seeds: int, of_fold: float, of_seed: float, least: float
) -> None:
    share = flagged_share(seeds, of_fold, of_seed)
    assert least <= share <= 8, f"{share:.1f} % of comparisons of a system with itself flagged"


def test_a_better_system_is_told_apart() -> None:
    rng = np.random.default_rng(3)
    found = [compare_answers(*simulated(2, 0.1, 0.05, rng, of_b=0.6)) for _ in range(15)]
    assert np.mean([one.flagged and one.difference > 0 for one in found]) > 0.8


def test_one_table_twice_differs_in_nothing() -> None:
    table = make_predictions(8, seeds=(0, 1))
    found = compare(table, table)
    assert found.difference == pytest.approx(0)
    assert not found.flagged
    assert (found.won, found.lost) == (0, 0)
    assert found.mcnemar == (1.0, 1.0)
    assert flipped_clips(table, table).empty


def test_scores_are_those_of_the_metrics() -> None:
    table = make_predictions(8, seeds=(0, 1, 2))
    other = make_predictions(8, seeds=(0, 1), random_seed=5)
    found = compare(table, other)
    for side, predictions in ((found.a, table), (found.b, other)):
        scores = [
            unweighted_average_recall(rows["emotion"].tolist(), rows["predicted"].tolist())
            for _, rows in predictions.groupby("seed")
        ]
        assert side.uar == pytest.approx(np.mean(scores))
        assert side.deviation == pytest.approx(np.std(scores, ddof=1))
    assert found.difference == pytest.approx(found.b.uar - found.a.uar)
    assert (found.a.seeds, found.b.seeds) == (3, 2)


def test_swapping_the_sides_turns_the_sign() -> None:
    a, b = make_predictions(8), make_predictions(8, random_seed=1)
    there, back = compare(a, b), compare(b, a)
    assert there.interval is not None
    assert back.interval is not None
    assert back.difference == pytest.approx(-there.difference)
    assert back.interval.low == pytest.approx(-there.interval.high)
    assert back.p == pytest.approx(there.p)
    assert (back.won, back.lost) == (there.lost, there.won)


def test_the_interval_and_p_agree() -> None:
    a = make_predictions(12, 8)
    for share in (0.02, 0.1, 0.3):
        found = compare(a, better(a, share))
        assert found.p is not None
        assert found.flagged == (found.p < 0.05)


def test_pairing_makes_small_gains_visible() -> None:
    def uneven(speaker: int) -> float:
        return 0.9 if speaker % 2 else 0.2

    a = make_predictions(12, 8, accuracy=uneven)
    found = compare(a, better(a, 0.15))
    assert found.flagged, "speakers who differ much must not hide a gain that all of them show"


def test_folds_count_where_speakers_of_a_fold_move_together() -> None:
    a = make_predictions(12, 8).assign(fold=lambda t: t["speaker"].astype(int) % 3)
    b = better(a.assign(fold=a["fold"]), 0.5)
    lucky = a["fold"] == 0
    b["predicted"] = b["predicted"].where(lucky, a["predicted"])
    found = compare(a, b)
    assert found.errors["folds"] > found.errors["speakers"]
    assert not found.flagged, "one model of three was lucky; that is no better system"


def test_seeds_that_differ_much_widen_the_interval() -> None:
    a = make_predictions(12, 8, seeds=(0, 1))
    mixed = a.assign(predicted=a["predicted"].mask(a["seed"] == 1, a["emotion"]))
    found = compare(a, mixed)
    assert found.errors["seeds"] > found.errors["speakers"]
    assert found.b.deviation is not None
    spread = [found.a.deviation, found.b.deviation]
    assert found.errors["seeds"] == pytest.approx(np.sqrt(sum(s**2 for s in spread if s) / 2))


def test_a_single_seed_varies_as_the_other_side() -> None:
    several = make_predictions(8, seeds=(0, 1, 2, 3))
    found = compare(several, make_predictions(8, random_seed=4))
    assert found.b.deviation is None
    assert found.a.deviation is not None
    assert found.errors["seeds"] == pytest.approx(found.a.deviation * np.sqrt(1 / 4 + 1))
    assert found.of_trainings


def test_single_seeds_compare_trainings() -> None:
    one, two = make_predictions(), make_predictions(seeds=(0, 1))
    assert compare(one, one).of_trainings
    assert "seeds" not in compare(one, one).errors
    assert not compare(two, two).of_trainings


def test_one_speaker_gives_no_interval() -> None:
    found = compare(make_predictions(1, 20), make_predictions(1, 20, random_seed=1))
    assert found.interval is None
    assert found.p is None
    assert not found.flagged


def test_mcnemar_is_the_exact_binomial_test() -> None:
    before = np.array([True] * 3 + [False] * 9 + [True] * 20)
    now = np.array([False] * 3 + [True] * 9 + [True] * 20)
    # 12 clips flipped, 9 of them to the better: 2 P(X <= 3), X binomial of 12 and one half
    assert mcnemar(before, now) == pytest.approx(2 * (1 + 12 + 66 + 220) / 2**12)


def test_the_order_of_rows_does_not_matter() -> None:
    a, b = make_predictions(seeds=(0, 1)), make_predictions(seeds=(0, 1), random_seed=1)
    assert compare(a.sample(frac=1, random_state=0), b) == compare(a, b)


def test_flips_are_counted_and_listed_by_size() -> None:
    a = make_predictions(4, 2, seeds=(0, 1, 2), accuracy=lambda speaker: 1.0)
    clips = sorted(a["clip"].unique())
    wrong = a["emotion"].map({"neutral": "sad", "sad": "happy", "happy": "sad"})
    b = a.assign(
        predicted=a["predicted"].mask(
            (a["clip"] == clips[5]) | ((a["clip"] == clips[2]) & (a["seed"] == 1)), wrong
        )
    )
    table = flipped_clips(a, b)
    assert table["clip"].tolist() == [clips[5], clips[2]]
    assert table["right_a"].tolist() == [1.0, 1.0]
    assert table["right_b"].tolist() == pytest.approx([0.0, 2 / 3])
    assert table["flip"].tolist() == ["lost", ""]
    assert table["answer_b"].iloc[0] != table["emotion"].iloc[0]
    assert table["answer_b"].iloc[1] == table["emotion"].iloc[1]
    assert (compare(a, b).won, compare(a, b).lost) == (0, 1)


def test_tables_of_other_clips_are_refused(refused: Refused) -> None:
    table = make_predictions()
    with refused("same clips", "1 clips", table["clip"].min()):
        compare(table, table[table["clip"] != table["clip"].min()])


def test_other_true_emotions_are_refused(refused: Refused) -> None:
    table = make_predictions()
    clip = table["clip"].max()
    other = table.assign(emotion=table["emotion"].mask(table["clip"] == clip, "neutral"))
    with refused("true emotion", clip):
        compare(table, other)


@pytest.mark.parametrize("fault", ["missing", "twice"])
def test_a_clip_without_just_one_answer_a_seed_is_refused(fault: str, refused: Refused) -> None:
    table = make_predictions(seeds=(0, 1))
    first = table.iloc[[0]]
    faulty = table.iloc[1:] if fault == "missing" else pd.concat([table, first])
    with refused("incomplete", str(first["clip"].iloc[0])):
        compare(faulty, table)


def test_null_comparisons_draw_disjoint_seeds() -> None:
    answers = read_answers(make_predictions(6, seeds=range(6)))
    # every seed gives an array of its own, so that it can be told
    answers = replace(answers, right=np.arange(6) + np.zeros((len(answers.clips), 1)))
    for pairs in (seed_pairs, mixed_pairs):
        a, b = next(pairs(answers, 3, np.random.default_rng(0)))
        drawn = np.hstack([a.right, b.right])
        assert drawn.shape == (len(answers.clips), 6)
        assert (np.sort(drawn) == np.arange(6)).all(), "a seed is on both sides"


def test_null_comparisons_are_judged_by_each_method() -> None:
    a, b = make_predictions(12, 8), make_predictions(12, 8, accuracy=lambda speaker: 0.95)
    verdict = flagged_by(compare(a, b), speakers=12)
    assert verdict == {"ours": True, "speakers alone": True, "McNemar": True}
