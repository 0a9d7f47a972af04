"""Where somebody speaks: a recording, block by block, becomes stretches of speech.

Speech is found by Silero VAD (Silero Team, 2021-2026, MIT licence), a small recurrent network that
the package silero-vad carries; it gives a probability for every 32 ms.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from ser.clips.audio import INT16_SCALE, SAMPLE_RATE_HZ, Float32, Int16
from ser.core.errors import SerError

# samples of a frame, and of the one before that it is shown
FRAME, _CONTEXT = 512, 64
# frames that are given to the network at once, at most
_AT_ONCE = 128
# speech begins above the first and ends below the second, as the authors of Silero VAD have it
_BEGINS, _ENDS = 0.5, 0.35
# a pause, in seconds, that ends a stretch, and the least speech that is one
_PAUSE_S, _LEAST_S = 0.5, 0.1
# what is kept around speech
MARGIN_S = 0.2
# a stretch is cut here, wherever it is, so that memory does not grow
_LONGEST_S = 60.0
# a stretch longer than the first is answered in parts of about the second, each heard with this
# much of what is around it
WINDOW_S, PART_S, AROUND_S = 6.0, 4.0, 1.0


@dataclass(frozen=True)
class Stretch:
    """Speech, or a part of it.

    Attributes:
        begin, end: in seconds from the beginning of the recording.
        samples: canonical, with a little of what is around it.
    """

    begin: float
    end: float
    samples: Int16


class Detector:
    """How likely somebody speaks, frame by frame; it remembers what it has heard.

    Raises:
        SerError: if silero-vad is not installed.
    """

    def __init__(self) -> None:
        self._session = _session()
        self._hidden = self._cell = np.zeros((1, 1, 128), np.float32)
        self._before: Float32 = np.zeros(_CONTEXT, np.float32)

    def __call__(self, samples: Int16) -> Float32:
        """Probability of speech of whole frames, shape (samples / FRAME,)."""
        if not len(samples):
            return np.zeros(0, np.float32)
        signal = samples.astype(np.float32) / np.float32(INT16_SCALE)
        heard = np.concatenate([self._before, signal])
        frames = np.lib.stride_tricks.sliding_window_view(heard, FRAME + _CONTEXT)[::FRAME]
        self._before = heard[-_CONTEXT:]
        found = []
        for begin in range(0, len(frames), _AT_ONCE):
            given = {
                "input": np.ascontiguousarray(frames[begin : begin + _AT_ONCE]),
                "h": self._hidden,
                "c": self._cell,
            }
            names = ["speech_probs", "hn", "cn"]
            probabilities, self._hidden, self._cell = self._session.run(names, given)
            found.append(probabilities.ravel())
        return np.concatenate(found)


@cache
def _session() -> Any:
    """The network, loaded once; silero_vad itself is not imported, for it imports torch."""
    found = find_spec("silero_vad")
    if found is None or not found.submodule_search_locations:
        raise SerError("Speech is found by silero-vad, which is not installed: install it.")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = Path(found.submodule_search_locations[0]) / "data/silero_vad_16k_sequence.onnx"
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@dataclass
class _Ear:
    """What has been heard and is not yet given away.

    Attributes:
        samples: the end of what was heard; the first of them is sample `origin`.
        start, last: frames in which the present speech began, and in which it was last heard.
        given: where the last stretch ended, in samples.
    """

    samples: Int16 = field(default_factory=lambda: np.zeros(0, np.int16))
    origin: int = 0
    start: int | None = None
    last: int = 0
    given: int = 0

    def take(self) -> Iterator[Stretch]:
        """The present speech, unless it is too short for any."""
        start, self.start = self.start, None
        if start is None or (self.last + 1 - start) * FRAME < _LEAST_S * SAMPLE_RATE_HZ:
            return
        margin = round(MARGIN_S * SAMPLE_RATE_HZ)
        begin = max(self.given, start * FRAME - margin)
        end = min(self.origin + len(self.samples), (self.last + 1) * FRAME + margin)
        self.given = end
        yield from self._parts(begin, end)

    def _parts(self, begin: int, end: int) -> Iterator[Stretch]:
        """A stretch by itself, or in parts that are heard with what is around them."""
        long = end - begin > WINDOW_S * SAMPLE_RATE_HZ
        parts = ceil((end - begin) / (PART_S * SAMPLE_RATE_HZ)) if long else 1
        edges = np.linspace(begin, end, parts + 1).round().astype(int).tolist()
        around = round(AROUND_S * SAMPLE_RATE_HZ)
        for first, after in pairwise(edges):
            low = max(begin, first - around) - self.origin
            high = min(end, after + around) - self.origin
            yield Stretch(
                first / SAMPLE_RATE_HZ, after / SAMPLE_RATE_HZ, self.samples[low:high].copy()
            )

    def forget(self, frame: int) -> None:
        """Drop what no stretch can reach any more."""
        margin = round(MARGIN_S * SAMPLE_RATE_HZ)
        keep = (frame if self.start is None else self.start) * FRAME - margin
        if keep - self.origin > len(self.samples) // 2:
            self.samples, self.origin = self.samples[keep - self.origin :], keep


def stretches(blocks: Iterable[Int16]) -> Iterator[Stretch]:
    """Stretches of speech of a recording, each as soon as it has ended.

    Stretches longer than `WINDOW_S` are cut into parts, which are heard with `AROUND_S` of what is
    around them: windows that overlap.

    Args:
        blocks: canonical samples, each of shape (frames,), of any length.
    """
    detector, ear = Detector(), _Ear()
    rest = np.zeros(0, np.int16)
    frame = 0
    for block in blocks:
        ear.samples = np.concatenate([ear.samples, block])
        rest = np.concatenate([rest, block])
        whole = len(rest) - len(rest) % FRAME
        for probability in detector(rest[:whole]).tolist():
            yield from _hear(ear, frame, probability)
            frame += 1
        rest = rest[whole:]
        ear.forget(frame)
    if len(rest):
        padded = np.pad(rest, (0, FRAME - len(rest)))
        yield from _hear(ear, frame, float(detector(padded)[0]))
    yield from ear.take()


def _hear(ear: _Ear, frame: int, probability: float) -> Iterator[Stretch]:
    if ear.start is None:
        if probability >= _BEGINS:
            ear.start = ear.last = frame
        return
    if probability >= _ENDS:
        ear.last = frame
    paused = (frame - ear.last) * FRAME >= _PAUSE_S * SAMPLE_RATE_HZ
    if paused or (frame + 1 - ear.start) * FRAME >= _LONGEST_S * SAMPLE_RATE_HZ:
        yield from ear.take()
