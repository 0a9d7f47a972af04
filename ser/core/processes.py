"""Work spread over processes of one thread each, which end when the one that started them ends.

Two processes of one thread use two cores better than one process of two threads on models and
clips this small (a matrix product of one clip took eight times as long when BLAS split it), and
one thread always adds up in the same order, so results are the same to the last bit.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ser.core.errors import SerError
from ser.core.watch import ONE_THREAD, end_with_parent

if TYPE_CHECKING:  # a bar is imported where one is drawn
    from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")
Answers = Iterator[tuple[int, Result]]

VARIABLE = "SER_PROCESSES"
EXECUTORS = ("local", "dask")
KILLED = (
    "A worker was killed, probably for want of memory; lower processes in params.yaml, or set "
    f"{VARIABLE}."
)

_MOST = 512
_SHOW_EVERY_S = 0.5
# how long a worker whose work is done may take to end
_LAST_WORDS_S = 2.0
# items that go to a worker at once, at most
_CHUNK = 32
# chunks for each worker, at most, that are worked on or wait for an earlier one
_AHEAD = 4


def use_one_thread() -> None:
    """Limit BLAS and OpenMP to one thread for the life of this process, loaded or not."""
    from threadpoolctl import threadpool_limits

    os.environ.update(ONE_THREAD)
    threadpool_limits(limits=1)


def n_workers() -> int:
    """How many processes work at the same time; results do not depend on it.

    The environment variable SER_PROCESSES says it, or else `processes` of params.yaml in this
    folder: a count, or `auto` for every core that this process may use.

    Raises:
        SerError: if it is neither.
    """
    value, source = given(VARIABLE, "processes", "auto")
    if value == "auto":
        return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    text = str(value).strip()
    if text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= _MOST:
        return int(text)
    raise SerError(f"{source} is {value!r}, but must be auto or a count from 1 to {_MOST}.")


def find_executor() -> str:
    """Who works: `local`, processes of this machine, or `dask`, a cluster; results are the same.

    The environment variable SER_EXECUTOR says it, or else `executor` of params.yaml.

    Raises:
        SerError: if it is neither.
    """
    value, source = given("SER_EXECUTOR", "executor", EXECUTORS[0])
    if value not in EXECUTORS:
        raise SerError(f"{source} is {value!r}, but must be {' or '.join(EXECUTORS)}.")
    return str(value)


def find_scheduler() -> str | None:
    """The address of the scheduler, or None for a cluster on this machine.

    The environment variable SER_SCHEDULER says it, or else `scheduler` of params.yaml.

    Raises:
        SerError: if it is no address.
    """
    value, source = given("SER_SCHEDULER", "scheduler", None)
    if value is None:
        return None
    from urllib.parse import urlsplit

    with suppress(ValueError):
        address = urlsplit(value if isinstance(value, str) else "")
        if address.scheme in ("tcp", "tls") and address.hostname and address.port:
            return str(value)
    raise SerError(f"{source} is {value!r}, but must be like tcp://host:8786, or null.")


def given(variable: str, key: str, default: object) -> tuple[Any, str]:
    """What a variable of the environment says, or else a key of params.yaml; and which of them."""
    value = os.environ.get(variable)
    if value:
        return value, f"The environment variable {variable}"
    from ser.core.settings import PARAMS_FILE

    table = {}
    if PARAMS_FILE.is_file():
        stat = PARAMS_FILE.stat()
        table = _read_table(PARAMS_FILE.absolute(), stat.st_mtime_ns, stat.st_size)
    return table.get(key, default), f"{PARAMS_FILE}: {key}"


@lru_cache(maxsize=1)
def _read_table(*_: Path | int) -> dict[str, Any]:
    from ser.core.settings import load_values

    return load_values().table


@dataclass(frozen=True)
class _Progress:
    """How much is done, in a number that all processes share.

    Attributes:
        done: a C integer in shared memory, with its lock.
        in_ticks: whether `tick` counts, or finished items do.
    """

    done: Any
    in_ticks: bool

    @property
    def so_far(self) -> int:
        """Read without the lock, which a killed worker may still hold."""
        return int(self.done.get_obj().value)

    def add(self, n: int) -> None:
        with self.done.get_lock():
            self.done.value += n


# of the `stream` that this process works for
_progress: _Progress | None = None


def count_in(progress: _Progress) -> None:
    """Have `tick` count in it, and nothing be spread by this process, which is a worker."""
    global _progress
    _progress = progress


def tick(n: int = 1) -> None:
    """Report that `n` parts of an item are done, such as epochs of a training.

    Counts where `stream` was told how many there are in total; elsewhere it does nothing.
    """
    if _progress is not None and _progress.in_ticks:
        _progress.add(n)


def spread(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    label: str,
    unit: str,
    *,
    total: int | None = None,
    note: Callable[[Result], str] | None = None,
    in_process: bool = False,
) -> list[Result]:
    """All that `stream` yields, with the same arguments; nothing waits for an item that is late."""
    most = max(len(items), 1)
    return list(
        stream(work, items, label, unit, total=total, note=note, in_process=in_process, ahead=most)
    )


def stream(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    label: str,
    unit: str,
    *,
    total: int | None = None,
    note: Callable[[Result], str] | None = None,
    in_process: bool = False,
    ahead: int | None = None,
) -> Generator[Result, None, None]:
    """`work` on every item, spread over processes, with a progress bar; yields results in order.

    The first error ends all processes at once, and is raised. Within `work`, nothing is spread:
    it is done in the same process, and nothing is shown. Who may leave before the end closes the
    generator (`contextlib.closing`), which ends all processes, too.

    Args:
        work: a function (or `functools.partial` of one) that workers can import.
        label, unit: what the progress bar says.
        total: how often `tick` will be called; without it the bar counts items.
        note: what the bar adds about the item that was finished last.
        in_process: work in this process itself, as where it holds an accelerator.
        ahead: items, at most, that are worked on or wait for an earlier one; some for each worker
            by default.

    Raises:
        SerError: if a worker was killed.
    """
    if _progress is not None or not items:
        yield from map(work, items)
        return
    workers = 1 if in_process else min(n_workers(), len(items))
    # where the system can fork safely, workers start at once with everything imported and loaded
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    progress = _Progress(context.Value("q", 0), total is not None)
    if not in_process and len(items) > 1 and find_executor() == "dask":
        from ser.core.cluster import answers_of_cluster

        answering = answers_of_cluster(work, items, progress, ahead)
    elif workers == 1:
        answering = _answers_here(work, items, progress)
    else:
        answering = _answers_of_workers(context, workers, work, items, progress, ahead)
    early: dict[int, Result] = {}
    due = 0
    with answering as answers, _bar(progress, total or len(items), label, unit) as bar:
        for number, result in answers:
            if note is not None:
                bar.set_postfix_str(note(result), refresh=False)
            early[number] = result
            while due in early:
                yield early.pop(due)
                due += 1


@contextmanager
def _answers_here(
    work: Callable[[Item], Result], items: Sequence[Item], progress: _Progress
) -> Iterator[Answers[Result]]:
    def one(item: Item) -> Result:
        global _progress
        _progress = progress  # for the time of the work, and not of what is done with its results
        try:
            return _work_on(work, item, progress)
        finally:
            _progress = None

    yield enumerate(map(one, items))


def _work_on(work: Callable[[Item], Result], item: Item, progress: _Progress) -> Result:
    result = work(item)
    if not progress.in_ticks:
        progress.add(1)
    return result


@contextmanager
def _answers_of_workers(
    context: BaseContext,
    workers: int,
    work: Callable[[Item], Result],
    items: Sequence[Item],
    progress: _Progress,
    ahead: int | None,
) -> Iterator[Answers[Result]]:
    """Start workers; whatever happens, none is left."""
    started: dict[Connection, BaseProcess] = {}
    try:
        for _ in range(workers):
            ours, theirs = context.Pipe()
            worker = context.Process(  # type: ignore[attr-defined]
                target=_serve, args=(theirs, os.getpid(), work, items, progress), daemon=True
            )
            with _signals_held():
                worker.start()
                started[ours] = worker
            theirs.close()
        largest = 1 if progress.in_ticks else _CHUNK
        yield _collect(list(started), len(items), largest, ahead or _AHEAD * workers * largest)
        for worker in started.values():
            worker.join(_LAST_WORDS_S)
    finally:
        for connection, worker in started.items():
            worker.kill()
            worker.join()
            worker.close()
            connection.close()


@contextmanager
def _signals_held() -> Iterator[None]:
    """No signal reaches a worker before it knows what to do about it, nor splits its start."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _collect(
    idle: list[Connection], items: int, largest: int, ahead: int
) -> Generator[tuple[int, Any], None, None]:
    """Hand out items, fewer at a time towards the end, and yield results as they come.

    Raises:
        SerError: if a worker was killed.
    """
    workers, begin = len(idle), 0
    chunks: dict[Connection, range] = {}
    while idle or chunks:
        waiting = []
        for connection in idle:
            oldest = min((chunk.start for chunk in chunks.values()), default=begin)
            room = ahead - (begin - oldest)
            if room <= 0 and begin < items:  # results enough wait for the oldest item
                waiting.append(connection)
                continue
            size = max(1, min(largest, room, (items - begin) // (4 * workers)))
            chunk = range(begin, min(begin + size, items))
            begin = chunk.stop
            with _told_if_killed():
                connection.send(chunk)  # an empty one lets the worker go
            if chunk:
                chunks[connection] = chunk
        ready = wait(list(chunks)) if chunks else []
        idle = [one for one in ready if isinstance(one, Connection)]
        for connection in idle:
            yield from zip(chunks.pop(connection), _receive(connection), strict=True)
        idle += waiting


def _receive(connection: Connection) -> list[Any]:
    with _told_if_killed():
        answer: list[Any] | Exception = connection.recv()
    if isinstance(answer, Exception):
        raise answer
    return answer


@contextmanager
def _told_if_killed() -> Iterator[None]:
    """A worker whose end of the line is gone was killed: it answers its own errors."""
    try:
        yield
    except (EOFError, OSError):
        raise SerError(KILLED) from None


def _serve(
    connection: Connection,
    parent: int,
    work: Callable[[Item], Result],
    items: Sequence[Item],
    progress: _Progress,
) -> None:
    """What a worker does: it answers chunks of items until it gets an empty one.

    Ctrl-C reaches every process of a terminal; only the parent answers it, and kills its workers.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    end_with_parent(parent)
    use_one_thread()
    count_in(progress)
    while chunk := connection.recv():
        try:
            answer = pickle.dumps([_work_on(work, items[i], progress) for i in chunk])
        except Exception as error:
            answer = _pickled(error)
        connection.send_bytes(answer)


def _pickled(error: Exception) -> bytes:
    """An error with its traceback, in a form that the parent can read."""
    error.add_note(f"In a worker:\n{traceback.format_exc()}")
    try:
        answer = pickle.dumps(error)
        pickle.loads(answer)
    except Exception:
        told = RuntimeError(f"{type(error).__name__}: {error}")
        told.__notes__ = error.__notes__
        return pickle.dumps(told)
    return answer


@contextmanager
def _bar(progress: _Progress, total: int, label: str, unit: str) -> "Iterator[tqdm[Any]]":
    """A bar on standard error that is drawn anew twice a second, whatever else is going on."""
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # its own thread would look after bars that nobody draws
    ended = threading.Event()
    bar = tqdm(total=total, desc=label, unit=unit, smoothing=0, dynamic_ncols=True)

    def draw() -> None:
        bar.n = progress.so_far
        bar.refresh()

    def keep_drawing() -> None:
        while not ended.wait(_SHOW_EVERY_S):
            draw()

    drawing = threading.Thread(target=keep_drawing, daemon=True)
    drawing.start()
    try:
        yield bar
    finally:
        ended.set()
        drawing.join()
        draw()
        bar.close()
