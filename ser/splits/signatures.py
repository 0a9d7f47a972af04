"""Vectors of nearly the same direction, found among many without comparing each with all others.

The signs of a vector's projections on random directions are its signature: signs of two vectors at
an angle a differ with probability a / pi (Charikar, 2002, "Similarity estimation techniques from
rounding algorithms", STOC). Vectors whose signatures agree in all bits of some piece are compared;
with enough pieces, those that are close agree in one, and others seldom do (Indyk & Motwani, 1998,
"Approximate nearest neighbors", STOC).
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from itertools import count

import numpy as np
import numpy.typing as npt
import scipy.fft

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Pieces = npt.NDArray[np.uint32]

_BYTES = 128
# Pieces are two bytes and half a third one, so far from each other: 256 pieces of 20 bits. Found of
# pairs at a cosine of 0.9: over 99.9 %, of unrelated pairs one in 4,000 (test_signatures.py).
_STRIDES = ((17, 51), (37, 97))
_HALF = 0x0F
# Bits of 1,024 in which two signatures may differ: those at a cosine of 0.9 differ in 147, with a
# deviation of 11; those that have nothing in common in 512, with one of 16.
_MOST_BITS = 220
_ROTATIONS = 3


def signature(vector: npt.NDArray[np.float32]) -> Bytes:
    """Signs of 1,024 projections on directions that are always the same, shape (128,).

    The directions are orthogonal: signs that change at random and cosine transforms, in turn, turn
    a vector as good as at random (Andoni et al., 2015, "Practical and optimal LSH for angular
    distance", NeurIPS), at a hundredth of the cost of a matrix.
    """
    turned = np.zeros(scipy.fft.next_fast_len(len(vector), real=True), dtype=np.float32)
    turned[: len(vector)] = vector
    for number in range(_ROTATIONS):
        turned = scipy.fft.dct(turned * _signs(number, len(turned)), norm="ortho")
    return np.packbits(turned[: 8 * _BYTES] > 0)


@cache
def _signs(number: int, length: int) -> npt.NDArray[np.float32]:
    """Random signs, the same on every machine and with every version of a generator."""
    digest = hashlib.shake_256(f"signature {number}".encode()).digest(length // 8 + 1)
    bits = np.unpackbits(np.frombuffer(digest, dtype=np.uint8))[:length]
    return 2 * bits.astype(np.float32) - 1


def close_pairs(signatures: Bytes) -> list[tuple[int, int]]:
    """Pairs of rows whose vectors may have a cosine of 0.9 or more, in order.

    Vectors of zeros are like nothing.

    Args:
        signatures: shape (vectors, 128).
    """
    words = np.ascontiguousarray(signatures).view(np.uint64)
    rows = np.flatnonzero(words.any(axis=1))
    found: Numbers = np.empty(0, dtype=np.int64)
    for piece in _pieces(signatures):
        for one, other in _of_one_bucket(piece, rows):
            differing = np.bitwise_count(words[one] ^ words[other]).sum(axis=1)
            near = differing <= _MOST_BITS
            if near.any():
                pairs = one[near] * np.int64(len(signatures)) + other[near]
                found = np.union1d(found, pairs)
    return [divmod(int(pair), len(signatures)) for pair in found]


def _pieces(signatures: Bytes) -> Iterator[Pieces]:
    """Parts of all signatures, shape (vectors,), as numbers."""
    for near, far in _STRIDES:
        for place in range(_BYTES):
            one, two, three = (
                signatures[:, (place + step) % _BYTES].astype(np.uint32) for step in (0, near, far)
            )
            yield one | two << np.uint32(8) | (three & np.uint32(_HALF)) << np.uint32(16)


def _of_one_bucket(piece: Pieces, rows: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    """Pairs of rows with the same piece, the lower first; as many at a time as rows, at most."""
    ranked = piece[rows].astype(np.int64) << 32 | rows
    ranked.sort()
    buckets, rows = ranked >> 32, ranked & 0xFFFFFFFF
    first = np.arange(len(rows))
    for step in count(1):
        first = first[: np.searchsorted(first, len(rows) - step)]
        first = first[buckets[first] == buckets[first + step]]
        if not len(first):
            return
        yield rows[first], rows[first + step]
