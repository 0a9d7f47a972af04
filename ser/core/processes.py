"""Work spread over processes of one thread each, which end when the one that started them ends.

Two processes of one thread use two cores better than one process of two threads on models and
clips this small (a matrix product of one clip took eight times as long when BLAS split it), and
one thread always adds up in the same order, so results are the same to the last bit.
"""

import gc
import multiprocessing
import os
import pickle
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from ser.core.errors import SerError
from ser.core.progress import Progress, bar, count_in, counting, is_worker
from ser.core.watch import end_with_parent
from ser.core.workers import AHEAD, CHUNK, KILLED, find_executor, n_workers, pickled, use_one_thread

Item = TypeVar("Item")
Result = TypeVar("Result")
Answers = Iterator[tuple[int, Result]]

# how long a worker whose work is done may take to end
_LAST_WORDS_S = 2.0


def spread(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    label: str,
    unit: str,
    *,
    total: int | None = None,
    note: Callable[[Result], str] | None = None,
) -> list[Result]:
    """All that `stream` yields; nothing waits for an item that is late.

    Args:
        total: how often `tick` will be called; without it the bar counts items.
        note: what the bar adds about the item that was finished last.

    Raises:
        SerError: if a worker was killed.
    """
    most = max(len(items), 1)
    return list(_Spread(work, items, label, unit, total=total, note=note, ahead=most).results())


def stream(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    label: str,
    unit: str,
    *,
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
        in_process: work in this process itself, as where it holds an accelerator.
        ahead: items, at most, that are worked on or wait for an earlier one; some for each worker
            by default.

    Raises:
        SerError: if a worker was killed.
    """
    return _Spread(work, items, label, unit, in_process=in_process, ahead=ahead).results()


@dataclass(frozen=True)
class _Spread(Generic[Item, Result]):
    """What `spread` and `stream` are given."""

    work: Callable[[Item], Result]
    items: Sequence[Item]
    label: str
    unit: str
    total: int | None = None
    note: Callable[[Result], str] | None = None
    in_process: bool = False
    ahead: int | None = None

    def results(self) -> Generator[Result, None, None]:
        if is_worker() or not self.items:
            yield from map(self.work, self.items)
            return
        # where the system can fork safely, workers start at once with everything loaded
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        progress = Progress(context.Value("q", 0), self.total is not None)
        shown = bar(progress, self.total or len(self.items), self.label, self.unit)
        early: dict[int, Result] = {}
        due = 0
        with self._answering(context, progress) as answers, shown as drawn:
            for number, result in answers:
                if self.note is not None:
                    drawn.set_postfix_str(self.note(result), refresh=False)
                early[number] = result
                while due in early:
                    yield early.pop(due)
                    due += 1

    def _answering(
        self, context: BaseContext, progress: Progress
    ) -> AbstractContextManager[Answers[Result]]:
        workers = 1 if self.in_process else min(n_workers(), len(self.items))
        if not self.in_process and len(self.items) > 1 and find_executor() == "dask":
            from ser.core.cluster import answers_of_cluster

            return answers_of_cluster(self.work, self.items, progress, self.ahead)
        if workers == 1:
            return _answers_here(self.work, self.items, progress)
        return _answers_of_workers(context, workers, self.work, self.items, progress, self.ahead)


@contextmanager
def _answers_here(
    work: Callable[[Item], Result], items: Sequence[Item], progress: Progress
) -> Iterator[Answers[Result]]:
    def one(item: Item) -> Result:
        with counting(progress):  # and not what is done with the result
            return _work_on(work, item, progress)

    yield enumerate(map(one, items))


def _work_on(work: Callable[[Item], Result], item: Item, progress: Progress) -> Result:
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
    progress: Progress,
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
        largest = 1 if progress.in_ticks else CHUNK
        yield _collect(list(started), len(items), largest, ahead or AHEAD * workers * largest)
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
    progress: Progress,
) -> None:
    """What a worker does: it answers chunks of items until it gets an empty one.

    Ctrl-C reaches every process of a terminal; only the parent answers it, and kills its workers.
    """
    # what the parent had stays shared with it: the collector would write to every object
    gc.freeze()
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
            answer = pickled(error)
        connection.send_bytes(answer)
