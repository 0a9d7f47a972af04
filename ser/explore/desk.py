"""A few things at a time: some are worked on, some wait, and whoever comes then is sent away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar

from ser.explore.refusals import BUSY, RefusedError

Result = TypeVar("Result")
Given = ParamSpec("Given")


class Desk:
    """Work in threads of its own, so that the page goes on answering meanwhile.

    Args:
        at_once: how many are worked on at the same time.
        waiting: how many may wait beside them.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="desk")
        self._seats, self._taken = at_once + waiting, 0

    @asynccontextmanager
    async def seat(self) -> AsyncIterator[None]:
        """A place for all that belongs to a request.

        Raises:
            RefusedError: if there is none left.
        """
        if self._taken >= self._seats:
            raise RefusedError(BUSY)
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def work(
        self, do: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
    ) -> Result:
        """Do something in a thread, when it is its turn."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: do(*given, **named))

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
