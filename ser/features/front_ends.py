"""Front ends: what the network sees of a clip, computed on all cores into one pack a corpus."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.fft
import scipy.ndimage

from ser.clips.audio import (
    INT16_SCALE,
    SAMPLE_RATE_HZ,
    Float32,
    Int16,
    pcm_sha256,
    read_canonical,
    trim_bounds,
)
from ser.clips.listing import ClipFiles, Texts
from ser.core.errors import SerError
from ser.core.files import whole_folder, write_rows
from ser.core.processes import stream
from ser.features.encoders import Encoder
from ser.features.filters import hann, mel_filters
from ser.features.settings import (
    ENCODER_LAYERS,
    EncoderSettings,
    Features,
    FrontEndSettings,
    LogMelSettings,
    MeanMfccSettings,
    MfccSettings,
    WaveformSettings,
)
from ser.store.copies import pack_path, read_copies
from ser.store.features import INDEX, INDEX_COLUMNS, PACK, Layout, write_layout
from ser.store.packs import Pack, packing

# 1e-10 of full-scale power: below the quantisation noise of 16 bits
_LOG_FLOOR = 1e-10
# the fixed values of PCEN are for sound of 32-bit integers (docs of librosa.pcen)
_PCEN_SCALE = 2.0**31
_PCEN_SMOOTHING_S = 0.4
_PCEN_GAIN, _PCEN_BIAS, _PCEN_FLOOR = 0.98, 2.0, 1e-6
_NATS_PER_DB = np.log(10) / 10
# what librosa takes where nothing is said: 2,048 samples every 512
_LIBROSA = LogMelSettings(
    window_ms=128.0,
    hop_ms=32.0,
    n_fft=2048,
    n_mels=128,
    fmin_hz=0.0,
    fmax_hz=8000.0,
    top_db=80.0,
)

FrontEnd = Callable[[Float32], npt.NDArray[Any]]


@dataclass(frozen=True)
class LogMel:
    """Log-mel spectrogram: Hann window, Slaney mel filters, natural logarithm of the power.

    The same numbers as `log(librosa.feature.melspectrogram(...) + 1e-10)` with centred frames, cut
    off `top_db` below the clip's maximum as in `librosa.power_to_db`; window and filters are built
    once.
    """

    window: Float32
    filters: Float32
    n_fft: int
    hop: int
    top_db: float

    @classmethod
    def build(cls, settings: LogMelSettings) -> "LogMel":
        """Build window and filters, shapes (n_fft,) and (n_fft / 2 + 1, n_mels)."""
        length = round(settings.window_ms * SAMPLE_RATE_HZ / 1000)
        window = np.zeros(settings.n_fft, dtype=np.float32)
        offset = (settings.n_fft - length) // 2
        window[offset : offset + length] = hann(length)
        filters = mel_filters(settings.n_fft, settings.n_mels, settings.fmin_hz, settings.fmax_hz)
        hop = round(settings.hop_ms * SAMPLE_RATE_HZ / 1000)
        transposed = np.ascontiguousarray(filters.T, dtype=np.float32)
        return cls(window, transposed, settings.n_fft, hop, settings.top_db)

    def __call__(self, samples: Float32) -> Float32:
        """Shape (frames,) at 16 kHz to shape (1 + frames / hop, n_mels)."""
        log_mel: Float32 = np.log(self.power(samples) + np.float32(_LOG_FLOOR))
        return np.maximum(log_mel, log_mel.max() - np.float32(self.top_db * _NATS_PER_DB))

    def power(self, samples: Float32) -> Float32:
        """Power in each band, of the same shapes, before the logarithm."""
        padded = np.pad(samples, self.n_fft // 2)
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft)[:: self.hop]
        spectrum = scipy.fft.rfft(frames * self.window, axis=1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        bands: Float32 = power @ self.filters
        return bands


@dataclass(frozen=True)
class Mfcc:
    """Mel-frequency cepstral coefficients with first and second differences over time.

    Davis & Mermelstein (1980), IEEE Trans. ASSP 28(4): 357-366; differences over nine frames.
    """

    log_mel: LogMel
    n_mfcc: int

    def __call__(self, samples: Float32) -> Float32:
        """Shape (frames,) at 16 kHz to shape (1 + frames / hop, 3 x n_mfcc)."""
        return self.of_log_mel(self.log_mel(samples))

    def of_log_mel(self, log_mel: Float32) -> Float32:
        """The same of a spectrogram that was already made, shape (rows, n_mels)."""
        cepstrum = scipy.fft.dct(log_mel, axis=1, norm="ortho")[:, : self.n_mfcc]
        deltas = [_delta(cepstrum, order) for order in (1, 2)]
        return np.concatenate([cepstrum, *deltas], axis=1).astype(np.float32)


def _delta(values: Float32, order: int, width: int = 9) -> npt.NDArray[Any]:
    """Derivative of a polynomial fitted to the steps around each, as `librosa.feature.delta`.

    Savitzky & Golay (1964), Analytical Chemistry 36(8). Before its begin and after its end a clip
    is held: fitting its edges would take longer than all of the rest.
    """
    weights = _delta_weights(order, width)
    slopes: npt.NDArray[Any] = scipy.ndimage.correlate1d(values, weights, axis=0, mode="nearest")
    return slopes


@cache
def _delta_weights(order: int, width: int) -> npt.NDArray[np.float64]:
    places = np.arange(width) - width // 2
    powers = np.vander(places, order + 1, increasing=True)
    weights: npt.NDArray[np.float64] = np.linalg.pinv(powers)[order] * factorial(order)
    return weights


@dataclass(frozen=True)
class Pcen:
    """Mel power with per-channel energy normalisation: a gain that follows each band's own level.

    Wang et al. (2017), "Trainable frontend for robust and far-field keyword spotting", ICASSP, eq.
    1 and 2, with the fixed values of `librosa.pcen`. (librosa compiles itself for half a minute
    when that is called for the first time.)
    """

    log_mel: LogMel

    def __call__(self, samples: Float32) -> Float32:
        """Shape (frames,) at 16 kHz to shape (1 + frames / hop, n_mels)."""
        import scipy.signal  # where it is used: it takes half a second

        power = self.log_mel.power(samples).astype(np.float64) * _PCEN_SCALE
        steps = _PCEN_SMOOTHING_S * SAMPLE_RATE_HZ / self.log_mel.hop
        # a low-pass filter that falls to half its power at that time constant
        share = (np.sqrt(1 + 4 * steps**2) - 1) / (2 * steps**2)
        coefficients = [share], [1, share - 1]
        # as if each band had been at level 1 before the clip
        before = np.full((1, power.shape[1]), scipy.signal.lfilter_zi(*coefficients)[0])
        level, _ = scipy.signal.lfilter(*coefficients, power, axis=0, zi=before)
        even = power * (_PCEN_FLOOR + level) ** -_PCEN_GAIN
        return (np.sqrt(even + _PCEN_BIAS) - np.sqrt(_PCEN_BIAS)).astype(np.float32)


def _waveform(samples: Float32) -> Int16:
    """The samples themselves, shape (frames, 1), for models that learn their front end."""
    return np.rint(samples * INT16_SCALE).astype(np.int16)[:, np.newaxis]


@dataclass(frozen=True)
class MeanMfcc:
    """MFCCs averaged over the clip, with the settings of `librosa.feature.mfcc`, in decibels.

    Many public notebooks have them.
    """

    log_mel: LogMel
    n_mfcc: int

    def __call__(self, samples: Float32) -> Float32:
        """Shape (frames,) at 16 kHz to shape (1, n_mfcc)."""
        decibels = self.log_mel(samples) / np.float32(_NATS_PER_DB)
        cepstrum = scipy.fft.dct(decibels, axis=1, norm="ortho")[:, : self.n_mfcc]
        return cepstrum.mean(axis=0, keepdims=True).astype(np.float32)


def build_front_end(features: Features, settings: FrontEndSettings) -> FrontEnd:
    """The chosen front end, with its filters built or its weights fetched.

    Raises:
        SerError: if the weights of an encoder cannot be fetched or read.
    """
    if isinstance(settings, EncoderSettings):
        return Encoder.build(settings)
    if isinstance(settings, WaveformSettings):
        return _waveform
    if isinstance(settings, MeanMfccSettings):
        return MeanMfcc(LogMel.build(_LIBROSA), settings.n_mfcc)
    log_mel = LogMel.build(settings)
    if isinstance(settings, MfccSettings):
        return Mfcc(log_mel, settings.n_mfcc)
    return Pcen(log_mel) if features.front_end == "pcen" else log_mel


def describe_layout(features: Features, settings: FrontEndSettings, width: int) -> Layout:
    """What a row of features is, of which the front end gave `width` numbers."""
    name = features.front_end
    if isinstance(settings, EncoderSettings):
        layers = ENCODER_LAYERS[settings.name]
        return Layout(name, width, 1000 / settings.frame_ms, neighbours=False, layers=layers)
    if isinstance(settings, WaveformSettings):
        return Layout(
            name,
            settings.n_mels,
            float(SAMPLE_RATE_HZ),
            neighbours=True,
            window_ms=settings.window_ms,
            hop_ms=settings.hop_ms,
        )
    if isinstance(settings, MeanMfccSettings):
        return Layout(name, width, 0.0, neighbours=False)
    is_cepstrum = isinstance(settings, MfccSettings)
    return Layout(name, width, 1000 / settings.hop_ms, neighbours=not is_cepstrum)


def extract(samples: Int16, front_end: FrontEnd, settings: Features) -> npt.NDArray[Any]:
    """Features of one clip, shape (rows, width): 16-bit floats, or 16-bit samples.

    Half precision resolves 0.01 of a natural logarithm, far below what a retake changes.
    """
    signal: Float32 = samples.astype(np.float32) / np.float32(INT16_SCALE)
    start, stop = trim_bounds(signal, settings.trim_db)
    margin = round(settings.trim_margin_ms * SAMPLE_RATE_HZ / 1000)
    values = front_end(signal[max(0, start - margin) : stop + margin])
    return values if values.dtype == np.int16 else values.astype(np.float16)


@dataclass(frozen=True)
class _Item:
    """A clip's file with its hash, or (with a length) the place of a copy in a pack."""

    path: Path
    sha256: str
    start: int = 0
    length: int | None = None


