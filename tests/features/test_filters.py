"""Windows and filters are those of scipy and librosa, to the last bit."""

import librosa
import numpy as np
import scipy.signal

from ser.clips.audio import SAMPLE_RATE_HZ
from ser.features.filters import hann, mel_filters
from tests.conftest import case


def test_windows_are_those_of_scipy() -> None:
    for length in (16, 400, 512, 640, 1024, 2048):
        with case(length):
            assert np.array_equal(hann(length), scipy.signal.get_window("hann", length))


def test_filters_are_those_of_librosa() -> None:
    for n_fft, n_mels, fmin, fmax in (
        (512, 40, 50.0, 8000.0),
        (1024, 64, 50.0, 8000.0),
        (1024, 128, 50.0, 8000.0),
        (2048, 128, 0.0, 8000.0),
        (2048, 20, 1200.0, 6000.5),
    ):
        with case(n_fft, n_mels, fmin, fmax):
            expected = librosa.filters.mel(
                sr=SAMPLE_RATE_HZ, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax
            )
            found = mel_filters(n_fft, n_mels, fmin, fmax)
            assert found.dtype == expected.dtype
            assert np.array_equal(found, expected)
