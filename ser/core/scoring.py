"""Scores of predicted classes: the one place that says what UAR means here."""

from collections.abc import Sequence

import numpy as np


def unweighted_average_recall(actual: Sequence[str], predicted: Sequence[str]) -> float:
    """UAR in percent: the mean over classes of the share of their clips that were recognised.

    Over the classes that occur in `actual`; a class that is only predicted has no recall.
    """
    shown = np.asarray(actual)
    right = shown == np.asarray(predicted)
    return 100.0 * float(np.mean([right[shown == name].mean() for name in np.unique(shown)]))


def accuracy(actual: Sequence[str], predicted: Sequence[str]) -> float:
    """Share of clips recognised, in percent."""
    return 100.0 * float(np.mean(np.asarray(actual) == np.asarray(predicted)))
