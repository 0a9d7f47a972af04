"""The shared emotion set that every corpus maps onto.

The eight emotions of RAVDESS (Livingstone & Russo, 2018) and boredom, which EMO-DB adds.
A corpus file maps its own codes onto these names; an emotion outside the set is added here.
"""

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


def ordered(emotions: Iterable[str]) -> list[str]:
    """The given emotions without repeats, in the order of the shared set.

    Raises:
        ValueError: if one of them is not in the shared set.
    """
    return sorted(set(emotions), key=EMOTIONS.index)
