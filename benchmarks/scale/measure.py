"""One stage at one size: its child process is started, watched, and stopped where it is too much.

Memory is that of all processes together, looked at all the time; what they share counts once.
`held_mb` is what they have for themselves, and nobody can take back; `peak_mb` is that and the
pages of files that they have mapped, which the system drops where memory is short (or the largest
resident set that the stage's own process has had, if that is more). Linux only.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.pipeline import memory_of
from benchmarks.scale.growth import PROCESSES
from benchmarks.scale.stages import MEASURED, STAGES
from ser.core.errors import SerError
from ser.core.workers import VARIABLE
from ser.download.source import MIRROR_VARIABLE

_LOOK_EVERY_S = 0.1
# looking at the memory of processes takes time where there is much, and stops them meanwhile
_LOOK_SHARE = 0.05
# a machine without memory to spare stops everything that runs on it
_LEAST_FREE = 0.1


class TooMuchError(Exception):
    """A stage took longer than the limit, or nearly all memory."""


def measure(stage: str, folder: Path, limit_s: float) -> dict[str, Any]:
    """What a stage took: a row of the table, but for its size.

    Args:
        folder: where the corpus and all that earlier stages made of it lie; `mirror` in it is the
            mirror folder.

    Raises:
        TooMuchError: if it was stopped.
        SerError: if it failed, with its last line.
    """
    makes = [folder / name for name in STAGES[stage].makes]
    before = sum(map(_bytes_of, makes))
    held, peak = _watch(stage, folder, limit_s)
    measured = json.loads((folder / MEASURED).read_text(encoding="utf-8"))
    return {
        **measured,
        "held_mb": held / 1e6,
        "peak_mb": max(measured["peak_mb"], peak / 1e6),
        "bytes": sum(map(_bytes_of, makes)) - before,
    }


def _watch(stage: str, folder: Path, limit_s: float) -> tuple[int, int]:
    """Run a stage; return the most memory that was seen, held and in all, in bytes."""
    environment = os.environ | {
        VARIABLE: str(PROCESSES),
        MIRROR_VARIABLE: str(folder / "mirror"),
        "SER_EXECUTOR": "local",
    }
    command = [sys.executable, "-m", "benchmarks.scale.stages", stage, str(folder)]
    until, held, peak = time.monotonic() + limit_s, 0, 0
    with (folder / "said.txt").open("w+", encoding="utf-8") as said:
        running = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        try:
            process = psutil.Process(running.pid)
            due = 0.0
            while running.poll() is None:
                begun = time.monotonic()
                if begun > until:
                    raise TooMuchError(f"it took more than {limit_s:.0f} s")
                memory = psutil.virtual_memory()
                if memory.available < _LEAST_FREE * memory.total:
                    raise TooMuchError(f"it took {peak / 1e9:.1f} GB, and hardly any were left")
                if begun >= due:
                    now = memory_of(process)
                    held, peak = max(held, now[0]), max(peak, now[1])
                    looked = time.monotonic() - begun
                    due = begun + looked / _LOOK_SHARE
                time.sleep(_LOOK_EVERY_S)
        finally:
            running.kill()  # its workers end with it
            running.wait()
        if running.returncode:
            said.seek(0)
            last = "".join([line for line in said.read().splitlines() if line.strip()][-1:])
            if running.returncode == -signal.SIGKILL or "memory" in last:
                raise TooMuchError(last or "it was killed, probably for want of memory")
            raise SerError(f"The stage {stage} failed: {last}")
    return held, peak


def _bytes_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; 0 if it is not there."""
    if path.is_file():
        return path.stat().st_size
    return sum(
        (Path(place) / name).stat().st_size for place, _, names in os.walk(path) for name in names
    )
