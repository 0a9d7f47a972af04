"""Statistics of each clip: what a classifier without a network sees.

Functionals of contours are how emotion was recognised before networks (Schuller et al., 2009, "The
Interspeech 2009 Emotion Challenge"). Their settings are fixed here and not in `params.yaml`, so
that no experiment with the network moves the floor it stands on.
"""

from contextlib import closing
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.fft

from ser.clips.audio import INT16_SCALE, SAMPLE_RATE_HZ, Float32, Int16, read_canonical, trim_bounds
from ser.clips.listing import ClipFiles
from ser.core.errors import SerError
from ser.core.files import whole_folder, write_csv, write_rows
from ser.core.processes import stream
from ser.features.filters import hann
from ser.features.front_ends import LogMel, Mfcc
from ser.features.settings import FunctionalsSettings, MfccSettings
from ser.store.functionals import CLIPS, COPIES, COVARIANCE, NAMES, PACK
from ser.store.packs import packing

SETTINGS = MfccSettings(
    window_ms=32.0,
    hop_ms=10.0,
    n_fft=512,
    n_mels=40,
    fmin_hz=50.0,
    fmax_hz=8000.0,
    n_mfcc=20,
    top_db=80.0,
)
_TRIM_DB = 35.0
_FRAME = 400
# pitch: windows of three periods of a low voice, and the range of acted speech
_PITCH_WINDOW = 640
_PITCH_HOP = 320
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 500.0
# a lag twice as long is as periodic; this much of a preference for the shorter keeps the octave
_OCTAVE_COST = 0.01
# a frame with less of its power in periods than this has no pitch
_VOICED = 0.5
# quieter than one step of 16 bits: nothing is lost, and silence has a level
_QUIETEST = 1e-5
# covariance of cepstra: of finer bands in longer frames, and with a little of what lies around
# speech (60 ms, in samples); the deltas weighted to be of about one size,
# and enough added to the diagonal that silence has a logarithm
_COVARIANCE_SETTINGS = SETTINGS.model_copy(
    update={"window_ms": 40.0, "hop_ms": 20.0, "n_fft": 1024, "n_mels": 64}
)
_COVARIANCE_MARGIN = 960
_COVARIANCE_CEPSTRA = 16
_DELTA_WEIGHTS = (1.0, 2.0, 4.0)
# the second matrix, of slower changes: each step less the one 200 ms before it, at its middle
_SLOW_STEPS = 5
_RIDGE = 0.05
_PERCENTILES = (5, 25, 50, 75, 95)
_STATISTICS = ("mean", "deviation", "skewness", "kurtosis", *(f"p{p}" for p in _PERCENTILES))

# quoted from the LICENSE that opensmile 2.6.0 carries
EGEMAPS_LICENCE = (
    "openSMILE, (c) audEERING GmbH, is under the audEERING Research License Agreement (LICENSE in "
    'the opensmile package): "You may NOT use or distribute this Software or any derivative works '
    'in any form for commercial purposes, except those outlined in (B)", which names commercial '
    "research for publication and pre-product evaluation."
)


def describe(samples: Int16, spectra: Mfcc) -> dict[str, float]:
    """Functionals of one canonical clip, by name.

    `duration.*` in seconds, `loudness.*` of the level in dB of full scale, `pitch.*` in semitones
    above 100 Hz; `covariance.*` how cepstra vary together; all but `duration.*` and
    `loudness.peak` of the part that is not silence.
    """
    signal: Float32 = samples.astype(np.float32) / np.float32(INT16_SCALE)
    start, stop = trim_bounds(signal, _TRIM_DB)
    speech = signal[start:stop]
    log_mel = spectra.log_mel(speech)
    level_db = _level(speech)
    contours = {
        "log_mel": log_mel,
        "log_mel_change": np.diff(log_mel, axis=0, prepend=log_mel[:1]),
        "mfcc": spectra.of_log_mel(log_mel),
        "spectrum": _shape(log_mel),
    }
    values = {
        "duration.clip_s": len(signal) / SAMPLE_RATE_HZ,
        "duration.speech_s": len(speech) / SAMPLE_RATE_HZ,
        "duration.before_s": start / SAMPLE_RATE_HZ,
        "duration.after_s": (len(signal) - stop) / SAMPLE_RATE_HZ,
        "loudness.slope": _slope(level_db),
        "loudness.range": float(np.ptp(level_db)),
        "loudness.peak": float(20 * np.log10(np.abs(signal).max(initial=0.0) + _QUIETEST)),
        **_statistics("loudness", level_db[:, np.newaxis]),
        **_statistics("loudness_change", np.diff(level_db, prepend=level_db[:1])[:, np.newaxis]),
    }
    for name, contour in contours.items():
        values |= _statistics(name, contour)
    around = signal[max(0, start - _COVARIANCE_MARGIN) : stop + _COVARIANCE_MARGIN]
    return values | _voice(speech) | _covariance(around)


