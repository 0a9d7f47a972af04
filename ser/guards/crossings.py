"""What may stand on both sides of a fold: the kinds of leak that published scores have."""

from collections.abc import Collection
from enum import StrEnum


class Crossing(StrEnum):
    """Something that is shared by what trains and what tests."""

    # the same person speaks
    SPEAKER = "speaker"
    # the same words are spoken; every speaker-independent protocol of acted corpora has this
    STATEMENT = "statement"
    # (nearly) one recording, at another level or with other silence around it
    TAKE = "take"
    # one recording under two names, sample by sample
    AUDIO = "duplicate audio"
    # a copy, made by augmentation, of a clip that is tested
    COPY = "augmented copy"
    # a mean or scale that was fitted on clips that are tested
    STATISTIC = "fitted statistic"
    # the epoch was chosen by clips that are tested
    CHECKPOINT = "checkpoint choice"


def listed(crossings: Collection[Crossing]) -> str:
    """Crossings in words, in the order above; the same statement is no leak and not named."""
    return ", ".join(
        kind for kind in Crossing if kind in crossings and kind is not Crossing.STATEMENT
    )
