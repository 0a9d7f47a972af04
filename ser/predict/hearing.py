"""What both parts of a model are shown of a clip.

torch is imported where it is used: `ser predict --onnx` does without it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ser.clips.audio import Float32, Int16
from ser.core.settings import Values
from ser.features.front_ends import FrontEnd, LogMel, Mfcc, build_front_end, extract
from ser.features.functionals import SETTINGS, describe
from ser.features.settings import Features, FrontEndSettings, load_features

if TYPE_CHECKING:
    from torch import Tensor

# what both parts are shown of shorter sounds is not defined
_SHORTEST = 800


@dataclass(frozen=True)
class Hearing:
    """The front end of a network, and functionals.

    Attributes:
        settings, front_end_settings: by which they were built.
    """

    settings: Features
    front_end_settings: FrontEndSettings
    front_end: FrontEnd
    spectra: Mfcc

    @classmethod
    def build(cls, settings: Features, front_end: FrontEndSettings) -> "Hearing":
        """As features were made of the clips that trained."""
        return cls(
            settings,
            front_end,
            build_front_end(settings, front_end),
            # the spectra that functionals are taken of
            Mfcc(LogMel.build(SETTINGS), SETTINGS.n_mfcc),
        )

    @classmethod
    def of(cls, values: Values) -> "Hearing":
        """As parameters say."""
        return cls.build(*load_features(values))

    def features(self, samples: Int16) -> "Tensor":
        """What the network sees of a clip before normalisation, shape (rows, bands)."""
        import torch

        return torch.from_numpy(self.rows(samples))

    def rows(self, samples: Int16) -> Float32:
        """The same as an array."""
        found = extract(long_enough(samples), self.front_end, self.settings)
        return found.astype(np.float32)

    def functionals(self, samples: Int16) -> npt.NDArray[np.float64]:
        """What the linear part sees of it, shape (functionals,); to the precision of the store."""
        values = describe(long_enough(samples), self.spectra)
        return np.array(list(values.values()), np.float32).astype(np.float64)


def long_enough(samples: Int16) -> Int16:
    """Samples, with silence behind them if they are fewer than a sound has."""
    return np.pad(samples, (0, max(0, _SHORTEST - len(samples))))
