"""The shared emotion set: order, and what is not in it."""

from itertools import permutations

import pytest

from ser.clips.labels import EMOTIONS, ordered


def test_emotions_are_distinct_and_have_one_order() -> None:
    assert len(set(EMOTIONS)) == len(EMOTIONS)
    expected = ["neutral", "sad", "bored"]
    for emotions in permutations(expected):
        assert ordered(emotions) == expected
    assert ordered(["sad", "calm", "sad", "calm"]) == ["calm", "sad"]
    assert ordered([]) == []


def test_an_unknown_emotion_is_refused() -> None:
    with pytest.raises(ValueError, match="not in"):
        ordered(["sad", "joyful"])
