"""What the process does that works for a worker of Dask; Dask itself takes long to import."""

import multiprocessing
import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import metadata
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

import cloudpickle

from ser.core.errors import SerError
from ser.core.progress import Progress, count_in
from ser.core.workers import pickled, use_one_thread

# a process without work ends then
_IDLE_S = 60.0
# what results depend on besides our own code
_LIBRARIES = ("librosa", "numpy", "pandas", "scikit-learn", "scipy", "soxr", "torch")


@dataclass(frozen=True)
class Spread:
    """What a worker must know of a spread.

    Attributes:
        name: of this one only.
        folder: the project's.
        version: of code and libraries.
        libraries: what its processes will import in any case.
        work: the pickled function.
        in_ticks: whether `tick` counts.
    """

    name: str
    folder: str
    version: str
    libraries: list[str]
    work: bytes
    in_ticks: bool


@cache
def version() -> str:
    """One text for each state of our code and each set of libraries."""
    code = sha256()
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        code.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    versions = [f"{name} {metadata.version(name)}" for name in _LIBRARIES]
    return f"code {code.hexdigest()[:12]}, Python {sys.version.split()[0]}, {', '.join(versions)}"


class _Counted(Progress):
    """Ticks go to the worker at once; `done` is the connection to it."""

    def add(self, n: int) -> None:
        if self.in_ticks:
            self.done.send(n)


def serve(connection: Connection, spread: Spread) -> None:
    """Answer chunks of items until there are none for a while."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_worker()
    use_one_thread()
    count_in(_Counted(connection, spread.in_ticks))
    work: Callable[[Any], Any] | None = None
    while connection.poll(_IDLE_S):
        items = connection.recv_bytes()
        try:
            work = work or _load_work(spread)
            answer = cloudpickle.dumps([work(item) for item in pickle.loads(items)])
        except Exception as error:
            answer = pickled(error)
        connection.send(answer)


def _end_with_worker() -> None:
    """End as soon as the worker does; the parent that the system knows is but a server of forks."""
    worker = multiprocessing.parent_process()

    def watch() -> None:
        if worker is not None:
            worker.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _load_work(spread: Spread) -> Callable[[Any], Any]:
    host = socket.gethostname()
    try:
        os.chdir(spread.folder)
    except OSError:
        raise SerError(
            f"The worker on {host} has no folder {spread.folder}; share the project's folder under "
            "the same path."
        ) from None
    if version() != spread.version:
        raise SerError(
            f"The worker on {host} has {version()}, but here are {spread.version}; give it this "
            "commit and environment."
        )
    sys.path.insert(0, spread.folder)
    work: Callable[[Any], Any] = pickle.loads(spread.work)
    return work
