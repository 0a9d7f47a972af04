"""How many processes work, who leads them, and what all of them are told."""

import os
import pickle
import sys
import traceback
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from ser.core.errors import SerError
from ser.core.watch import ONE_THREAD

VARIABLE = "SER_PROCESSES"
EXECUTORS = ("local", "dask")
KILLED = (
    "A worker was killed, probably for want of memory; lower processes in params.yaml, or set "
    f"{VARIABLE}."
)
# items that go to a worker at once, at most
CHUNK = 32
# chunks for each worker, at most, that are worked on or wait for an earlier one
AHEAD = 4

_MOST = 512


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


def pickled(error: Exception) -> bytes:
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
