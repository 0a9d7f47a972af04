"""Processes of one thread, which never outlive the one that started them."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from ser.processes import spread, worker_pool
from tests.builders import REPOSITORY

# a parent, killed by the test, whose child says its number and then waits
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]])
time.sleep(60)
"""
CHILD = """
import os, sys, time
from pathlib import Path
{watch}
Path(sys.argv[1] + ".new").write_text(str(os.getpid()))
os.replace(sys.argv[1] + ".new", sys.argv[1])
time.sleep(60)
"""
WATCH = "from ser.processes import end_with_parent; end_with_parent()"
POOL = """
import os, sys, time
from pathlib import Path
from ser.processes import worker_pool

def work(path):
    Path(path + ".new").write_text(str(os.getpid()))
    os.replace(path + ".new", path)
    time.sleep(60)

with worker_pool(1) as pool:
    pool.submit(work, sys.argv[1]).result()
"""


def is_running(process: int) -> bool:
    """Whether a process runs; one that ended and was not waited for yet does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def number_in(path: Path, wait_s: float = 60.0) -> int:
    end = time.monotonic() + wait_s
    while not path.exists():
        assert time.monotonic() < end, "the process did not start"
        time.sleep(0.02)
    return int(path.read_text())


def seconds_to_end(process: int, limit_s: float) -> float:
    begun = time.monotonic()
    while is_running(process) and time.monotonic() - begun < limit_s:
        time.sleep(0.02)
    return time.monotonic() - begun


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def kill_parent_of(arguments: list[str], started: Path) -> int:
    """Start a parent, wait for its child's number, kill the parent; return the number."""
    parent = subprocess.Popen([sys.executable, "-c", *arguments], cwd=REPOSITORY)
    try:
        child = number_in(started)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    return child


def test_a_child_ends_within_a_second_of_its_parents_death(tmp_path: Path) -> None:
    started = tmp_path / "child"
    child = kill_parent_of([PARENT, CHILD.format(watch=WATCH), str(started)], started)
    took_s = seconds_to_end(child, 5.0)
    if is_running(child):
        os.kill(child, signal.SIGKILL)
    assert took_s < 1.0, "the child outlived its parent"


def test_without_the_watch_a_child_outlives_its_parent(tmp_path: Path) -> None:
    started = tmp_path / "child"
    child = kill_parent_of([PARENT, CHILD.format(watch=""), str(started)], started)
    took_s = seconds_to_end(child, 0.7)
    os.kill(child, signal.SIGKILL)
    assert took_s >= 0.7, "the other test would pass without the watch"


def test_workers_end_within_a_second_of_their_parents_death(tmp_path: Path) -> None:
    started = tmp_path / "worker"
    worker = kill_parent_of([POOL, str(started)], started)
    took_s = seconds_to_end(worker, 5.0)
    if is_running(worker):
        os.kill(worker, signal.SIGKILL)
    assert took_s < 1.0, "the worker outlived its parent"


def end_by_kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_breaks_the_pool_instead_of_hanging_it() -> None:
    begun = time.monotonic()
    with worker_pool(1) as pool:
        waiting = [pool.submit(end_by_kill), pool.submit(os.getpid)]
        for job in waiting:
            with pytest.raises(BrokenProcessPool):
                job.result(timeout=20)
    assert time.monotonic() - begun < 20


def threads_of_blas() -> int:
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((4, 4)) @ np.ones((4, 4))
    return max(library["num_threads"] for library in threadpool_info())


def test_workers_have_one_thread_each() -> None:
    with worker_pool(1) as pool:
        assert pool.submit(threads_of_blas).result(timeout=60) == 1


def fail() -> None:
    raise ValueError("what went wrong")


def test_a_failing_job_does_not_harm_the_next() -> None:
    with worker_pool(2) as pool:
        bad, good = pool.submit(fail), pool.submit(os.getpid)
        with pytest.raises(ValueError, match="what went wrong"):
            bad.result(timeout=60)
        assert good.result(timeout=60) != os.getpid(), "the job ran in the parent"


def number_of_process(_: int) -> int:
    return os.getpid()


def test_no_processes_mean_this_one() -> None:
    assert spread(number_of_process, [1, 2], 0, "test", "item") == [os.getpid()] * 2
    assert os.getpid() not in spread(number_of_process, [1, 2], 1, "test", "item")
