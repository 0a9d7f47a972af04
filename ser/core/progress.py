"""How much is done of what is spread over processes, and the bar that shows it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a bar is imported where one is drawn
    from tqdm import tqdm

_SHOW_EVERY_S = 0.5


@dataclass(frozen=True)
class Progress:
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
        """Count `n` more."""
        with self.done.get_lock():
            self.done.value += n


# of the `stream` that this process works for
_progress: Progress | None = None


def count_in(progress: Progress) -> None:
    """Have `tick` count in it, and nothing be spread by this process, which is a worker."""
    global _progress
    _progress = progress


def is_worker() -> bool:
    """Whether this process works for others, and spreads nothing itself."""
    return _progress is not None


@contextmanager
def counting(progress: Progress) -> Iterator[None]:
    """Have `tick` count in it for as long as this lasts."""
    global _progress
    _progress = progress
    try:
        yield
    finally:
        _progress = None


def tick(n: int = 1) -> None:
    """Report that `n` parts of an item are done, such as epochs of a training.

    Counts where `stream` was told how many there are in total; elsewhere it does nothing.
    """
    if _progress is not None and _progress.in_ticks:
        _progress.add(n)


@contextmanager
def bar(progress: Progress, total: int, label: str, unit: str) -> "Iterator[tqdm[Any]]":
    """A bar on standard error that is drawn anew twice a second, whatever else is going on."""
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # its own thread would look after bars that nobody draws
    ended = threading.Event()
    drawn = tqdm(total=total, desc=label, unit=unit, smoothing=0, dynamic_ncols=True)

    def draw() -> None:
        drawn.n = progress.so_far
        drawn.refresh()

    def keep_drawing() -> None:
        while not ended.wait(_SHOW_EVERY_S):
            draw()

    drawing = threading.Thread(target=keep_drawing, daemon=True)
    drawing.start()
    try:
        yield drawn
    finally:
        ended.set()
        drawing.join()
        draw()
        drawn.close()
