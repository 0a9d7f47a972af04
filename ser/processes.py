"""Processes of one thread each, which end when the one that started them ends.

Two processes of one thread use two cores better than one process of two threads on models and
clips this small (a matrix product of one clip took eight times as long when BLAS split it), and
one thread always adds up in the same order, so results are the same to the last bit.
"""

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits
from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")

_LOOK_EVERY_S = 0.2


def use_one_thread() -> None:
    """Limit BLAS and OpenMP to one thread for the life of this process."""
    threadpool_limits(limits=1)


def end_with_parent() -> None:
    """End this process as soon as its parent is gone.

    A killed `dvc repro` leaves its stage running, and a killed stage its workers; they would write
    to the same places as the next run.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_EVERY_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def spread(
    work: Callable[[Item], Result], items: Sequence[Item], processes: int, label: str, unit: str
) -> list[Result]:
    """`work` on every item, spread over processes, with a progress bar; results in order.

    Args:
        work: a function (or `functools.partial` of one) that workers can import.
        processes: how many; 0 works in this process itself.
        label, unit: what the progress bar says.
    """
    if processes == 0:
        return [work(item) for item in tqdm(items, desc=label, unit=unit)]
    with worker_pool(processes) as pool:
        results = pool.map(work, items, chunksize=max(1, min(32, len(items) // (4 * processes))))
        return list(tqdm(results, total=len(items), desc=label, unit=unit))


def worker_pool(processes: int) -> ProcessPoolExecutor:
    """Worker processes, one thread each.

    Where the system can fork safely, workers start at once with everything imported (loky's took
    six seconds to import torch again); elsewhere they start afresh.
    """
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_prepare_worker)


def _prepare_worker() -> None:
    use_one_thread()
    end_with_parent()
