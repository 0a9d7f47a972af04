"""A sound that came from a browser: counted as it comes, read in a process of its own, forgotten.

It lies in a file without a name, which the system removes as soon as nobody has it open: nothing is
left behind, whatever happens. What decodes it is a library in C that gets bytes from anywhere, so a
process with little memory and time does that; should it crash or hang, the page does not.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np

import ser
from ser.clips.audio import Int16
from ser.core.watch import ONE_THREAD
from ser.explore.reading import REFUSED, TOO_LONG
from ser.explore.refusals import (
    EMPTY,
    HARD,
    LARGE,
    LONG,
    SLOW,
    Refusal,
    RefusedError,
)

LARGEST_BYTES = 50 * 10**6
# how long an upload, and the reading of it, may take
_UPLOAD_S, _READING_S = 60.0, 30.0
_PROGRAM = ("-m", "ser.explore.reading")


async def bounded(
    stream: AsyncIterator[bytes], told: str | None, most: int, file: IO[bytes]
) -> int:
    """Write what comes to a file, and count it.

    Args:
        told: how long it says it is, if it says so; that it may be a lie is why it is counted.
        most: bytes that are taken.

    Raises:
        RefusedError: if it is larger, or takes too long.
    """
    if told is not None and told.isdecimal() and (len(told) > 18 or int(told) > most):
        raise RefusedError(LARGE)
    size = 0
    try:
        async with asyncio.timeout(_UPLOAD_S):
            async for piece in stream:
                size += len(piece)
                if size > most:
                    raise RefusedError(LARGE)
                file.write(piece)
    except TimeoutError:
        raise RefusedError(SLOW) from None
    return size


async def read_upload(
    stream: AsyncIterator[bytes], told: str | None, turn: asyncio.Semaphore
) -> Int16:
    """Canonical samples of an upload, shape (frames,).

    Args:
        stream, told: as for `bounded`.
        turn: how many processes may read at the same time.

    Raises:
        RefusedError: if it is too large, too long, or no sound; its sentence says why.
    """
    with TemporaryFile() as file:
        if not await bounded(stream, told, LARGEST_BYTES, file):
            raise RefusedError(EMPTY)
        file.seek(0)
        async with turn:
            return await _read(file)


async def _read(file: IO[bytes]) -> Int16:
    package = str(Path(ser.__file__).parents[1])
    paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-B", *_PROGRAM),
        stdin=file,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": paths},
    )
    try:
        async with asyncio.timeout(_READING_S):
            samples, said = await child.communicate()
    except TimeoutError:
        raise RefusedError(HARD) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode == TOO_LONG:
        raise RefusedError(LONG)
    if child.returncode == REFUSED:
        sentence = said.decode(errors="replace").strip()
        raise RefusedError(Refusal(422, "unreadable", sentence))
    if child.returncode:
        raise RefusedError(HARD)
    return np.frombuffer(samples, "<i2").astype(np.int16)
