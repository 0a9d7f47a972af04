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
from ser.reading.reader import FloatArray, Reader

Float32 = npt.NDArray[np.float32]

# a standardised functional further out is cut back: a clip of almost nothing must not shout
_FURTHEST = 4.0
# On validation speakers twice as many were no better; where a fold has not converged, its weights
# are still the same every time.
_ITERATIONS = 50
# a deviation below this is that of a value which does not change
_STILL = 1e-9
# a probability of exactly 0 would silence the other voice
_TINY = 1e-7


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
        names = np.asarray(corpora)
        result = np.empty_like(values)
        for corpus in sorted(set(names.tolist())):
            if corpus not in self.mean:
                raise SerError(f"The linear part was not trained on corpus {corpus}.")
            rows = names == corpus
            scaled = (values[rows] - self.mean[corpus]) / self.scale[corpus]
            result[rows] = np.clip(scaled, -_FURTHEST, _FURTHEST)
        return result

    @property
    def parameters(self) -> int:
        """Trained numbers; means and scales are statistics."""
        return self.weight.size + self.bias.size


def fit_linear(
    fitted_on: FloatArray,
    fitted_corpora: Sequence[str],
    values: FloatArray,
    corpora: Sequence[str],
    targets: npt.NDArray[np.integer],
    classes: int,
    cost: float,
) -> LinearModel:
    """Fit on the training clips of a fold.

    Args:
        fitted_on: functionals that means and scales come from, shape (clips, functionals).
        fitted_corpora: corpus of each of these clips.
        values: functionals to learn from, of the same clips and of copies of them.
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
    empty = np.zeros((classes, values.shape[1]), dtype=np.float32)
    model = LinearModel(mean, scale, empty, empty[:, 0])
    regression = LogisticRegression(C=cost * len(fitted_on) / len(values), max_iter=_ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        inputs, basis = _rotated(model._standardised(values, corpora))
        regression.fit(inputs.astype(np.float32), targets)  # in half the time
    weight, bias = regression.coef_ @ basis.T, regression.intercept_
    if len(weight) == 1 and classes == 2:  # two classes have one row of weights
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    # it answers as if every emotion were as frequent as any other, as UAR counts them: Menon et al.
    # (2021), "Long-tail learning via logit adjustment", ICLR
    bias = bias - np.log(np.bincount(targets, minlength=classes) / len(targets))
    return LinearModel(mean, scale, weight.astype(np.float32), bias.astype(np.float32))


def _rotated(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Values by the axes that their clips span, and these axes, one a column.

    With an L2 penalty the weights lie in that span, whatever its axes: with fewer clips than
    functionals there is less to fit, to the same result.
    """
    if 2 * len(values) > values.shape[1]:
        return values, np.eye(values.shape[1])
    power, axes = np.linalg.eigh(values @ values.T)
    kept = power > 1e-9 * power[-1]
    length = np.sqrt(power[kept])
    return axes[:, kept] * length, values.T @ (axes[:, kept] / length)


def fit_fold(
    reader: Reader,
    clips: pd.DataFrame,
    emotions: Sequence[str],
    cost: float,
    columns: Sequence[str] | None = None,
) -> LinearModel:
    """Fit on the training clips of a fold, which `reader` guards, and on their copies.

    Args:
        emotions: the classes, in order.
        cost: as for `fit_linear`.
        columns: names of the functionals that are read; all of them by default.

    Raises:
        LeakError: if a clip is held out from training.
    """
    fitted_on = reader.functionals(clips, Purpose.STATISTICS, columns)
    values = reader.functionals(clips, Purpose.TRAIN, columns)
    copies = reader.copied_functionals(clips, columns)
    learned = pd.concat([clips, clips.loc[clips.index.repeat(len(copies) // len(clips))]])
    return fit_linear(
        fitted_on,
        clips["corpus"].tolist(),
        np.concatenate([values, copies]),
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
