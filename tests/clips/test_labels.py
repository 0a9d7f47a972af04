"""The shared emotion set: order, and what stays a corpus's own class."""

from itertools import permutations

import pytest

from ser.clips.labels import EMOTIONS, is_emotion, ordered


def test_emotions_are_distinct_and_have_one_order() -> None:
    assert len(set(EMOTIONS)) == len(EMOTIONS)
    expected = ["neutral", "sad", "bored"]
    for emotions in permutations(expected):
        assert ordered(emotions) == expected
    assert ordered(["sad", "calm", "sad", "calm"]) == ["calm", "sad"]
    assert ordered([]) == []


def test_a_class_of_a_corpus_s_own_comes_after_the_shared_ones() -> None:
    assert ordered(["sad", "joyful", "amused", "bored"]) == ["sad", "bored", "amused", "joyful"]


@pytest.mark.parametrize(
    "name", ["", "Sad", "_x", "pleasant surprise", "é", "x<b>", "a" * 41, "a\n"]
)
def test_what_no_emotion_is_called(name: str) -> None:
    assert not is_emotion(name)
    assert all(is_emotion(each) for each in (*EMOTIONS, "pleasant_surprise"))
