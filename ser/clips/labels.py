"""The shared emotion set that every corpus maps onto.

The eight emotions of RAVDESS (Livingstone & Russo, 2018) and boredom, which EMO-DB adds.
A corpus file maps its own codes onto these names where they mean the same; any other emotion stays
a class of that corpus, under a name of its own.
"""

import re
from collections.abc import Iterable

EMOTIONS = (
    "neutral",
    "calm",
    "happy",
    "sad",
    "angry",
    "fearful",
    "disgust",
    "surprised",
    "bored",
)


_NAME = re.compile(r"[a-z][a-z_]{0,39}")


def is_emotion(name: str) -> bool:
    """Whether an emotion may be called so: small letters and `_`."""
    return _NAME.fullmatch(name) is not None


def ordered(emotions: Iterable[str]) -> list[str]:
    """The given emotions without repeats: the shared ones in their order, then others by name."""
    return sorted(set(emotions), key=_place)


def _place(emotion: str) -> tuple[int, str]:
    return (EMOTIONS.index(emotion) if emotion in EMOTIONS else len(EMOTIONS), emotion)
