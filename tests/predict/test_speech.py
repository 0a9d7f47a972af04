"""Stretches of speech: the same however a recording is cut into blocks, and none too long."""

from itertools import pairwise

import numpy as np

from ser.clips.audio import SAMPLE_RATE_HZ, Int16
from ser.predict.speech import AROUND_S, MARGIN_S, PART_S, WINDOW_S, Stretch, stretches
from tests.conftest import case
from tests.predict.conftest import Project

RATE = SAMPLE_RATE_HZ


def recording(project: Project) -> tuple[Int16, list[tuple[float, float]]]:
    """Voices between pauses of different length, and where they are, in seconds."""
    pieces, places, length = [np.zeros(RATE, np.int16)], [], RATE
    for number, clip in enumerate(project.data.clips["clip"][::9]):
        voice = project.samples(clip)
        places.append((length / RATE, (length + len(voice)) / RATE))
        pause = np.zeros(RATE + 3_001 * number, np.int16)
        pieces += [voice, pause]
        length += len(voice) + len(pause)
    return np.concatenate(pieces), places


def same(one: Stretch, other: Stretch) -> bool:
    return (one.begin, one.end) == (other.begin, other.end) and np.array_equal(
        one.samples, other.samples
    )


def test_speech_is_found_where_it_is(project: Project) -> None:
    samples, places = recording(project)
    found = list(stretches([samples]))
    assert len(found) == len(places)
    for stretch, (begin, end) in zip(found, places, strict=True):
        with case(begin):
            assert begin - 2 * MARGIN_S < stretch.begin < begin + 0.2
            assert end - 0.2 < stretch.end < end + 2 * MARGIN_S
            first = round(stretch.begin * RATE)
            assert np.array_equal(stretch.samples, samples[first : first + len(stretch.samples)]), (
                "the samples of a stretch are not those at its place"
            )


def test_blocks_make_no_difference(project: Project) -> None:
    samples, _ = recording(project)
    whole = list(stretches([samples]))
    for size in (100, 512, 4_000, 33_333):
        with case(size):
            blocks = [samples[begin : begin + size] for begin in range(0, len(samples), size)]
            found = list(stretches(blocks))
            assert len(found) == len(whole)
            assert all(same(*pair) for pair in zip(found, whole, strict=True))


def test_long_speech_is_cut_into_parts_that_are_heard_with_what_is_around(
    project: Project,
) -> None:
    clips = project.data.clips["clip"]
    voice = np.concatenate([project.samples(clip) for clip in clips])
    found = list(stretches([voice]))
    longest = max(found, key=lambda stretch: len(stretch.samples))
    assert len(longest.samples) / RATE > PART_S * 0.7, "nobody spoke for long"
    overlapping = 0
    for before, after in pairwise(found):
        assert before.end <= after.begin, "two answers for one moment"
        overlapping += before.end == after.begin
    assert overlapping > 3
    for stretch in found:
        length = stretch.end - stretch.begin
        assert length <= WINDOW_S
        assert len(stretch.samples) / RATE <= length + 2 * AROUND_S + 1e-3


def test_nothing_is_heard_in_nothing() -> None:
    assert list(stretches([])) == []
    assert list(stretches([np.zeros(0, np.int16), np.zeros(3, np.int16)])) == []
    noise = np.random.default_rng(0).normal(0, 1_000, 5 * RATE).astype(np.int16)
    assert list(stretches([noise])) == []
