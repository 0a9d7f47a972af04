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
import sys
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any
from uuid import uuid4

from ser.core.errors import SerError
from ser.core.progress import Progress
from ser.core.watch import ONE_THREAD
from ser.core.workers import (
    AHEAD,
    CHUNK,
    KILLED,
    find_scheduler,
    n_workers,
    pickled,
)

try:
    import cloudpickle
    from distributed import Client, Future, LocalCluster, get_worker
    from distributed.scheduler import KilledWorker

    from ser.core.serving import Spread, serve, version
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
# how often a chunk is tried whose process is killed
_TRIES = 3
# What processes start with, for it takes seconds to import: all of it where a scheduler leads,
# whose workers stay for the next stage, or else what the process that spreads has imported.
_LARGE = ("librosa", "numpy", "pandas", "scipy.signal", "sklearn.svm", "torch", "torchaudio")


# --- what the process that spreads does ---


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
    address = find_scheduler()
    client = _connect(address)
    spread = Spread(
        uuid4().hex,
        str(Path.cwd()),
        version(),
        [name for name in _LARGE if address is not None or name in sys.modules],
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
    spread: Spread,
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
def _connect(address: str | None) -> Client:
    """A client for the life of this process, and a cluster if there is none to connect to."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
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


def _work_on(spread: Spread, begin: int, items: bytes) -> tuple[bytes, int, float]:
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


def _process_for(spread: Spread) -> _Process:
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
        target=serve, args=(theirs, spread), daemon=True
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


def _of_error(error: Exception) -> bytes:
    try:
        raise error
    except Exception as raised:
        return pickled(raised)
