"""Recordings of any length, read in blocks of canonical sound."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from ser.clips.audio import (
    HIGHEST_RATE_HZ,
    INT16_SCALE,
    LOWEST_RATE_HZ,
    SAMPLE_RATE_HZ,
    Int16,
    canonical,
    to_int16,
)
from ser.core.errors import SerError

# up to this length a recording is resampled in one piece, as clips of corpora are
WHOLE_S = 60
_BLOCK_S = 10
# samples of all channels in a block, at most
_BLOCK_SAMPLES = 1 << 22
_SCALES = {"int16": 1.0, "int32": 1 / 65_536, "float32": INT16_SCALE, "float64": INT16_SCALE}


def blocks_of_file(source: Path | BinaryIO, name: str) -> Iterator[Int16]:
    """Canonical samples of a file of any kind, rate and number of channels that libsndfile reads.

    A recording of up to `WHOLE_S` seconds is one block.

    Args:
        source: a path, or an open file that can be sought.
        name: what sentences call it.

    Raises:
        SerError: if it is missing, no regular file, no audio, empty, or holds numbers that are
            none.
    """
    if isinstance(source, Path) and not source.is_file():
        what = "is no regular file" if source.exists() else "is missing"
        raise SerError(f"{name} {what}.")
    try:
        with sf.SoundFile(source) as file:
            yield from _canonical(_read(file), file.samplerate, name)
    except (sf.LibsndfileError, RuntimeError, TypeError) as error:
        reason = str(error).partition(": ")[2] if ": " in str(error) else str(error)
        reason = " ".join(reason.split()).rstrip(".")
        raise SerError(f"{name} is not readable as audio ({reason}).") from None


def blocks_of_array(samples: npt.ArrayLike, rate_hz: int, name: str) -> Iterator[Int16]:
    """The same of an array of shape (frames,) or (frames, channels).

    Args:
        samples: 16-bit or 32-bit integers, or floats from -1 to 1.

    Raises:
        SerError: if it has another type or shape, is empty, or holds numbers that are none.
    """
    given = np.asarray(samples)
    scale = _SCALES.get(given.dtype.name)
    if scale is None or given.ndim not in (1, 2):
        raise SerError(
            f"{name} has the type {given.dtype} and the shape {given.shape}; give int16, int32 or "
            "floats from -1 to 1, of shape (frames,) or (frames, channels)."
        )
    frames = given[:, np.newaxis] if given.ndim == 1 else given
    step = _BLOCK_S * SAMPLE_RATE_HZ
    pieces = (
        frames[begin : begin + step].astype(np.float64) * scale
        for begin in range(0, len(frames), step)
    )
    return _canonical(pieces, rate_hz, name)


def _read(file: sf.SoundFile) -> Iterator[npt.NDArray[np.float64]]:
    frames = max(1, min(_BLOCK_S * file.samplerate, _BLOCK_SAMPLES // file.channels))
    while len(block := file.read(frames, dtype="float64", always_2d=True)):
        yield block * INT16_SCALE


def _canonical(
    blocks: Iterable[npt.NDArray[np.float64]], rate_hz: int, name: str
) -> Iterator[Int16]:
    """Blocks of shape (frames, channels) on the 16-bit scale, brought to 16 kHz, mono, 16 bit."""
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise SerError(
            f"{name} has {rate_hz} samples a second, which no recording of speech has "
            f"({LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ})."
        )
    mono = _mono(blocks, name)
    begun: list[Any] = []
    for block in mono:
        begun.append(block)
        if sum(map(len, begun)) > WHOLE_S * rate_hz:
            yield from _stream(chain(begun, mono), rate_hz)
            return
    if not begun:
        raise SerError(f"{name} holds no sound.")
    yield canonical(np.concatenate(begun), rate_hz)


def _mono(blocks: Iterable[npt.NDArray[np.float64]], name: str) -> Iterator[Any]:
    for block in blocks:
        if not np.isfinite(block).all():
            raise SerError(f"{name} holds samples that are no numbers (NaN or infinite).")
        pcm = to_int16(block)
        # 64-bit, so that the mean of identical channels is exact
        yield pcm[:, 0] if pcm.shape[1] == 1 else pcm.mean(axis=1, dtype=np.float64)


def _stream(blocks: Iterable[Any], rate_hz: int) -> Iterator[Int16]:
    if rate_hz == SAMPLE_RATE_HZ:
        yield from map(to_int16, blocks)
        return
    stream = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float64", quality="VHQ")
    for block in blocks:
        yield to_int16(stream.resample_chunk(block.astype(np.float64)))
    yield to_int16(stream.resample_chunk(np.zeros(0), last=True))
