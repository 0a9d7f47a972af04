"""Whether a confidence of 70 % is right 70 times in 100, and one number that makes it so.

Guo, C. et al. (2017), "On calibration of modern neural networks", ICML.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser.evaluation.predictions import probability_columns

Float = npt.NDArray[np.floating]
Int = npt.NDArray[np.integer]

_TINY = 1e-12
# the temperature is sought between 1/e^3 and e^3
_WIDEST = 3.0
# weight of the prior, in nats per speaker
PRIOR = 1.0
# as in Guo et al.
BINS = 15


def soften(probabilities: Float, temperature: float | Float) -> npt.NDArray[np.float64]:
    """Probabilities at a temperature: above 1 less sure, below 1 surer; the order stays.

    Args:
        probabilities: shape (clips, classes), rows adding up to 1.
        temperature: one for all clips, or one for each, shape (clips,).
    """
    divisor = np.asarray(temperature, dtype=np.float64).reshape(-1, 1)
    scaled = np.log(np.maximum(probabilities.astype(np.float64), _TINY)) / divisor
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def fit_temperature(
    probabilities: Float,
    targets: Int,
    speakers: Sequence[str] | npt.NDArray[np.str_],
    prior: float = PRIOR,
) -> float:
    """The temperature at which clips are likeliest, drawn towards 1 where speakers are few.

    The negative log likelihood is averaged over speakers, since clips of one are not independent,
    and a normal prior on the logarithm of the temperature keeps one or two odd speakers from
    deciding. Its weight was chosen on validation speakers of RAVDESS: fitted on one of a fold's
    two, scored on the other (`python -m benchmarks.temperature`).

    Args:
        probabilities: of validation clips, shape (clips, classes).
        targets: their classes, shape (clips,).
        speakers: who speaks in each clip.
        prior: weight of the prior.
    """
    # imported where it is used: who predicts at a known temperature does without it
    from scipy.optimize import minimize_scalar

    names = np.asarray(speakers)
    clips_of = [names == name for name in sorted(set(names.tolist()))]

    def loss(log_temperature: float) -> float:
        softened = soften(probabilities, float(np.exp(log_temperature)))
        surprise = -np.log(np.maximum(softened[np.arange(len(targets)), targets], _TINY))
        likelihood = np.mean([surprise[clips].mean() for clips in clips_of])
        return float(likelihood + prior * log_temperature**2 / len(clips_of))

    best = minimize_scalar(loss, bounds=(-_WIDEST, _WIDEST), method="bounded")
    return float(np.exp(best.x))


def calibration_scores(predictions: pd.DataFrame) -> dict[str, float]:
    """How far confidences can be believed, over the answers of all seeds together.

    Keys: `ece`, the expected calibration error of the top answer (a fraction); `brier`, the Brier
    score over all classes (0 to 2; Brier, 1950, Monthly Weather Review 78); both also
    `_calibrated`, at the temperature of each answer's model; `temperature`, their mean over models.
    """
    table = reliability_table(predictions)
    columns = probability_columns(predictions)
    raw = predictions[columns].to_numpy(dtype=np.float64)
    temperatures = predictions["temperature"].to_numpy(dtype=np.float64)
    targets = ("p_" + predictions["emotion"]).map(columns.index).to_numpy()
    models = predictions.groupby(["fold", "seed"])["temperature"].first()
    return {
        "ece": expected_calibration_error(table, "raw"),
        "ece_calibrated": expected_calibration_error(table, "calibrated"),
        # rows read from a table add up to 1 only to its six decimals
        "brier": _brier(soften(raw, 1.0), targets),
        "brier_calibrated": _brier(soften(raw, temperatures), targets),
        "temperature": float(models.mean()),
    }


def _below_one(confidence: pd.Series) -> npt.NDArray[np.float64]:
    """Confidences with 1 in the last bin, and not in one of its own."""
    return np.minimum(confidence.to_numpy(dtype=np.float64), 1 - 1e-7)


def _brier(probabilities: Float, targets: Int) -> float:
    truth = np.eye(probabilities.shape[1])[targets]
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def reliability_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row for each kind of answer (raw, calibrated) and bin of confidence that has clips.

    Columns: `kind`; `bin`, from 1 to 15, of equal width; `clips`, summed over seeds; their mean
    `confidence` and their `accuracy`, in percent.
    """
    right = predictions["emotion"] == predictions["predicted"]
    tables = []
    for kind, column in (("raw", "confidence"), ("calibrated", "calibrated")):
        confidence = predictions[column].astype(float)
        answers = pd.DataFrame(
            {
                "bin": np.floor(BINS * _below_one(confidence)).astype(int) + 1,
                "confidence": 100 * confidence,
                "right": 100.0 * right,
            }
        )
        grouped = answers.groupby("bin", as_index=False)
        rows = grouped.agg(
            clips=("right", "size"), confidence=("confidence", "mean"), accuracy=("right", "mean")
        )
        tables.append(rows.assign(kind=kind))
    table = pd.concat(tables, ignore_index=True)
    return table[["kind", "bin", "clips", "confidence", "accuracy"]]


def expected_calibration_error(table: pd.DataFrame, kind: str) -> float:
    """ECE (Naeini et al., 2015, AAAI), a fraction: mean gap of confidence and accuracy over clips.

    Args:
        table: as `reliability_table` gives it.
        kind: of answers: raw or calibrated.
    """
    rows = table[table["kind"] == kind]
    gap = (rows["confidence"] - rows["accuracy"]).abs()
    return float((gap * rows["clips"]).sum() / rows["clips"].sum() / 100)
