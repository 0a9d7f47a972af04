"""Trying one thing in a process of its own, and what counts as a fault."""

import io
import os
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from ser.core import entry
from ser.core.watch import end_with_parent

Kind = TypeVar("Kind")

# of its own; a process that waits, or has much company, is stopped after the patience
LIMIT_S, _PATIENCE_S = 10, 60
# 1 GB less what importing torch and all else takes: what was there before is not the input's doing
LIMIT_BYTES = 10**9 - 7 * 10**8
# what is refused may have been written by then
REFUSED_BYTES = 10**8
# files of more than this are compared by their size
_LARGE_BYTES = 2**25
# protects the machine from a fault that is looked for
_ADDRESS_SPACE = 16 * 2**30


@dataclass(frozen=True)
class Said:
    """How a process ended.

    Attributes:
        status: as a shell gives it; 128 and more is a signal.
        text: what it wrote to standard error.
        seconds: that it worked.
        memory_bytes: the most it held, beyond what it was born with.
        written_bytes: to files, where the file system counts that.
    """

    status: int
    text: str
    seconds: float
    memory_bytes: int
    written_bytes: int = 0


@dataclass(frozen=True)
class Case:
    """Something to try.

    Attributes:
        name: says how it was made.
        accept: whether it is to be accepted; None where either is right, as after a random change
            of a header: then it is to end in one sentence, or to hold its promises.
        prepare: makes it in an empty folder.
        work: what is tried, with the folder as the working folder.
        check: asked where it was accepted; says what is wrong, or nothing.
        kept: paths below the folder that are not to change where it is refused.
    """

    name: str
    accept: bool | None
    prepare: Callable[[Path], object]
    work: Callable[[], object]
    check: Callable[[Path], str] = lambda folder: ""
    kept: tuple[str, ...] = ()


@dataclass
class Tally:
    """What became of the cases of one kind."""

    kind: str
    tried: int = 0
    sentence: int = 0
    accepted: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, name: str, fault: str, refused: bool) -> None:
        """Count a case."""
        self.tried += 1
        if fault:
            self.faults.append(f"{name}: {fault}")
        elif refused:
            self.sentence += 1
        else:
            self.accepted += 1


def attempt(work: Callable[[], object], folder: Path) -> Said:
    """Do something in a forked process, as a stage would, and see how that ends."""
    with tempfile.TemporaryFile() as heard:
        sys.stdout.flush()
        sys.stderr.flush()
        parent, born_with = os.getpid(), _resident_bytes()
        child = os.fork()
        if child == 0:
            _work(work, folder, heard.fileno(), parent)
        _, how, used = os.wait4(child, 0)
        heard.seek(0)
        text = heard.read().decode(errors="backslashreplace")
    status = os.waitstatus_to_exitcode(how)
    status = status if status >= 0 else 128 - status
    seconds = used.ru_utime + used.ru_stime
    memory = max(0, used.ru_maxrss * 1024 - born_with)
    return Said(status, text, seconds, memory, used.ru_oublock * 512)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _work(work: Callable[[], object], folder: Path, heard: int, parent: int) -> None:
    status = 1
    try:
        os.dup2(heard, 1)
        os.dup2(heard, 2)
        # what stands there, a test's for instance, may write elsewhere
        sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(n, "w")) for n in (1, 2))
        end_with_parent(parent)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_PATIENCE_S)
        resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
        os.chdir(folder)
        sys.argv = ["storm"]
        os.environ["SER_PROCESSES"] = "1"
        entry.run(_silent(work))
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(status)


def _silent(work: Callable[[], object]) -> Callable[[], None]:
    def main() -> None:
        work()

    return main


def fault_of(said: Said, accept: bool | None) -> str:
    """What is wrong about an end; empty if nothing is."""
    if "Traceback" in said.text:
        return f"a traceback: {said.text.strip().splitlines()[-1]}"
    stopped = (128 + signal.SIGALRM, 128 + signal.SIGXCPU)
    if said.status in stopped or said.seconds > LIMIT_S:
        return "a hang"
    if said.status >= 128:
        return f"signal {said.status - 128}"
    if said.memory_bytes > LIMIT_BYTES:
        return f"{said.memory_bytes / 2**20:.0f} MiB of memory for itself"
    if said.status == 0:
        return "accepted" if accept is False else ""
    lines = [line for line in said.text.splitlines() if line.startswith("error:")]
    if len(lines) != 1 or not said.text.endswith(f"{lines[0]}\n") or lines[0][-1] not in ".)":
        return f"no sentence: {said.text[-300:]!r}"
    if said.written_bytes > REFUSED_BYTES:
        return f"{said.written_bytes / 2**20:.0f} MiB were written before it was refused"
    return f"refused: {lines[0]}" if accept else ""


def contents(folder: Path, names: Iterable[str] = ("",)) -> dict[str, bytes | None]:
    """What lies below a folder, by path; None for what is no regular file."""
    found = [path for name in names for path in [folder / name, *(folder / name).rglob("*")]]
    return {
        str(path.relative_to(folder)): _content(path)
        for path in found
        if path.is_symlink() or path.exists()
    }


def _content(path: Path) -> bytes | None:
    if path.is_symlink() or not path.is_file():
        return None
    size = path.stat().st_size
    return path.read_bytes() if size < _LARGE_BYTES else str(size).encode()


def in_turn(rng: np.random.Generator, shares: Mapping[Kind, float], count: int) -> list[Kind]:
    """As many kinds: each once, and then as often as its share says."""
    kinds = list(shares)
    drawn = rng.choice(len(kinds), count, p=list(shares.values()))
    return [*kinds, *(kinds[number] for number in drawn)][:count]


def try_cases(kind: str, cases: Iterable[Case], show: Callable[[str], None]) -> Tally:
    """Try cases one after the other, each in a folder of its own."""
    tally = Tally(kind)
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="storm-") as name:
            folder = Path(name) / "here"
            folder.mkdir()
            case.prepare(folder)
            before = contents(folder, case.kept) if case.kept else contents(folder)
            said = attempt(case.work, folder)
            fault = fault_of(said, case.accept)
            outside = [path.name for path in Path(name).iterdir() if path.name != "here"]
            if not fault and outside:
                fault = f"something lies outside: {outside[0]}"
            if not fault and said.status == 0:
                fault = case.check(folder)
            elif not fault:
                now = contents(folder, case.kept) if case.kept else contents(folder)
                changed = sorted(p for p in before | now if before.get(p, 0) != now.get(p, 0))
                fault = f"{changed[0]} is changed" if changed else ""
        tally.add(case.name, fault, refused=said.status != 0)
        show(tally.faults[-1] if fault else "")
    return tally
