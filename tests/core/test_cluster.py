"""Work spread over a cluster of Dask: the results, errors and ends of local processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from ser.core.errors import SerError
from ser.core.processes import spread
from ser.core.progress import tick
from ser.core.workers import EXECUTORS
from tests.core.programs import (
    REPOSITORY,
    seconds_to_end,
    started,
    wait_for,
    write,
)

pytest.importorskip("distributed", reason="needs Dask: pip install 'honest-ser[cluster]'")


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """A scheduler and two workers, each a program, as the recipe starts them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    port = address.rpartition(":")[2]
    dask = [sys.executable, "-m", "dask"]
    led = [*dask, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]
    working = [*dask, "worker", address, "--nthreads", "1", "--nworkers", "2", "--no-dashboard"]
    with ExitStack() as stack:
        for command in (led, working):
            program = subprocess.Popen(
                command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(program.wait)
            stack.callback(program.kill)
        yield address


@pytest.fixture(autouse=True)
def folder(scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # what takes long to import is imported where it is needed: one test
    monkeypatch.setattr("ser.core.cluster._LARGE", ())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SER_EXECUTOR", "dask")
    monkeypatch.setenv("SER_SCHEDULER", scheduler)
    return tmp_path


# --- results ---


def square(item: int) -> int:
    return item**2


@pytest.mark.parametrize("count", [2, 3, 333])
def test_results_are_those_of_local_processes_in_order(count: int) -> None:
    assert spread(square, range(count), "test", "item") == [item**2 for item in range(count)]


def circumstances(item: int) -> tuple[int, str, int, list[int]]:
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((4, 4)) @ np.ones((4, 4))
    time.sleep(0.1)
    threads = max(library["num_threads"] for library in threadpool_info())
    inner = spread(own_pid, [1, 2], "inner", "item")
    assert set(inner) == {os.getpid()}
    return os.getpid(), str(Path.cwd()), threads, inner


def own_pid(_: int) -> int:
    return os.getpid()


def test_workers_are_two_fresh_processes_of_one_thread_in_this_folder(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first = spread(circumstances, range(20), "test", "item")
    second = spread(circumstances, range(20), "test", "item")
    pids = [{pid for pid, *_ in found} for found in (first, second)]
    assert [len(each) for each in pids] == [2, 2]
    assert not pids[0] & pids[1], "what earlier work left in a process would be in the results"
    assert {(where, threads) for _, where, threads, _ in first} == {(str(folder), 1)}
    assert "inner" not in capfd.readouterr().err


def train(fold: int) -> int:
    for _ in range(5):
        time.sleep(0.05)
        tick()
    return fold


def test_a_bar_counts_parts_of_items(capfd: pytest.CaptureFixture[str]) -> None:
    from tests.core.test_processes import shown

    spread(train, [0, 1, 2], "a: training", "epoch", total=15, note=lambda fold: f"fold {fold}")
    drawn = shown(capfd.readouterr().err)
    done = [int(line["done"]) for line in drawn]
    assert (done[0], done[-1]) == (0, 15)
    assert done == sorted(done)


def test_features_are_the_same_bytes(
    voices: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # workers import this file, too, and shall not import all of that each time
    from ser.features.augmentation import augment_corpus
    from ser.features.front_ends import featurize_corpus
    from ser.features.settings import Augmentation, load_features
    from ser.store.features import INDEX, LAYOUT, PACK
    from tests.builders import files_of, real_values

    (folder, manifest), augmented, values = voices, tmp_path / "augmented", real_values()
    files = files_of(manifest, folder)
    augment_corpus(files, augmented, values.section("augmentation", Augmentation))
    for executor in EXECUTORS:
        monkeypatch.setenv("SER_EXECUTOR", executor)
        featurize_corpus(files, augmented, tmp_path / executor, *load_features(values))
    for name in (INDEX, PACK, LAYOUT):
        one, two = (tmp_path / executor / name for executor in EXECUTORS)
        assert one.read_bytes() == two.read_bytes(), name


# --- errors and deaths ---


def fail(folder: Path, item: int) -> int:
    if item == 1:
        raise SerError("Clip 1 is silent.")
    (folder / f"begun-{item}").write_text(str(os.getpid()))
    time.sleep(60)
    return item


def test_the_first_error_ends_the_others(folder: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(SerError) as caught:
        spread(partial(fail, folder), [0, 1, 2], "test", "item")
    assert time.monotonic() - begun < 20, "the others were waited for"
    assert str(caught.value) == "Clip 1 is silent."
    assert "test_cluster.py" in caught.value.__notes__[0]
    pids = [int(path.read_text()) for path in folder.glob("begun-*")]
    assert seconds_to_end(pids, 20) < 20, "work goes on that nobody wants"


def die(folder: Path, deaths: int, item: int) -> int:
    if item == 3 and len(list(folder.glob("death-*"))) < deaths:
        (folder / f"death-{os.getpid()}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_items_of_a_process_that_is_killed_are_done_again(folder: Path) -> None:
    assert spread(partial(die, folder, 2), range(9), "test", "item") == list(range(9))
    assert len(list(folder.glob("death-*"))) == 2


def test_items_that_kill_again_and_again_are_a_sentence(folder: Path) -> None:
    with pytest.raises(SerError, match="A worker was killed, probably for want of memory"):
        spread(partial(die, folder, 99), range(9), "test", "item")


STAGE = """
    import os, time
    from pathlib import Path
    from ser.core import cluster
    from ser.core.entry import run
    from ser.core.processes import spread
    from ser.core.progress import tick

    cluster._LARGE = ()  # as in `folder`

    def work(item):
        Path(f"begun-{item}-{os.getpid()}").touch()
        while not Path("go").exists():
            time.sleep(0.05)
        tick()
        return item * 2

    def main() -> None:
        Path("results").write_text(str(spread(work, [1, 2, 3], "waiting", "item", total=3)))

    if __name__ == "__main__":
        run(main)
"""


def begun_in(folder: Path, count: int) -> list[Path]:
    """Files of items that are begun; a cluster starts slowly on a machine that is busy."""
    wait_for(lambda: len(list(folder.glob("begun-*"))) >= count, "work is not begun", 120)
    return sorted(folder.glob("begun-*"))


def whole_family(pid: int) -> list[int]:
    """A process and all that descends from it, whichever thread started it."""
    return [pid, *(one.pid for one in psutil.Process(pid).children(recursive=True))]


def test_a_worker_that_is_killed_is_replaced(folder: Path) -> None:
    """On a cluster of this machine; of the stage nothing is left."""
    write(folder, {"waiting": STAGE})
    command = [sys.executable, "-m", "stages.waiting"]
    with started(command, folder, SER_SCHEDULER="", SER_PROCESSES="2") as program:
        begun_in(folder, 2)
        everyone = whole_family(program.pid)
        workers = [pid for pid in everyone if "spawn_main" in str(psutil.Process(pid).cmdline())]
        os.kill(workers[0], signal.SIGKILL)
        begun_in(folder, 3)
        everyone = sorted({*everyone, *whole_family(program.pid)})
        (folder / "go").touch()
        _, said = program.communicate(timeout=120)
        assert program.returncode == 0, said
        assert (folder / "results").read_text() == "[2, 4, 6]"
        assert seconds_to_end(everyone, 20) < 20


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["INT", "KILL"])
def test_a_stage_that_ends_leaves_nothing(folder: Path, number: int) -> None:
    """Of its cluster, and no work on that of somebody else."""
    write(folder, {"waiting": STAGE})
    for variables in ({"SER_SCHEDULER": "", "SER_PROCESSES": "2"}, {}):
        with started([sys.executable, "-m", "stages.waiting"], folder, **variables) as program:
            begun = begun_in(folder, 2)
            everyone = {*whole_family(program.pid), *(int(p.name.split("-")[2]) for p in begun)}
            os.kill(program.pid, number)
            assert seconds_to_end(sorted(everyone), 20) < 20
        for path in begun:
            path.unlink()


# --- the scheduler ---


def test_a_scheduler_that_cannot_be_reached_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from ser.core import cluster

    monkeypatch.setattr(cluster, "_CONNECT_S", 0.5)
    monkeypatch.setattr(cluster, "_connect", cluster._connect.__wrapped__)
    monkeypatch.setenv("SER_SCHEDULER", "tcp://127.0.0.1:9")
    with pytest.raises(SerError, match=r"The scheduler tcp://127\.0\.0\.1:9 cannot be reached"):
        spread(square, [1, 2], "test", "item")
