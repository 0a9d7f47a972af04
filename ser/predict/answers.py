"""What is said of a stretch of speech."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNSURE = "unsure"
UNLIKE = "unlike training"
NO_SPEECH = "no speech"
QUIET = "too quiet"
CLIPPED = "clipped"
SHORT = "too short"
TRAINED = "trained on this clip"
# every warning that there is, in the order in which they are given
WARNINGS = (NO_SPEECH, SHORT, QUIET, CLIPPED, UNLIKE, UNSURE, TRAINED)
_DECIMALS = 6


@dataclass(frozen=True)
class Answer:
    """An emotion, how sure it is, and why not to believe it.

    Attributes:
        file: where it was heard; None for an array.
        begin, end: in seconds from the beginning of the recording.
        emotion: the likeliest.
        probabilities: of every emotion, calibrated; they add up to 1.
        confidence: that of `emotion`: of so many answers in 100 as sure as this one, so many were
            right, on acted speech of speakers whom the model never heard.
        warnings: some of `WARNINGS`.
        model: which one answered.
        protocol: who trained it, and who was held out.
    """

    file: str | None
    begin: float
    end: float
    emotion: str
    probabilities: Mapping[str, float]
    confidence: float
    warnings: tuple[str, ...]
    model: str
    protocol: str

    @property
    def record(self) -> dict[str, Any]:
        """The same as `--json` prints it: the confidence is called `calibrated`, for it is."""
        return {
            "file": self.file,
            "begin": round(self.begin, 3),
            "end": round(self.end, 3),
            "emotion": self.emotion,
            "probabilities": {
                name: round(value, _DECIMALS) for name, value in self.probabilities.items()
            },
            "calibrated": round(self.confidence, _DECIMALS),
            "warnings": list(self.warnings),
            "model": self.model,
            "protocol": self.protocol,
        }
