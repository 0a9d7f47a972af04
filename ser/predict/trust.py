"""When not to believe an answer, by what was heard and by how sure the model is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ser.clips.audio import INT16_SCALE, SAMPLE_RATE_HZ, Int16
from ser.predict.answers import CLIPPED, QUIET, SHORT, UNLIKE, UNSURE
from ser.predict.speech import Stretch

Float = npt.NDArray[np.floating]

# peak of a stretch, in dB of full scale: one in a thousand clips of the training corpora is quieter
QUIETEST_DB = -45.0
# share of samples at full scale; ten times what any of those clips has
MOST_CLIPPED = 0.001
_FULL_SCALE = 32_700
# none of those clips has less speech, in seconds, or not much less
SHORTEST_S = 0.8
# a standardised functional counts as this far out at the most: one alone must not decide
_FURTHEST = 8.0


@dataclass(frozen=True)
class Trust:
    """Thresholds, which were chosen on speakers that were held out from training.

    Attributes:
        unsure: confidence below which an answer is flagged.
        unlike: distance from the training clips above which one is.
        mean, scale: functionals of the training clips, shape (functionals,).
    """

    unsure: float
    unlike: float
    mean: Float
    scale: Float

    def warnings(
        self, stretch: Stretch, functionals: Float, confidence: float, spoken: bool = True
    ) -> list[str]:
        """What is to be said beside an answer.

        Args:
            functionals: of the stretch, shape (functionals,).
            spoken: whether it has speech; how long it is means nothing otherwise.
        """
        found = {
            SHORT: spoken and stretch.end - stretch.begin < SHORTEST_S,
            QUIET: peak_db(stretch.samples) < QUIETEST_DB,
            CLIPPED: share_clipped(stretch.samples) > MOST_CLIPPED,
            UNLIKE: float(distance(functionals[np.newaxis], self.mean, self.scale)[0])
            > self.unlike,
            UNSURE: confidence < self.unsure,
        }
        return [name for name, holds in found.items() if holds]


def distance(functionals: Float, mean: Float, scale: Float) -> Float:
    """How far clips lie from the training clips: root mean square of standardised functionals.

    Args:
        functionals: shape (clips, functionals).
        mean, scale: of the training clips, shape (functionals,).

    Returns:
        Shape (clips,); about 1 for clips such as those.
    """
    scaled = np.clip((functionals - mean) / scale, -_FURTHEST, _FURTHEST)
    return np.sqrt(np.square(scaled).mean(axis=1))


def peak_db(samples: Int16) -> float:
    """Highest level in dB of full scale."""
    highest = np.abs(samples.astype(np.int32)).max(initial=0)
    return float(20 * np.log10(max(highest, 0.5) / INT16_SCALE))


def share_clipped(samples: Int16) -> float:
    """Share of samples at full scale."""
    return float(np.mean(np.abs(samples.astype(np.int32)) >= _FULL_SCALE)) if len(samples) else 0.0


def least_confidence(confidence: Float, right: Sequence[bool], accuracy: float) -> float:
    """The lowest threshold above which so large a share of answers is right; 1 if there is none.

    Args:
        confidence, right: of answers to speakers that were held out, shape (answers,).
        accuracy: the share that is wanted, from 0 to 1.
    """
    order = np.argsort(-np.asarray(confidence), kind="stable")
    share = np.cumsum(np.asarray(right)[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(share >= accuracy)
    return float(np.asarray(confidence)[order][enough[-1]]) if len(enough) else 1.0


def seconds(samples: Int16) -> float:
    """Length of canonical samples."""
    return len(samples) / SAMPLE_RATE_HZ