def _level(signal: Float32) -> Float32:
    """Level of frames of 25 ms, in dB of full scale, shape (frames,)."""
    padded = np.pad(signal, (0, -len(signal) % _FRAME))
    power = np.square(padded.reshape(-1, _FRAME)).mean(axis=1)
    return (10 * np.log10(power + _QUIETEST**2)).astype(np.float32)


def _slope(contour: Float32) -> float:
    """Change from beginning to end of the straight line through a contour."""
    place = np.linspace(-0.5, 0.5, len(contour))
    return float((place * contour).sum() / max(float(np.square(place).sum()), 1e-9))


def _shape(log_mel: Float32) -> Float32:
    """Centroid, spread and flux of the mel spectrum, shape (frames, 3)."""
    power = np.exp(log_mel)
    share = power / power.sum(axis=1, keepdims=True)
    band = np.arange(log_mel.shape[1])
    centroid = share @ band
    spread_ = np.sqrt((share * np.square(band - centroid[:, np.newaxis])).sum(axis=1))
    flux = np.abs(np.diff(share, axis=0, prepend=share[:1])).sum(axis=1)
    return np.stack([centroid, spread_, flux], axis=1).astype(np.float32)


def _voice(speech: Float32) -> dict[str, float]:
    """Statistics of pitch in semitones above 100 Hz where there is one, and of periodicity."""
    semitones, periodicity = _pitch(speech)
    voiced = periodicity > _VOICED
    steps = np.diff(semitones)[voiced[1:] & voiced[:-1]]
    # without any voice the contour is one zero: 100 Hz that does not move
    still = np.zeros(1, dtype=np.float32)
    heights, steps = (part if part.size else still for part in (semitones[voiced], steps))
    return {
        **_statistics("pitch", heights[:, np.newaxis]),
        **_statistics("pitch_change", steps[:, np.newaxis]),
        **_statistics("periodicity", periodicity[:, np.newaxis]),
        "pitch.slope": _slope(heights),
        "periodicity.voiced": float(voiced.mean()),
    }


def _pitch(speech: Float32) -> tuple[Float32, Float32]:
    """Pitch in semitones above 100 Hz and periodicity (0 to 1), each of shape (frames,).

    The highest peak of the autocorrelation divided by that of the window: Boersma (1993), "Accurate
    short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled
    sound", Proc. Institute of Phonetic Sciences 17, 97-110; without his search for a path.
    """
    window = hann(_PITCH_WINDOW).astype(np.float32)
    padded = np.pad(speech, _PITCH_WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _PITCH_WINDOW)[::_PITCH_HOP]
    own = _autocorrelation((frames - frames.mean(axis=1, keepdims=True)) * window)
    ideal = _autocorrelation(window)
    lags = np.arange(int(SAMPLE_RATE_HZ / _HIGHEST_HZ), int(SAMPLE_RATE_HZ / _LOWEST_HZ) + 1)
    power = np.maximum(own[:, :1], _QUIETEST**2)
    strength = own[:, lags] / power * (ideal[0] / ideal[lags])
    best = (strength - _OCTAVE_COST * np.log2(lags)).argmax(axis=1)
    periodicity = np.clip(strength[np.arange(len(best)), best], 0.0, 1.0)
    hertz = SAMPLE_RATE_HZ / lags[best]
    return (12 * np.log2(hertz / 100)).astype(np.float32), periodicity.astype(np.float32)


