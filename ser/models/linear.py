"""A linear classifier of functionals: the second voice beside the network.

It has no random start: the same training clips give the same weights, whatever the seed.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser.core.errors import SerError
from ser.guards.checks import Purpose
from ser.reading.data import at_most
from ser.reading.reader import FloatArray, Reader
from ser.store.functionals import Float32

# a standardised functional further out is cut back: a clip of almost nothing must not shout
_FURTHEST = 4.0
# On validation speakers twice as many were no better; where a fold has not converged, its weights
# are still the same every time.
_ITERATIONS = 50
# a deviation below this is that of a value which does not change
_STILL = 1e-9
# a probability of exactly 0 would silence the other voice
_TINY = 1e-7
# a fit on functionals holds all clips that it learns from in memory; of more, so many are drawn
MOST_CLIPS = 5000


@dataclass(frozen=True)
class LinearModel:
    """Multinomial logistic regression on standardised functionals.

    Attributes:
        mean, scale: by corpus, shape (functionals,): another corpus is another room, microphone and
            language, so each is standardised by its own training clips.
        weight: shape (classes, functionals).
        bias: shape (classes,).
    """

    mean: Mapping[str, Float32]
    scale: Mapping[str, Float32]
    weight: Float32
    bias: Float32

    def predict(self, values: FloatArray, corpora: Sequence[str]) -> FloatArray:
        """Class probabilities, shape (clips, classes).

        Args:
            values: functionals, shape (clips, functionals).
            corpora: corpus of every clip.

        Raises:
            SerError: if a clip is of a corpus that did not train, or has other functionals.
        """
        if values.shape[1] != self.weight.shape[1]:
            raise SerError(
                f"The linear part knows {self.weight.shape[1]} functionals, but clips have "
                f"{values.shape[1]}; run `dvc repro`."
            )
        logits = self._standardised(values, corpora) @ self.weight.T.astype(np.float64) + self.bias
        return _softmax(logits)

    def _standardised(self, values: FloatArray, corpora: Sequence[str]) -> FloatArray:
        result = values.copy()
        standardise(result, corpora, self.mean, self.scale)
        return result

    @property
    def parameters(self) -> int:
        """Trained numbers; means and scales are statistics."""
        return self.weight.size + self.bias.size


def standardise(
    values: FloatArray | Float32,
    corpora: Sequence[str],
    mean: Mapping[str, Float32],
    scale: Mapping[str, Float32],
) -> None:
    """Bring functionals, shape (clips, functionals), to mean 0 and deviation 1 where they lie.

    Args:
        corpora: corpus of every clip, by which mean and scale are looked up.

    Raises:
        SerError: if a clip is of a corpus that did not train.
    """
    for name, row in zip(corpora, values, strict=True):  # row by row: no copy of all of them
        if name not in mean:
            raise SerError(f"The linear part was not trained on corpus {name}.")
        row -= mean[name]
        row /= scale[name]
        np.clip(row, -_FURTHEST, _FURTHEST, out=row)


def fit_linear(
    fitted_on: FloatArray,
    fitted_corpora: Sequence[str],
    values: Float32,
    corpora: Sequence[str],
    targets: npt.NDArray[np.integer],
    classes: int,
    cost: float,
) -> LinearModel:
    """Fit on the training clips of a fold.

    Args:
        fitted_on: functionals that means and scales come from, shape (clips, functionals).
        fitted_corpora: corpus of each of these clips.
        values: functionals to learn from, of the same clips and of copies of them; what is in it is
            standardised in place.
        corpora, targets: corpus and class of every row of `values`.
        classes: number of classes; every one must occur.
        cost: inverse strength of the L2 penalty, scikit-learn's `C`, if there were no copies; a
            clip and its copies together weigh as much as the clip alone.
    """
    # imported where it is used: networks are trained and stored without it, and it takes a second
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    names = np.asarray(fitted_corpora)
    known = sorted(set(names.tolist()))
    mean = {name: fitted_on[names == name].mean(axis=0).astype(np.float32) for name in known}
    scale = {
        name: np.maximum(fitted_on[names == name].std(axis=0), _STILL).astype(np.float32)
        for name in known
    }
    standardise(values, corpora, mean, scale)
    regression = LogisticRegression(C=cost * len(fitted_on) / len(values), max_iter=_ITERATIONS)
    inputs, axes = _rotated(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(inputs, targets)
    weight, bias = regression.coef_, regression.intercept_
    if axes is not None:
        weight = weight @ axes.T
    if len(weight) == 1 and classes == 2:  # two classes have one row of weights
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    # it answers as if every emotion were as frequent as any other, as UAR counts them: Menon et al.
    # (2021), "Long-tail learning via logit adjustment", ICLR
    bias = bias - np.log(np.bincount(targets, minlength=classes) / len(targets))
    return LinearModel(mean, scale, weight.astype(np.float32), bias.astype(np.float32))


def _rotated(values: Float32) -> tuple[Float32, FloatArray | None]:
    """Values by the axes that their clips span, and these axes, one a column; None: as they are.

    With an L2 penalty the weights lie in that span, whatever its axes: with fewer clips than
    functionals there is less to fit, to the same result.
    """
    if 2 * len(values) > values.shape[1]:
        return values, None
    exact = values.astype(np.float64)
    power, axes = np.linalg.eigh(exact @ exact.T)
    kept = power > 1e-9 * power[-1]
    length = np.sqrt(power[kept])
    return (axes[:, kept] * length).astype(np.float32), exact.T @ (axes[:, kept] / length)


def fit_fold(
    reader: Reader,
    clips: pd.DataFrame,
    emotions: Sequence[str],
    cost: float,
    columns: Sequence[str] | None = None,
) -> LinearModel:
    """Fit on the training clips of a fold, which `reader` guards, and on their copies.

    Of very many clips it learns from some (`MOST_CLIPS`), which it holds in memory.

    Args:
        emotions: the classes, in order.
        cost: as for `fit_linear`.
        columns: names of the functionals that are read; all of them by default.

    Raises:
        LeakError: if a clip is held out from training.
    """
    clips = at_most(clips, MOST_CLIPS)
    fitted_on = reader.functionals(clips, Purpose.STATISTICS, columns)
    values = reader.learned_functionals(clips, columns)
    copies = len(values) // len(clips) - 1
    learned = pd.concat([clips, clips.loc[clips.index.repeat(copies)]])
    return fit_linear(
        fitted_on,
        clips["corpus"].tolist(),
        values,
        learned["corpus"].tolist(),
        learned["emotion"].map(list(emotions).index).to_numpy(),
        len(emotions),
        cost,
    )


def combine(network: FloatArray, linear: FloatArray, share: float) -> FloatArray:
    """Weighted geometric mean of two voices' probabilities, shape (clips, classes).

    A product of experts (Hinton, 2002, Neural Computation 14(8)): either can object.

    Args:
        share: weight of the linear voice, from 0 (network alone) to 1.
    """
    logs = (1 - share) * np.log(np.maximum(network, _TINY)) + share * np.log(
        np.maximum(linear, _TINY)
    )
    return _softmax(logs)


def _softmax(logits: FloatArray) -> FloatArray:
    powers: FloatArray = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
