"""UAR and accuracy as numpy and scikit-learn compute them."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import recall_score

from ser.clips.labels import EMOTIONS
from ser.core.scoring import accuracy, unweighted_average_recall

PAIRS = st.lists(
    st.tuples(st.sampled_from(EMOTIONS), st.sampled_from(EMOTIONS)), min_size=1, max_size=80
)


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(PAIRS)
def test_uar_is_the_mean_recall_over_the_classes_that_occur(pairs: list[tuple[str, str]]) -> None:
    actual, predicted = zip(*pairs, strict=True)
    uar = unweighted_average_recall(actual, predicted)
    true, said = np.array(actual), np.array(predicted)
    classes = np.unique(true)
    by_hand = 100 * np.mean([np.mean(said[true == c] == c) for c in classes])
    assert uar == pytest.approx(by_hand, abs=1e-9)
    by_sklearn = 100 * recall_score(actual, predicted, labels=list(classes), average="macro")
    assert uar == pytest.approx(by_sklearn, abs=1e-9)


@given(PAIRS)
def test_accuracy_is_the_share_of_clips_recognised(pairs: list[tuple[str, str]]) -> None:
    actual, predicted = zip(*pairs, strict=True)
    expected = 100 * sum(a == b for a, b in pairs) / len(pairs)
    assert accuracy(actual, predicted) == pytest.approx(expected, abs=1e-9)


def test_rare_classes_count_as_much_as_common_ones() -> None:
    actual = ["happy"] * 90 + ["sad"] * 10
    assert unweighted_average_recall(actual, ["happy"] * 100) == pytest.approx(50.0)
    assert accuracy(actual, ["happy"] * 100) == pytest.approx(90.0)


def test_a_class_that_is_only_predicted_neither_counts_nor_warns() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        uar = unweighted_average_recall(["happy", "happy", "sad"], ["happy", "angry", "sad"])
    assert uar == pytest.approx(75.0)