def _autocorrelation(frames: Float32) -> Float32:
    """Autocorrelation along the last axis, at lags from 0 to half its length."""
    length = frames.shape[-1]
    # what wraps around reaches longer lags only
    spectrum = scipy.fft.rfft(frames, length + length // 2, axis=-1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return scipy.fft.irfft(power, axis=-1)[..., : length // 2]


@cache
def _covariance_spectra() -> LogMel:
    """Its spectrogram, built once a worker."""
    return LogMel.build(_COVARIANCE_SETTINGS)


def _covariance(signal: Float32) -> dict[str, float]:
    """Logarithms of covariance matrices of cepstra: with fast changes, and with slow ones.

    Covariance matrices lie on a curved space; their matrix logarithm lies in a flat one, where a
    linear classifier may work: Arsigny et al. (2006), "Log-Euclidean metrics for fast and simple
    calculus on diffusion tensors", Magnetic Resonance in Medicine 56(2). Entries off the diagonal
    count twice, hence the root of two.
    """
    log_mel = _covariance_spectra()(signal).astype(np.float64)
    cepstra = scipy.fft.dct(log_mel, axis=1, norm="ortho")
    contour = cepstra[:, :_COVARIANCE_CEPSTRA]
    # a clip of one or two frames is repeated until it has differences
    contour = np.pad(contour, ((0, max(0, 3 - len(contour))), (0, 0)), mode="edge")
    change = np.gradient(contour, axis=0)
    parts = (contour, change, np.gradient(change, axis=0))
    joint = np.concatenate([w * part for w, part in zip(_DELTA_WEIGHTS, parts, strict=True)], 1)
    held = np.pad(contour, ((_SLOW_STEPS, _SLOW_STEPS), (0, 0)), mode="edge")
    slow = np.concatenate([contour, held[2 * _SLOW_STEPS :] - held[: -2 * _SLOW_STEPS]], 1)
    return _log_covariance(COVARIANCE, joint) | _log_covariance(f"{COVARIANCE}slow.", slow)


def _log_covariance(name: str, joint: npt.NDArray[np.float64]) -> dict[str, float]:
    """Entries of the logarithm of the covariance matrix of a contour's columns."""
    size = joint.shape[1]
    variances, axes = np.linalg.eigh(np.cov(joint.T) + _RIDGE * np.eye(size))
    logarithm = (axes * np.log(np.maximum(variances, _RIDGE / 2))) @ axes.T
    rows, columns = np.triu_indices(size)
    values = logarithm[rows, columns] * np.where(rows == columns, 1.0, np.sqrt(2.0))
    return dict(zip(_covariance_names(name, size), values.tolist(), strict=True))


@cache
def _covariance_names(name: str, size: int) -> list[str]:
    """Names of the entries of a symmetric matrix, row by row from its diagonal."""
    pairs = zip(*np.triu_indices(size), strict=True)
    return [f"{name}{row}.{column}" for row, column in pairs]


def _statistics(name: str, contour: Float32) -> dict[str, float]:
    """Statistics over time of every column of a contour of shape (frames, columns)."""
    wide = contour.astype(np.float64)
    mean, deviation = wide.mean(axis=0), wide.std(axis=0)
    # the higher moments of a column that does not move are not defined, and given as zero
    moving = deviation > 1e-6
    scaled = (wide - mean) / np.where(moving, deviation, 1.0) * moving
    squared = np.square(scaled)
    skewness, kurtosis = (squared * scaled).mean(axis=0), np.square(squared).mean(axis=0)
    moments = [skewness, kurtosis - 3.0 * moving]
    percentiles = _percentiles(contour)
    values = np.concatenate([mean, deviation, *moments, *percentiles])
    return dict(zip(_statistics_names(name, wide.shape[1]), values.tolist(), strict=True))


def _percentiles(contour: Float32) -> npt.NDArray[np.float64]:
    """As `numpy.percentile` of every column, but faster; shape (percentiles, columns)."""
    ordered = np.sort(np.ascontiguousarray(contour.T), axis=1).T.astype(np.float64)
    place = np.array(_PERCENTILES) / 100 * (len(contour) - 1)
    low = place.astype(int)
    above = ordered[np.minimum(low + 1, len(contour) - 1)]
    return ordered[low] + (place - low)[:, np.newaxis] * (above - ordered[low])


@cache
def _statistics_names(name: str, columns: int) -> list[str]:
    """Names of the statistics of a contour: of all its columns, statistic by statistic."""
    places = range(columns)
    return [f"{name}.{column}.{statistic}" for statistic in _STATISTICS for column in places]


def write_functionals(files: ClipFiles, out: Path, settings: FunctionalsSettings) -> None:
    """Write the functionals of a built corpus to `out`, and those of copies at other speeds.

    Raises:
        SerError: if openSMILE is asked for and not installed.
    """
    if settings.kind == "egemaps":
        _load_opensmile()
        print(EGEMAPS_LICENCE)
    spectra = Mfcc(LogMel.build(SETTINGS), SETTINGS.n_mfcc)
    work = partial(_of_file, spectra=spectra, settings=settings)
    label = f"{files.corpus.name}: functionals"
    with (
        whole_folder(out) as aside,
        packing(aside / PACK) as clips,
        packing(aside / COPIES) as copies,
        closing(stream(work, files, label, "clip")) as found,
    ):
        for answer in found:
            names, values = answer
            clips.add(values[:1])
            copies.add(values[1:])
        write_rows(aside / CLIPS, ["clip"], ([clip] for clip in files.clips))
        write_csv(aside / NAMES, pd.DataFrame({"name": names}))


def _of_file(
    file: tuple[Path, str], spectra: Mfcc, settings: FunctionalsSettings
) -> tuple[list[str], Float32]:
    """Names of functionals, and their values for a clip and each copy of it, one a row."""
    samples = read_canonical(*file)
    copies = [at_speed(samples, speed) for speed in settings.speeds]
    rows = [_of_samples(sound, spectra, settings.kind) for sound in (samples, *copies)]
    return list(rows[0]), np.array([list(row.values()) for row in rows], dtype=np.float32)


def at_speed(samples: Int16, speed: float) -> Int16:
    """A clip played faster or slower: tempo, pitch and resonances change together.

    To a linear classifier it is another speaker: Ko et al. (2015), "Audio augmentation for speech
    recognition", Interspeech.
    """
    # imported where it is used: a clip that is predicted has no copies
    import soxr

    played = soxr.resample(samples.astype(np.float32), SAMPLE_RATE_HZ * speed, SAMPLE_RATE_HZ)
    return np.clip(np.rint(played), -INT16_SCALE, INT16_SCALE - 1).astype(np.int16)


def _of_samples(samples: Int16, spectra: Mfcc, kind: str) -> dict[str, float]:
    values = describe(samples, spectra)
    if kind == "own":
        return values
    simple = {name: value for name, value in values.items() if name.startswith(("dur", "loud"))}
    return simple | _egemaps(samples)


def _egemaps(samples: Int16) -> dict[str, float]:
    """The 88 functionals of eGeMAPSv02 (Eyben et al., 2016, IEEE Trans. Affective Computing)."""
    smile = _build_smile(_load_opensmile())
    signal = samples.astype(np.float32) / np.float32(INT16_SCALE)
    row = smile.process_signal(signal, SAMPLE_RATE_HZ).iloc[0]
    return {f"egemaps.{name}": float(value) for name, value in row.items()}


@cache
def _build_smile(opensmile: ModuleType) -> Any:
    """The extractor, built once a worker."""
    return opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
    )


def _load_opensmile() -> ModuleType:
    try:
        import opensmile
    except ImportError:
        raise SerError(
            "functionals.kind is egemaps, which needs openSMILE; run "
            "`pip install -r requirements-opensmile.in` or choose own in params.yaml."
        ) from None
    return opensmile
