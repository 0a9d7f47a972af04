"""Work spread over a cluster of Dask: one of this machine, or any that a scheduler leads.

A worker of Dask carries chunks of items, and keeps a process that does the work, as local workers
do: one thread, begun for each spread, with the code that is there. A worker lives for days;
what code, caches and settings of libraries it had from earlier work would be in the results.
"""

import atexit
import logging
import multiprocessing
import os
import pickle
import signal
import socket
import sys
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib import metadata
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any
from uuid import uuid4

from ser.core.errors import SerError
from ser.core.progress import Progress, count_in
from ser.core.watch import ONE_THREAD
from ser.core.workers import (
    AHEAD,
    CHUNK,
    KILLED,
    find_scheduler,
    n_workers,
    pickled,
    use_one_thread,
)

try:
    import cloudpickle
    from distributed import Client, Future, LocalCluster, get_worker
    from distributed.scheduler import KilledWorker
except ImportError:
    raise SerError(
        "executor is dask, which is not installed; run `pip install 'honest-ser[cluster]'`, or "
        "choose local in params.yaml."
    ) from None

_CONNECT_S = 10
# how often workers that came or went are counted
_COUNT_EVERY_S = 1.0
# a chunk that is done sooner does not have its worker wait for the next
_QUICK_S = 0.5
# how often a worker asks whether its work is still wanted
_ASK_EVERY_S = 0.2
# a process without work ends then
_IDLE_S = 60.0
# how often a chunk is tried whose process is killed
_TRIES = 3
# what processes start with, if the one that spreads has it; it takes seconds to import
_LARGE = ("librosa", "numpy", "pandas", "scipy.signal", "sklearn.svm", "torch", "torchaudio")
# what results depend on besides our own code
_LIBRARIES = ("librosa", "numpy", "pandas", "scikit-learn", "scipy", "soxr", "torch")


# --- what the process that spreads does ---


@dataclass(frozen=True)
class _Spread:
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


@contextmanager
def answers_of_cluster(
    work: Callable[[Any], Any],
    items: Sequence[Any],
    progress: Progress,
    ahead: int | None = None,
) -> Iterator[Iterator[tuple[int, Any]]]:
    """Numbers of items and their results, as they come; what is left undone is cancelled.

    Args:
        ahead: items, at most, that are worked on or wait for an earlier one; some for each worker
            by default.

    Raises:
        SerError: if there is no scheduler, or it went away, or workers are killed again and again.
    """
    client = _connect()
    spread = _Spread(
        uuid4().hex,
        str(Path.cwd()),
        _version(),
        [name for name in _LARGE if name in sys.modules],
        cloudpickle.dumps(work),
        progress.in_ticks,
    )
    ticks = _Ticks(progress)
    running: dict[Future, range] = {}
    try:
        client.subscribe_topic(spread.name, ticks.on_event)
        yield _collect(client, spread, items, ticks, running, ahead)
    finally:
        with suppress(Exception):  # what ended this may have ended the cluster, too
            client.unsubscribe_topic(spread.name)
            client.cancel(list(running))
            client.run(_end_process, spread.name, on_error="ignore")


