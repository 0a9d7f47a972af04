"""How a recording becomes answers, whatever computes the probabilities.

Nothing here needs PyTorch, and nothing may: `ser predict --onnx` does without it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ser.clips.audio import Float64, Int16, pcm_sha256
from ser.core.errors import SerError
from ser.predict.answers import NO_SPEECH, TRAINED, Answer
from ser.predict.hearing import Hearing
from ser.predict.sounds import blocks_of_array, blocks_of_file
from ser.predict.speech import WINDOW_S, Stretch, stretches
from ser.predict.trust import Trust, seconds

Source = str | Path | BinaryIO | npt.NDArray[Any]
# the corpus of a voice that no corpus holds
ANYBODY = ""


def beginning(pcm_sha256: str) -> int:
    """The first 8 bytes of a hash, as a signed number: enough for a few thousand clips."""
    return int.from_bytes(bytes.fromhex(pcm_sha256[:16]), "little", signed=True)


def name_of(voices: Sequence[str]) -> str:
    """What several models are called together: the folder of their folds."""
    return voices[0] if len(voices) == 1 else voices[0].rpartition("/")[0]


class Recogniser(ABC):
    """What answers recordings.

    Attributes:
        hearing: what it is shown of a clip.
        trust: when answers are flagged.
        known: clips of corpora, by the beginning of their samples' hash.
        card: what the model says of itself.
    """

    hearing: Hearing
    trust: Trust
    known: Mapping[int, str]
    card: dict[str, Any]

    @property
    @abstractmethod
    def emotions(self) -> tuple[str, ...]:
        """What it can answer."""

    @property
    @abstractmethod
    def id(self) -> str:
        """What it is called."""

    @property
    @abstractmethod
    def protocol(self) -> str:
        """By which it was trained: who trained, and who was held out."""

    @abstractmethod
    def without(self, clip: str) -> "Recogniser | None":
        """Only its models that never had to do with a clip of a corpus; None if there are none."""

    @abstractmethod
    def probabilities(
        self,
        clips: Sequence[Int16],
        corpora: Sequence[str],
        functionals: Float64 | None = None,
    ) -> tuple[Float64, Float64]:
        """Probabilities before and after calibration, each of shape (clips, emotions).

        Args:
            corpora: of each clip, by whose training clips its functionals are standardised; where
                a model had none of them, or it is `ANYBODY`, by those of all corpora.
            functionals: of the clips, if they are at hand, shape (clips, functionals).
        """

    def predict(self, source: Source, rate: int | None = None) -> list[Answer]:
        """What is felt in a recording, or shown: one answer a stretch of speech.

        A recording without any speech has one answer, with the warning `no speech`.

        Args:
            source: a path, an open file, or an array of shape (frames,) or (frames, channels) that
                holds 16-bit or 32-bit integers, or floats from -1 to 1.
            rate: samples a second of an array.

        Raises:
            SerError: if it is missing, no audio, or holds what no sound is.
        """
        return list(self.answers(source, rate))

    def answers(
        self, source: Source, rate: int | None = None, name: str | None = None
    ) -> Iterator[Answer]:
        """The same, each as soon as it is heard; memory does not grow with the recording.

        Args:
            name: what the recording is called; by default its path.
        """
        if isinstance(source, str | Path):
            name = str(source) if name is None else name
            blocks = blocks_of_file(Path(source), name)
        elif isinstance(source, np.ndarray):
            if rate is None:
                raise SerError("An array has no rate of its own; give rate=, samples a second.")
            blocks = blocks_of_array(source, rate, name or "The array")
        else:
            blocks = blocks_of_file(source, name or "The file")
        return self.answers_of_blocks(blocks, name)

    def answers_of_blocks(
        self, blocks: Iterable[Int16], name: str | None = None
    ) -> Iterator[Answer]:
        """The same of canonical samples, block by block, as a microphone gives them."""
        rest = iter(blocks)
        first = next(rest, np.zeros(0, np.int16))
        if clip := self.known.get(beginning(pcm_sha256(first))):
            yield self.of_clip(first, clip, name)
            return
        found, length = False, 0.0

        def counted() -> Iterator[Int16]:
            nonlocal length
            for block in chain([first], rest):
                length += seconds(block)
                yield block

        for stretch in stretches(counted()):
            found = True
            yield self.of_stretch(stretch, name)
        if not found:
            heard = Stretch(0.0, length, first[: int(WINDOW_S * 16_000)])
            yield self.of_stretch(heard, name, spoken=False)

    def of_clip(self, samples: Int16, clip: str, name: str | None) -> Answer:
        """The answer to a clip of a corpus: by models that held it out, where there are any."""
        honest, stretch = self.without(clip), Stretch(0.0, seconds(samples), samples)
        warnings = [] if honest else [TRAINED]
        return (honest or self)._answer(stretch, name, warnings, corpus=clip.partition("/")[0])

    def of_stretch(self, stretch: Stretch, name: str | None, spoken: bool = True) -> Answer:
        """The answer to a stretch, with what speaks against it."""
        return self._answer(stretch, name, [] if spoken else [NO_SPEECH], spoken=spoken)

    def _answer(
        self,
        stretch: Stretch,
        name: str | None,
        warnings: list[str],
        corpus: str = ANYBODY,
        spoken: bool = True,
    ) -> Answer:
        functionals = self.hearing.functionals(stretch.samples)
        probabilities = self.probabilities([stretch.samples], [corpus], functionals[np.newaxis])[1][
            0
        ]
        best = int(probabilities.argmax())
        confidence = float(probabilities[best])
        return Answer(
            name,
            stretch.begin,
            stretch.end,
            self.emotions[best],
            dict(zip(self.emotions, probabilities.tolist(), strict=True)),
            confidence,
            (*warnings, *self.trust.warnings(stretch, functionals, confidence, spoken)),
            self.id,
            self.protocol,
        )

    def predict_clips(self, clips: Sequence[Int16]) -> Float64:
        """Probabilities of canonical clips before calibration, shape (clips, emotions).

        Clips are of nobody that is known, whatever they are.
        """
        return self.probabilities(clips, [ANYBODY] * len(clips))[0]
