"""The shared emotion set: order, and what is not in it."""

from itertools import permutations

import pytest

from ser.corpora import emodb, emovo, ravdess
from ser.labels import EMOTIONS, ordered


def test_emotions_are_distinct_names() -> None:
    assert len(set(EMOTIONS)) == len(EMOTIONS)


@pytest.mark.parametrize("codes", [m.EMOTION_CODES for m in (ravdess, emodb, emovo)])
def test_every_corpus_maps_onto_the_shared_set(codes: dict[str, str]) -> None:
    assert set(codes.values()) <= set(EMOTIONS)
    assert len(set(codes.values())) == len(codes), "two codes of a corpus name one emotion"


def test_order_does_not_depend_on_how_emotions_come() -> None:
    expected = ["neutral", "sad", "bored"]
    for emotions in permutations(expected):
        assert ordered(emotions) == expected


def test_repeats_are_dropped() -> None:
    assert ordered(["sad", "calm", "sad", "calm"]) == ["calm", "sad"]
    assert ordered([]) == []


def test_an_unknown_emotion_is_refused() -> None:
    with pytest.raises(ValueError, match="not in"):
        ordered(["sad", "joyful"])
