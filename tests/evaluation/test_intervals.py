"""Intervals draw speakers, not clips."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import recall_score

from ser.evaluation.intervals import Interval, uar_interval
from tests.builders import make_predictions


def uneven_speakers(speaker: int) -> float:
    """Half of the speakers are easy, the others hard."""
    return 0.95 if speaker % 2 else 0.35


def interval(table: pd.DataFrame) -> Interval:
    found = uar_interval(table)
    assert found is not None, "speakers enough for an interval"
    return found


def width(found: Interval) -> float:
    return found.high - found.low


def estimate(table: pd.DataFrame) -> float:
    return 100 * float(recall_score(table["emotion"], table["predicted"], average="macro"))


def clip_interval(table: pd.DataFrame) -> Interval:
    """What a bootstrap gives that takes clips for independent."""
    rng = np.random.default_rng(0)
    scores = [estimate(table.iloc[rng.integers(len(table), size=len(table))]) for _ in range(100)]
    low, high = np.percentile(scores, [2.5, 97.5])
    return Interval(float(low), float(high))


@pytest.mark.parametrize("speakers", [4, 10, 24])
def test_an_interval_holds_its_estimate(speakers: int) -> None:
    for seed in range(6):
        table = make_predictions(speakers, accuracy=uneven_speakers, random_seed=seed)
        found = interval(table)
        assert 0 <= found.low < estimate(table) < found.high <= 100


def test_an_interval_is_the_same_every_time() -> None:
    table = make_predictions()
    np.random.seed(1)
    first = interval(table)
    np.random.seed(2)
    assert interval(table) == first


def test_the_order_of_rows_does_not_matter() -> None:
    table = make_predictions(accuracy=uneven_speakers)
    assert interval(table.sample(frac=1.0, random_state=0)) == interval(table)


def test_fewer_speakers_give_a_wider_interval() -> None:
    widths = [
        np.mean(
            [
                width(
                    interval(
                        # the same number of clips, spoken by more and more people
                        make_predictions(n, 96 // n, accuracy=uneven_speakers, random_seed=seed)
                    )
                )
                for seed in range(4)
            ]
        )
        for n in (6, 12, 32)
    ]
    assert widths[0] > 1.2 * widths[1] > 1.44 * widths[2]


def test_speakers_are_drawn_not_clips() -> None:
    table = make_predictions(10, 12, accuracy=uneven_speakers)
    assert width(interval(table)) > 1.5 * width(clip_interval(table))


def test_speakers_who_are_all_alike_leave_no_doubt() -> None:
    table = make_predictions(8, 4)
    number = table.groupby(["speaker", "emotion"]).cumcount()
    wrong = table["emotion"].map({"neutral": "happy", "happy": "sad", "sad": "neutral"})
    table["predicted"] = table["emotion"].where(number < 3, wrong)
    found = interval(table)
    assert found.low == pytest.approx(75.0)
    assert found.high == pytest.approx(75.0)


def test_a_number_is_somebody_else_in_another_corpus() -> None:
    one = make_predictions(8, accuracy=uneven_speakers)
    other = make_predictions(8, accuracy=uneven_speakers, random_seed=1)
    apart = pd.concat([one, other.assign(corpus="another")], ignore_index=True)
    together = pd.concat([one, other], ignore_index=True)
    renamed = pd.concat(
        [one, other.assign(speaker=lambda t: "x" + t["speaker"])], ignore_index=True
    )
    assert width(interval(apart)) < width(interval(together))
    assert width(interval(apart)) == pytest.approx(width(interval(renamed)), rel=0.1)


def test_seeds_of_a_speaker_are_not_further_speakers() -> None:
    one = make_predictions(8, accuracy=uneven_speakers)
    twice = pd.concat([one, one.assign(seed=1)], ignore_index=True)
    assert interval(twice) == interval(one)


def test_the_interval_has_the_width_of_its_formula() -> None:
    # with classes of equal size per speaker, UAR is the mean of the speakers' accuracies
    table = make_predictions(40, 8, accuracy=uneven_speakers)
    of_speakers = (table["emotion"] == table["predicted"]).groupby(table["speaker"]).mean() * 100
    expected = 2 * stats.t.ppf(0.975, 39) * of_speakers.std(ddof=1) / np.sqrt(40)
    assert width(interval(table)) == pytest.approx(expected, rel=0.05)


def test_a_class_that_one_speaker_alone_shows_may_be_missed() -> None:
    table = make_predictions(5)
    table = table[(table["emotion"] != "sad") | (table["speaker"] == "01")]
    found = interval(table)
    assert np.isfinite([found.low, found.high]).all()
    assert found.low <= found.high


def test_one_speaker_gives_no_interval() -> None:
    assert uar_interval(make_predictions(1, 20)) is None


def test_few_speakers_may_lie_beyond_all_that_were_heard() -> None:
    # with three speakers no resample scores outside of their range, but the next speaker may
    table = make_predictions(3, 20, accuracy=lambda speaker: (0.4, 0.5, 0.6)[speaker - 1])
    scores = [estimate(rows) for _, rows in table.groupby("speaker")]
    found = interval(table)
    assert found.low < min(scores)
    assert found.high > max(scores)


@pytest.mark.parametrize(("accuracy", "score"), [(0.0, 0.0), (1.0, 100.0)])
def test_a_perfect_score_has_an_interval(accuracy: float, score: float) -> None:
    found = interval(make_predictions(5, accuracy=lambda speaker: accuracy))
    assert (found.low, found.high) == (score, score)


def test_the_interval_stays_between_0_and_100() -> None:
    table = make_predictions(3, 20, accuracy=lambda speaker: (0.8, 0.97, 1.0)[speaker - 1])
    found = interval(table)
    assert 0 < found.low < estimate(table) < found.high < 100
    assert estimate(table) - found.low > found.high - estimate(table), "not skewed near 100"


def test_a_group_has_an_interval_of_its_own() -> None:
    table = make_predictions(10, accuracy=uneven_speakers)
    women = table[table["gender"] == "female"]
    assert interval(women).high < interval(table).high
