"""Vectors of nearly the same direction are found, and few others are compared."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ser.splits.signatures import close_pairs, signature
from ser.splits.takes import SAME_TAKE_SIMILARITY, fingerprint

LENGTH = len(fingerprint(np.zeros(1, np.int16)))


def unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def spectra(count: int, kind: str, seed: int) -> npt.NDArray[np.float64]:
    """Random directions: of lines that are alike in size, or of which few are strong, as in hum."""
    rng = np.random.default_rng(seed)
    lines = rng.normal(size=(count, LENGTH))
    if kind == "few strong lines":
        lines *= 0.01
        lines[np.arange(count)[:, np.newaxis], rng.integers(0, LENGTH, (count, 3))] = 1.0
    return unit(lines)


def near_copies(vectors: npt.NDArray[np.float64], cosine: float) -> npt.NDArray[np.float64]:
    """One of each vector, at a cosine from it."""
    other = spectra(len(vectors), "alike", 99)
    aside = unit(other - np.sum(other * vectors, axis=1, keepdims=True) * vectors)
    return cosine * vectors + np.sqrt(1 - cosine**2) * aside


def signatures_of(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    return np.stack([signature(vector) for vector in vectors.astype(np.float32)])


@pytest.mark.parametrize("kind", ["alike", "few strong lines"])
@pytest.mark.parametrize(("cosine", "share"), [(SAME_TAKE_SIMILARITY, 0.998), (0.95, 1), (0.99, 1)])
def test_near_copies_are_found(kind: str, cosine: float, share: float) -> None:
    vectors = spectra(1000, kind, 0)
    both = np.concatenate([vectors, near_copies(vectors, cosine)])
    found = set(close_pairs(signatures_of(both)))
    recall = np.mean([(row, row + 1000) in found for row in range(1000)])
    assert recall >= share, f"{100 * recall} % of near copies at a cosine of {cosine}"


def test_vectors_that_are_not_close_are_no_pairs() -> None:
    vectors = spectra(2000, "alike", 1)
    assert close_pairs(signatures_of(vectors)) == []
    both = np.concatenate([vectors, near_copies(vectors, 0.5)])
    assert close_pairs(signatures_of(both)) == []


def test_all_of_a_group_are_pairs_and_silence_is_like_nothing() -> None:
    one, other = spectra(2, "alike", 2)
    silent = np.zeros(LENGTH)
    found = close_pairs(signatures_of(np.stack([one, silent, other, one, silent, -one, one])))
    assert found == [(0, 3), (0, 6), (3, 6)]


@given(groups=st.lists(st.integers(0, 5), max_size=30))
def test_equal_signatures_are_pairs_in_any_order(groups: list[int]) -> None:
    known = np.random.default_rng(3).integers(0, 256, (6, 128)).astype(np.uint8)
    found = close_pairs(known[groups].reshape(-1, 128))
    rows = range(len(groups))
    assert found == [(a, b) for a in rows for b in rows if a < b and groups[a] == groups[b]]


def test_signatures_are_the_same_on_every_machine() -> None:
    vector = np.sin(np.arange(LENGTH) ** 2 % 1013).astype(np.float32)
    assert signature(vector).shape == (128,)
    assert signature(vector)[:8].tobytes().hex() == "3556f5d6143f6d43"
    assert (signature(3 * vector) == signature(vector)).all(), "the level counts"