@dataclass
class _Ticks:
    """Parts of items that are done, by chunk: those of a chunk that is done again count once."""

    progress: Progress
    done: dict[int, int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def on_event(self, event: tuple[float, Any]) -> None:
        begin, n = event[1]
        self.set(begin, n)

    def set(self, begin: int, n: int) -> None:
        with self.lock:
            self.progress.add(n - self.done.get(begin, 0))
            self.done[begin] = n


def _collect(
    client: Client,
    spread: _Spread,
    items: Sequence[Any],
    ticks: _Ticks,
    running: dict[Future, range],
    ahead: int | None,
) -> Generator[tuple[int, Any], None, None]:
    largest = 1 if spread.in_ticks else CHUNK
    begin, threads, each, counted = 0, 0, 1, 0.0
    done: SimpleQueue[Future] = SimpleQueue()
    while begin < len(items) or running:
        if time.monotonic() - counted > _COUNT_EVERY_S:
            with _told(client):
                threads = sum(client.nthreads().values())
            counted = time.monotonic()
        while begin < len(items) and len(running) < each * threads:
            most = ahead or AHEAD * threads * largest
            room = most - (begin - min((chunk.start for chunk in running.values()), default=begin))
            if room <= 0:
                break
            size = max(1, min(largest, room, (len(items) - begin) // (4 * threads)))
            chunk = range(begin, min(begin + size, len(items)))
            sent = cloudpickle.dumps([items[i] for i in chunk])
            with _told(client), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of Dask, about work that is large
                future = client.submit(_work_on, spread, begin, sent, key=f"{spread.name}-{begin}")
            running[future] = chunk
            future.add_done_callback(done.put)
            begin = chunk.stop
        try:
            future = done.get(timeout=_COUNT_EVERY_S)
        except Empty:
            continue
        with _told(client):
            answer, n, seconds = future.result()
        results = pickle.loads(answer)
        if isinstance(results, Exception):
            raise results
        chunk = running.pop(future)
        each = 2 if seconds < _QUICK_S else 1
        ticks.set(chunk.start, n if spread.in_ticks else len(chunk))
        yield from zip(chunk, results, strict=True)


@contextmanager
def _told(client: Client) -> Iterator[None]:
    """What Dask says about the cluster, in a sentence."""
    try:
        yield
    except KilledWorker:
        raise SerError(KILLED) from None
    except ImportError as error:
        raise SerError(
            f"A worker of the scheduler {client.scheduler.address} cannot work ({error}); start it "
            "in this project's environment."
        ) from None
    except Exception as error:
        if client.status == "running" and not isinstance(error, OSError) and not _is_lost(error):
            raise
        raise SerError(
            f"The scheduler {find_scheduler() or 'of this machine'} went away; start it again, and "
            "run again."
        ) from None


def _is_lost(error: Exception) -> bool:
    from distributed.client import FutureCancelledError

    return isinstance(error, FutureCancelledError)


@cache
def _connect() -> Client:
    """A client for the life of this process, and a cluster if there is none to connect to."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    address = find_scheduler()
    if address is None:
        return _start_here()
    try:
        return Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SerError(
            f"The scheduler {address} cannot be reached ({reason}); start it by `dask scheduler`, "
            "or set scheduler to null in params.yaml."
        ) from None


def _start_here() -> Client:
    cluster = LocalCluster(
        n_workers=n_workers(),
        threads_per_worker=1,
        memory_limit=0,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    )
    client = Client(cluster, set_as_default=False, direct_to_workers=True)

    def close() -> None:
        with suppress(Exception):
            client.close()
            cluster.close()

    atexit.register(close)
    return client


@cache
def _version() -> str:
    """One text for each state of our code and each set of libraries."""
    code = sha256()
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        code.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    versions = [f"{name} {metadata.version(name)}" for name in _LIBRARIES]
    return f"code {code.hexdigest()[:12]}, Python {sys.version.split()[0]}, {', '.join(versions)}"


# --- what a worker of Dask does ---


@dataclass
class _Process:
    """The process that does a worker's share of a spread."""

    spread: str
    process: BaseProcess
    connection: Connection

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


_process: _Process | None = None


def _work_on(spread: _Spread, begin: int, items: bytes) -> tuple[bytes, int, float]:
    """The pickled results of items, or an error; how many ticks there were; and seconds."""
    began = time.monotonic()
    for _ in range(_TRIES):
        try:
            answer, ticks = _ask(_process_for(spread), spread.name, begin, items)
            return answer, ticks, time.monotonic() - began
        except (EOFError, OSError):  # it was killed, or has had nothing to do for too long
            _end_process(spread.name)
    return _of_error(SerError(KILLED)), 0, 0.0


def _ask(process: _Process, spread: str, begin: int, items: bytes) -> tuple[bytes, int]:
    worker = get_worker()
    key = worker.get_current_task()
    process.connection.send_bytes(items)
    ticks = 0
    while True:
        while not process.connection.poll(_ASK_EVERY_S):
            task = worker.state.tasks.get(key)
            if task is None or task.state != "executing":  # it is cancelled, or its client is gone
                _end_process(spread)
                return b"", 0
        answer = process.connection.recv()
        if isinstance(answer, bytes):
            return answer, ticks
        ticks += answer
        worker.log_event(spread, (begin, ticks))


def _process_for(spread: _Spread) -> _Process:
    global _process
    if _process is not None and _process.spread == spread.name:
        return _process
    if _process is not None:
        _process.end()
    os.environ.update(ONE_THREAD)
    # a worker is a daemon of its nanny, and Python would not let it have a process of its own
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    # from a process that has libraries imported and nothing else: no code of ours, no threads
    context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    context.set_forkserver_preload(spread.libraries)
    ours, theirs = context.Pipe()
    process = context.Process(  # type: ignore[attr-defined]
        target=_serve, args=(theirs, spread), daemon=True
    )
    process.start()
    theirs.close()
    _process = _Process(spread.name, process, ours)
    return _process


def _end_process(spread: str) -> None:
    global _process
    if _process is not None and _process.spread == spread:
        ending, _process = _process, None
        ending.end()


# --- what its process does ---


class _Counted(Progress):
    """Ticks go to the worker at once; `done` is the connection to it."""

    def add(self, n: int) -> None:
        if self.in_ticks:
            self.done.send(n)


def _serve(connection: Connection, spread: _Spread) -> None:
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


def _load_work(spread: _Spread) -> Callable[[Any], Any]:
    host = socket.gethostname()
    try:
        os.chdir(spread.folder)
    except OSError:
        raise SerError(
            f"The worker on {host} has no folder {spread.folder}; share the project's folder under "
            "the same path."
        ) from None
    if _version() != spread.version:
        raise SerError(
            f"The worker on {host} has {_version()}, but here are {spread.version}; give it this "
            "commit and environment."
        )
    sys.path.insert(0, spread.folder)
    work: Callable[[Any], Any] = pickle.loads(spread.work)
    return work


def _of_error(error: Exception) -> bytes:
    try:
        raise error
    except Exception as raised:
        return pickled(raised)
