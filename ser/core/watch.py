"""What a process does at its first line: how it is stopped, and that it ends with its parent.

Only the standard library is imported here, so that a stage is watched before it imports anything
that takes time.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

BEGUN = time.monotonic()
# what a command says; and what is said where DVC runs stages, or this process is one
ENDED = "Stopped."
STOPPED = "Stopped; what was finished is kept, and `dvc repro` goes on from there."

_LOOK_EVERY_S = 0.2
# how long a process may tidy up after Ctrl-C
_GRACE_S = 1.0
_SHELLS = {"sh", "dash", "bash", "zsh", "fish", "ksh", "ash", "busybox"}
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PR_SET_PDEATHSIG = 1
# libraries for mathematics read these when they are loaded; see ser/core/processes.py
ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM")
}

_begun = _unwinds = False
_sentence = ENDED
# number of the signal that this process is ending by
_stopped_by = 0


class Stopped(BaseException):
    """Ctrl-C, or a polite request to end.

    Attributes:
        status: the exit status that says so: 128 and the signal's number.
        sentence: what the user is told.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number
        self.sentence = _sentence


def begin_stage() -> None:
    """What `python -m stages.<name>` does before its script is read.

    Nothing happens where something else imports a package of stages: only the process that is the
    stage is called "-m" at this point.
    """
    if sys.argv[0] == "-m":
        say_that_dvc_goes_on()
        begin()


def say_that_dvc_goes_on() -> None:
    """Once this process is stopped."""
    global _sentence
    _sentence = STOPPED


def begin() -> None:
    """Compute with one thread, answer signals with a sentence, and end with the parent.

    Once a process; the thread is for libraries that are loaded later.

    What is started with `nohup` may outlive the shell that started it, but no stage outlives DVC.
    """
    global _begun
    if _begun:
        return
    _begun = True
    os.environ.update(ONE_THREAD)
    _fill_standard_streams()
    for number in _SIGNALS:
        # what this process was started to ignore stays ignored
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _on_signal)
    by_dvc = "DVC_STAGE" in os.environ
    if by_dvc and _is_orphan():
        os._exit(1)
    if by_dvc or signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        end_with_parent()


def _fill_standard_streams() -> None:
    """Where standard streams are closed, the next opened file would get what is printed."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _on_signal(number: int, _: FrameType | None) -> None:
    global _stopped_by
    _stopped_by = number
    for other in _SIGNALS:  # one is enough; a second would break what the first tidies up
        signal.signal(other, signal.SIG_IGN)
    if not _unwinds:  # still importing: there is nothing to tidy up
        _end(Stopped(number))
    raise Stopped(number)


@contextmanager
def unwinding() -> Iterator[None]:
    """Within it a signal raises `Stopped`; what takes longer than a second to unwind is cut off."""
    global _unwinds
    _cut_off_late_ends()
    # an exception that nobody can catch (in `__del__`, say) is printed; this one is no news
    sys.unraisablehook = _without_stops(sys.unraisablehook)
    _unwinds = True
    try:
        yield
    finally:
        _unwinds = False
        if _stopped_by:  # whatever became of the exception on its way
            raise Stopped(_stopped_by)


def _without_stops(
    show: Callable[["sys.UnraisableHookArgs"], object],
) -> Callable[["sys.UnraisableHookArgs"], object]:
    def hook(args: "sys.UnraisableHookArgs") -> None:
        if not issubclass(args.exc_type, Stopped):
            show(args)

    return hook


def _cut_off_late_ends() -> None:
    """End this process a second after a signal, whatever it is doing.

    Python's own handlers wait for the interpreter; a fit that computes in C may take minutes.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def wait() -> None:
        while (number := os.read(reader, 1)[0]) not in _SIGNALS:
            pass
        time.sleep(_GRACE_S)
        _end(Stopped(number))

    threading.Thread(target=wait, daemon=True).start()


def _end(stopped: Stopped) -> NoReturn:
    try:
        os.write(2, f"{stopped.sentence}\n".encode())
    finally:
        os._exit(stopped.status)


def end_with_parent(parent: int | None = None) -> None:
    """End this process as soon as its parent is gone.

    A killed `dvc repro` would leave its stage running, and a killed stage its workers; they would
    write to the same places as the next run. Linux kills a child itself when it is asked to. A
    shell that did not replace itself by its command stands between; then it and what started it
    are looked after, several times a second. (Not by the kernel: Ctrl-C ends a shell at once, and
    its command shall have the time to say its sentence.)

    Args:
        parent: its process number, where the one that asks knows it; it may have ended before.
    """
    parent = parent or os.getppid()
    chain = _through_shells(parent)
    killed_by_kernel = len(chain) == 1 and _ask_kernel()
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(1)
    if killed_by_kernel:
        return

    def watch() -> None:
        while os.getppid() == parent and all(_is_alive(*one) for one in chain):
            time.sleep(_LOOK_EVERY_S)
        if not _stopped_by:
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _ask_kernel() -> bool:
    """Have Linux kill this process when its parent ends; see PR_SET_PDEATHSIG(2const)."""
    status: int = ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return status == 0


def _through_shells(pid: int) -> list[tuple[int, str]]:
    """The process, and above it all up to the first that is no shell: number and time of start.

    Empty where there is no /proc.
    """
    found = []
    while (process := _Process.read(pid)) is not None:
        found.append((pid, process.started))
        if process.name not in _SHELLS or process.parent <= 1:
            break
        pid = process.parent
    return found


def _is_alive(pid: int, started: str) -> bool:
    process = _Process.read(pid)
    return process is not None and process.started == started and process.state not in "ZX"


def _is_orphan() -> bool:
    """Whether the DVC that started this process ended before it could be watched.

    No process above an orphan is a DVC, nor the Python that a DVC is.
    """
    if _Process.read(os.getpid()) is None:
        return os.getppid() == 1
    pid = os.getppid()
    while pid and (process := _Process.read(pid)) is not None:
        if process.may_be_dvc:
            return False
        pid = process.parent
    return True


@dataclass(frozen=True)
class _Process:
    """What Linux's /proc says of a process."""

    pid: int
    name: str
    state: str
    parent: int
    started: str

    @classmethod
    def read(cls, pid: int) -> "_Process | None":
        """None if there is no such process, or no /proc."""
        try:
            text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            return None
        # the name stands in brackets and may hold any character; see proc_pid_stat(5)
        name, _, rest = text.partition("(")[2].rpartition(")")
        state, parent, *others = rest.split()
        return cls(pid, name, state, int(parent), others[17])

    @property
    def may_be_dvc(self) -> bool:
        try:
            program = Path(f"/proc/{self.pid}/exe").readlink()
        except OSError:
            return self.pid != 1  # another user's; the first process is no DVC of another user
        return program.name.startswith(("dvc", "python", "pypy"))
