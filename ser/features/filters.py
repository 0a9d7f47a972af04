"""Windows and filters of spectra, by numpy alone: a program that answers one clip starts with them.

The same numbers, to the last bit, as `scipy.signal.get_window` and `librosa.filters.mel`, whose
imports take longer than all of the answer.
"""

import numpy as np
import numpy.typing as npt

from ser.clips.audio import SAMPLE_RATE_HZ, Float32

# Slaney (1998), "Auditory Toolbox", Interval Research Corporation: linear below 1 kHz, logarithmic
# above
_MEL_HZ, _KNEE_HZ = 200.0 / 3, 1000.0
_KNEE_MEL, _LOG_STEP = _KNEE_HZ / _MEL_HZ, np.log(6.4) / 27.0

Float64 = npt.NDArray[np.float64]


def hann(length: int) -> Float64:
    """A periodic Hann window, shape (length,)."""
    window: Float64 = 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, length + 1))[:-1]
    return window


def mel_filters(n_fft: int, n_mels: int, fmin_hz: float, fmax_hz: float) -> Float32:
    """Triangular filters of equal area on the mel scale, shape (n_mels, 1 + n_fft / 2)."""
    low, high = _mel(np.array([fmin_hz, fmax_hz])).tolist()
    edges = _hertz(np.linspace(low, high, n_mels + 2))
    bins = np.fft.rfftfreq(n_fft, 1.0 / SAMPLE_RATE_HZ)
    width = np.diff(edges)[:, np.newaxis]
    ramps = np.subtract.outer(edges, bins)
    rising, falling = -ramps[:-2] / width[:-1], ramps[2:] / width[1:]
    filters = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    filters *= (2.0 / (edges[2:] - edges[:-2]))[:, np.newaxis]
    return filters


def _mel(hertz: Float64) -> Float64:
    above = hertz >= _KNEE_HZ
    mel = hertz / _MEL_HZ
    mel[above] = _KNEE_MEL + np.log(hertz[above] / _KNEE_HZ) / _LOG_STEP
    return mel


def _hertz(mel: Float64) -> Float64:
    above = mel >= _KNEE_MEL
    hertz = _MEL_HZ * mel
    hertz[above] = _KNEE_HZ * np.exp(_LOG_STEP * (mel[above] - _KNEE_MEL))
    return hertz
