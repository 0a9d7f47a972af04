"""Scores of predicted classes, by scikit-learn: the one place that says what UAR means here."""

import warnings
from collections.abc import Sequence

from sklearn.metrics import accuracy_score, balanced_accuracy_score


def unweighted_average_recall(actual: Sequence[str], predicted: Sequence[str]) -> float:
    """UAR in percent: the mean over classes of the share of their clips that were recognised.

    Over the classes that occur in `actual`; a class that is only predicted has no recall.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
        return 100.0 * float(balanced_accuracy_score(list(actual), list(predicted)))


def accuracy(actual: Sequence[str], predicted: Sequence[str]) -> float:
    """Share of clips recognised, in percent."""
    return 100.0 * float(accuracy_score(list(actual), list(predicted)))