class _Items(Sequence[_Item]):
    """All clips, then all copies; each made when it is asked for."""

    def __init__(self, clips: ClipFiles, copies: pd.DataFrame, augmented: Path) -> None:
        self._clips, self._augmented = clips, augmented
        self._sources, self._effects = Texts(copies["clip"]), Texts(copies["effect"])
        self._hashes = Texts(copies["pcm_sha256"])
        self._places = copies[["start", "length"]].to_numpy(np.int64)

    def __len__(self) -> int:
        return len(self._clips) + len(self._hashes)

    def __getitem__(self, number: Any) -> Any:
        """The item of a number from 0."""
        if number < len(self._clips):
            return _Item(*self._clips[number])
        copy = number - len(self._clips)
        start, length = self._places[copy].tolist()
        pack = pack_path(self._augmented, self._effects[copy])
        return _Item(pack, self._hashes[copy], start, length)

    def names(self) -> Iterator[tuple[str, str, str]]:
        """Item, source clip and effect of every one."""
        for clip in self._clips.clips:
            yield clip, clip, ""
        for clip, effect in zip(self._sources, self._effects, strict=True):
            yield f"{clip}+{effect}", clip, effect


def featurize_corpus(
    clips: ClipFiles,
    augmented: Path,
    out: Path,
    features: Features,
    settings: FrontEndSettings,
) -> None:
    """Write the features of all clips and copies, their index and their layout to `out`."""
    front_end = build_front_end(features, settings)
    # forked workers cannot use an accelerator that is open here
    here = isinstance(front_end, Encoder) and front_end.on_accelerator
    copies = read_copies(augmented)
    strange = set(copies["clip"]).difference(clips.clips)
    if strange:
        raise SerError(
            f"{copies.loc[copies['clip'].isin(strange), 'copy'].iloc[0]} is a copy of no clip of "
            f"{clips.corpus}; run `dvc repro`."
        )
    items = _Items(clips, copies, augmented)
    work = partial(_of_item, front_end=front_end, features=features)
    label = f"{clips.corpus.name}: features"
    with whole_folder(out) as aside:
        with (
            packing(aside / PACK) as pack,
            closing(stream(work, items, label, "clip", in_process=here)) as found,
        ):
            rows = (
                (*names, pack.add(values), len(values))
                for names, values in zip(items.names(), found, strict=True)
            )
            write_rows(aside / INDEX, INDEX_COLUMNS, rows)
        width = Pack(aside / PACK).width or 1
        write_layout(aside, describe_layout(features, settings, width))


def _of_item(item: _Item, front_end: FrontEnd, features: Features) -> npt.NDArray[Any]:
    if item.length is None:
        return extract(read_canonical(item.path, item.sha256), front_end, features)
    samples = _open_pack(item.path).rows(item.start, item.length)
    if pcm_sha256(samples) != item.sha256:
        raise SerError(f"{item.path} is not what its table of copies describes; run `dvc repro`.")
    return extract(samples, front_end, features)


@lru_cache
def _open_pack(path: Path) -> Pack:
    """A pack, opened once a worker."""
    return Pack(path)
