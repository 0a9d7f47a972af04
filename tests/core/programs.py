"""Programs that tests start, watch and stop: real processes, as DVC starts them."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import dedent

REPOSITORY = Path(__file__).parents[2]
STOPPED = "Stopped; what was finished is kept, and `dvc repro` goes on from there."


def environment(**changes: str) -> dict[str, str]:
    """The environment of a program: the package of this repository, no colours, this Python."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ours = {"PATH": path, "PYTHONPATH": str(REPOSITORY), "DVC_NO_ANALYTICS": "1", "NO_COLOR": "1"}
    kept = {
        key: value for key, value in os.environ.items() if key not in ("DVC_STAGE", "MAKELEVEL")
    }
    return {**kept, **ours, **changes}


def _answer_signals() -> None:
    # what runs in the background of a script is started to ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def started(command: list[str], folder: Path, **changes: str) -> Iterator[subprocess.Popen[str]]:
    """A program in a group of its own; whatever the test finds, none of it is left."""
    program = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        preexec_fn=_answer_signals,
    )
    try:
        with program:
            try:
                yield program
            finally:
                for pid in [*family(program.pid)]:
                    kill(pid)
    finally:
        kill(-program.pid)


def run(command: list[str], folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """A program that ends by itself."""
    return subprocess.run(
        command, cwd=folder, env=environment(**changes), capture_output=True, text=True, timeout=60
    )


def write(folder: Path, scripts: dict[str, str]) -> Path:
    """A folder with a package of stages, which begins as ours does, and its scripts by name."""
    stages = folder / "stages"
    stages.mkdir(exist_ok=True)
    shutil.copy(REPOSITORY / "stages/__init__.py", stages)
    for name, text in scripts.items():
        (stages / f"{name}.py").write_text(dedent(text))
    return folder


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal; a negative number is a group, and who is gone is no error."""
    with suppress(ProcessLookupError):
        os.killpg(-pid, number) if pid < 0 else os.kill(pid, number)


def is_running(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def family(pid: int) -> list[int]:
    """A process and all that descends from it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return [pid]
    return [pid, *(one for child in children for one in family(int(child)))]


def wait_for(condition: Callable[[], bool], what: str, limit_s: float = 30.0) -> float:
    """Seconds until a condition holds."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < limit_s, f"{what} within {limit_s} s"
        time.sleep(0.02)
    return time.monotonic() - begun


def wait_for_files(folder: Path, pattern: str, count: int = 1) -> list[Path]:
    """Files that a program writes to say that it has come so far."""
    wait_for(lambda: len(list(folder.glob(pattern))) >= count, f"{pattern} is not written")
    return sorted(folder.glob(pattern))


def seconds_to_end(pids: list[int], limit_s: float = 5.0) -> float:
    """Seconds until none of the processes runs, at most the limit."""
    begun = time.monotonic()
    while any(map(is_running, pids)) and time.monotonic() - begun < limit_s:
        time.sleep(0.01)
    return time.monotonic() - begun
