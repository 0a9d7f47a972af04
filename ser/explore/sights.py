"""What the page shows of a sound: its wave, its spectrogram, and what the model says of it."""

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf

from ser.clips.audio import INT16_SCALE, SAMPLE_RATE_HZ, Float32, Int16, pcm_sha256
from ser.features.front_ends import LogMel
from ser.predict.answers import Answer
from ser.predict.hearing import long_enough
from ser.predict.model import Predictor
from ser.predict.recogniser import ANYBODY, beginning
from ser.predict.speech import stretches
from ser.predict.trust import seconds

# what a wide screen can show
_PEAKS, _COLUMNS = 1000, 1200
# a window is as long as a word or two; they follow each other closely, unless the sound is long
WINDOW_S = 1.0
_STEP_S, _MOST_WINDOWS = 0.2, 80
_TICKS_HZ = (250, 500, 1000, 2000, 4000, 8000)
_DB_PER_NAT = 10 / np.log(10)


@dataclass(frozen=True)
class Spectrogram:
    """A log-mel spectrogram, as the model's front end makes it, for a canvas.

    Attributes:
        image: base64 of bytes, column by column (time), each from the lowest band to the highest;
            255 is the loudest point, 0 is `range_db` below it.
        ticks: frequencies in hertz, and how high each of them is, from 0 to 1.
    """

    image: str
    columns: int
    bands: int
    range_db: float
    ticks: list[tuple[int, float]]


@dataclass(frozen=True)
class Windows:
    """What the model says of every second, shape (windows, emotions).

    Attributes:
        centres: in seconds.
        width: in seconds.
        probabilities: calibrated; none where nobody speaks.
    """

    centres: list[float]
    width: float
    probabilities: list[list[float] | None]


@dataclass(frozen=True)
class Said:
    """The answer to a stretch of speech.

    Attributes:
        answer: as `ser predict --json` prints it.
        embedding: base64 of what the last layer sees, 32-bit floats.
    """

    answer: dict[str, Any]
    embedding: str


@dataclass(frozen=True)
class Sight:
    """All that is shown of a sound.

    Attributes:
        seconds: its length.
        clip: which one it is, if it is one of a corpus.
        sound: base64 of a WAV file with what the model heard: 16 kHz, mono.
        peaks: how far the wave reaches, from 0 to 1.
    """

    seconds: float
    clip: str | None
    emotions: tuple[str, ...]
    sound: str
    peaks: list[float]
    spectrogram: Spectrogram
    windows: Windows
    said: list[Said]


def look_at(model: Predictor, samples: Int16) -> Sight:
    """Everything about a sound.

    Args:
        samples: canonical, shape (frames,).
    """
    clip = model.known.get(beginning(pcm_sha256(samples)))
    answers = list(model.answers_of_blocks([samples]))
    honest = (model.without(clip) if clip else None) or model
    return Sight(
        seconds(samples),
        clip,
        model.emotions,
        _base64(wav(samples)),
        peaks(samples),
        spectrogram(model, samples),
        windows(honest, samples),
        [Said(answer.record, _embedding(model, samples, answer)) for answer in answers],
    )


def wav(samples: Int16) -> bytes:
    """A WAV file of canonical samples."""
    file = io.BytesIO()
    sf.write(file, samples, SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
    return file.getvalue()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def peaks(samples: Int16) -> list[float]:
    """How far the wave reaches in each of many parts, from 0 to 1."""
    parts = np.array_split(np.abs(samples.astype(np.int32)), min(_PEAKS, len(samples)))
    return [round(int(part.max()) / INT16_SCALE, 4) for part in parts]


def spectrogram(model: Predictor, samples: Int16) -> Spectrogram:
    """The log-mel spectrogram of all of it; what the network sees has silence cut off its ends.

    Where the model's own front end is another one, it is that of its functionals.
    """
    own = model.hearing.front_end
    front_end = own if isinstance(own, LogMel) else model.hearing.spectra.log_mel
    signal = long_enough(samples).astype(np.float32) / np.float32(INT16_SCALE)
    decibels = _narrow(front_end(signal)) * np.float32(_DB_PER_NAT)
    shown = np.clip(1 + (decibels - decibels.max()) / front_end.top_db, 0, 1)
    image = np.rint(255 * shown).astype(np.uint8)
    ticks = _ticks(front_end)
    columns, bands = image.shape
    return Spectrogram(_base64(image.tobytes()), columns, bands, front_end.top_db, ticks)


def _ticks(front_end: LogMel) -> list[tuple[int, float]]:
    """Frequencies with a mark, and how high they are between the lowest band and the highest."""
    filters = front_end.filters.astype(np.float64)
    bins = np.arange(len(filters)) * SAMPLE_RATE_HZ / front_end.n_fft
    weight = filters.sum(axis=0)
    filled = np.flatnonzero(weight)
    centres = (bins @ filters)[filled] / weight[filled]
    shown = [hz for hz in _TICKS_HZ if centres[0] <= hz <= 1.05 * centres[-1]]
    places = (np.interp(shown, centres, filled) + 0.5) / len(weight)
    return list(zip(shown, places.round(4).tolist(), strict=True))


def _narrow(rows: Float32) -> Float32:
    """The loudest of neighbouring rows, where there are more than are shown."""
    if len(rows) <= _COLUMNS:
        return rows
    begins = np.linspace(0, len(rows), _COLUMNS, endpoint=False).astype(int)
    narrowed: Float32 = np.maximum.reduceat(rows, begins, axis=0)
    return narrowed


def windows(model: Predictor, samples: Int16) -> Windows:
    """What a model says of each second in turn, where somebody speaks."""
    length = seconds(samples)
    step = max(_STEP_S, length / _MOST_WINDOWS)
    count = max(1, round(length / step))
    centres = [round((number + 0.5) * length / count, 4) for number in range(count)]
    speech = list(stretches([samples]))
    heard = [any(each.begin <= centre <= each.end for each in speech) for centre in centres]
    pieces = [
        _part(samples, centre - WINDOW_S / 2, centre + WINDOW_S / 2)
        for centre, is_speech in zip(centres, heard, strict=True)
        if is_speech
    ]
    said: npt.NDArray[np.float64] = np.zeros((0, len(model.emotions)))
    if pieces:
        said = model.probabilities(pieces, [ANYBODY] * len(pieces))[1]
    rows = iter(said.round(4).tolist())
    return Windows(centres, WINDOW_S, [next(rows) if is_speech else None for is_speech in heard])


def _part(samples: Int16, begin: float, end: float) -> Int16:
    low, high = (round(max(0.0, edge) * SAMPLE_RATE_HZ) for edge in (begin, end))
    return samples[low:high]


def _embedding(model: Predictor, samples: Int16, answer: Answer) -> str:
    embedding = model.embed(_part(samples, answer.begin, answer.end))
    return _base64(embedding.astype("<f4").tobytes())
