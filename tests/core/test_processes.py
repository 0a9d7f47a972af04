"""Work spread over processes of one thread, whose number, errors and deaths are the stage's."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ser.core.errors import SerError
from ser.core.processes import spread, stream
from ser.core.progress import tick
from ser.core.workers import n_workers
from tests.core.programs import (
    family,
    is_running,
    run,
    seconds_to_end,
    started,
    wait_for_files,
    write,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SER_PROCESSES", "2")
    return tmp_path


# --- how many ---


@pytest.mark.parametrize("variable", [None, ""])
@pytest.mark.parametrize("params", [None, "lr: 1", "processes: auto"])
def test_by_default_every_core_that_may_be_used_works(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None, params: str | None
) -> None:
    monkeypatch.delenv("SER_PROCESSES")
    if variable is not None:
        monkeypatch.setenv("SER_PROCESSES", variable)
    if params is not None:
        (folder / "params.yaml").write_text(params)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(7)), raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 7)
    assert n_workers() == 7


def test_the_environment_goes_before_the_parameters(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "params.yaml").write_text("processes: 3")
    assert n_workers() == 2
    monkeypatch.delenv("SER_PROCESSES")
    assert n_workers() == 3


@pytest.mark.parametrize(
    "value", ["0", "-1", "2.5", "true", "null", "many", "[2]", "513", "9" * 30, "²"]
)
def test_a_bad_count_is_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    (folder / "params.yaml").write_text(f"processes: {value}")
    monkeypatch.setenv("SER_PROCESSES", value)
    with pytest.raises(SerError, match=r"SER_PROCESSES is .* must be auto or a count from 1 to"):
        n_workers()
    monkeypatch.delenv("SER_PROCESSES")
    with pytest.raises(SerError, match=r"params.yaml: processes is .*, but must be auto or a"):
        n_workers()


# --- results ---


def where(item: int) -> tuple[int, int]:
    time.sleep(0.02)
    return item, os.getpid()


@pytest.mark.parametrize("count", [1, 2, 3, 40, 333])
def test_results_come_in_order_whatever_the_number_of_processes(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    items = list(range(count))
    for workers in ("1", "2", "3"):
        monkeypatch.setenv("SER_PROCESSES", workers)
        found = spread(square, items, "test", "item")
        assert found == [item**2 for item in items]


def square(item: int) -> int:
    return item**2


def test_no_items_are_no_work() -> None:
    assert spread(square, [], "test", "item") == []


def test_all_workers_work_and_this_process_waits() -> None:
    found = spread(where, range(20), "test", "item")
    pids = {pid for _, pid in found}
    assert len(pids) == 2
    assert os.getpid() not in pids


@pytest.mark.parametrize("in_process", [True, False])
def test_one_worker_is_this_process(monkeypatch: pytest.MonkeyPatch, in_process: bool) -> None:
    monkeypatch.setenv("SER_PROCESSES", "4" if in_process else "1")
    found = list(stream(where, [1, 2], "test", "item", in_process=in_process))
    assert found == [(1, os.getpid()), (2, os.getpid())]


def spread_again(item: int) -> list[tuple[int, int]]:
    return spread(where, [item, item + 1], "inner", "item")


def test_within_work_nothing_is_spread_again(capfd: pytest.CaptureFixture[str]) -> None:
    for workers in (False, True):
        for inner in stream(spread_again, [1, 2], "outer", "item", in_process=workers):
            assert len({pid for _, pid in inner}) == 1
    assert "inner" not in capfd.readouterr().err


def threads_of_blas(_: int) -> int:
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((4, 4)) @ np.ones((4, 4))
    return max(library["num_threads"] for library in threadpool_info())


def test_workers_have_one_thread_each() -> None:
    assert spread(threads_of_blas, [0, 1], "test", "item") == [1, 1]


# --- errors ---


class OddError(Exception):
    """Cannot be read back from its pickle."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def fail(item: int) -> int:
    if item == 1:
        raise OddError("this", "that")
    if item == 2:
        raise SerError("Clip 2 is silent.")
    if item == 3:
        raise FileNotFoundError(2, "No such file", "clip.wav")
    if item == 4:
        return lambda: 0  # type: ignore[return-value]  # cannot be pickled
    Path(f"begun-{item}").touch()
    time.sleep(60)
    return item


@pytest.mark.parametrize(
    ("bad", "error", "says"),
    [
        (1, RuntimeError, "OddError: this and that"),
        (2, SerError, "Clip 2 is silent."),
        (3, FileNotFoundError, "clip.wav"),
        (4, Exception, "pickle"),
    ],
)
def test_an_error_ends_the_other_workers_at_once(
    folder: Path, bad: int, error: type[Exception], says: str
) -> None:
    before, begun = family(os.getpid()), time.monotonic()
    with pytest.raises(error, match=says) as caught:
        spread(fail, [10, bad, 11, 12], "test", "item")
    assert time.monotonic() - begun < 10, "the others were waited for"
    assert family(os.getpid()) == before, "a worker is left"
    assert "In a worker:" in caught.value.__notes__[0]
    assert "test_processes.py" in caught.value.__notes__[0] or bad == 4
    assert not (folder / "begun-12").exists(), "work went on after the error"


def test_an_error_in_this_process_is_raised_as_it_is() -> None:
    with pytest.raises(SerError, match="silent"):
        spread(fail, [2], "test", "item")
    assert spread(square, [3], "test", "item") == [9], "the next spread is harmed"


def die(item: int) -> int:
    if item == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)
    return item


def test_a_killed_worker_is_a_sentence() -> None:
    begun = time.monotonic()
    with pytest.raises(SerError, match="A worker was killed, probably for want of memory"):
        spread(die, [0, 1], "test", "item")
    assert time.monotonic() - begun < 10


def die_within_tick(_: int) -> int:
    from ser.core import progress

    assert progress._progress is not None
    with progress._progress.done.get_lock():
        os.kill(os.getpid(), signal.SIGKILL)
    return 0


def test_a_worker_killed_while_it_counts_is_a_sentence_too() -> None:
    with pytest.raises(SerError, match="A worker was killed"):
        spread(die_within_tick, [0, 1], "test", "item", total=2)


# --- results as they come ---


@linux
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_stream_that_is_left_early_leaves_no_worker(
    monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.setenv("SER_PROCESSES", workers)
    before = family(os.getpid())
    with closing(stream(square, range(1000), "test", "item")) as results:
        assert [next(results), next(results)] == [0, 1]
    assert family(os.getpid()) == before, "a worker is left"
    with pytest.raises(OSError, match="No space"):
        take_until_the_disk_is_full()
    assert family(os.getpid()) == before, "a worker is left"


def take_until_the_disk_is_full() -> None:
    with closing(stream(square, range(1000), "test", "item")) as results:
        for _ in results:
            raise OSError(28, "No space left on device")


def leave_a_trace(item: int) -> int:
    Path(f"trace-{item}").touch()
    if item == 0:
        time.sleep(1.0)
    return item


def test_no_worker_runs_far_ahead_of_an_item_that_is_late(folder: Path) -> None:
    for ahead, late in ((8, 0), (1, 0), (300, 0)):
        results = stream(leave_a_trace, range(300), "test", "item", ahead=ahead)
        assert next(results) == late
        assert 0 < len(list(folder.glob("trace-*"))) <= ahead
        assert list(results) == list(range(1, 300)), "not all, or not in order"
        for trace in folder.glob("trace-*"):
            trace.unlink()


def test_no_worker_runs_far_ahead_of_who_takes_the_results(folder: Path) -> None:
    count = 5000
    with closing(stream(leave_a_trace, range(count), "test", "item")) as results:
        next(results)
        time.sleep(0.5)
        begun = len(list(folder.glob("trace-*")))
        assert begun <= 4 * 2 * 32, f"{begun} of {count} are done when one is taken"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_is_done_with_results_may_spread_work_itself(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], workers: str
) -> None:
    monkeypatch.setenv("SER_PROCESSES", workers)
    for result in stream(square, [1, 2], "outer", "item"):
        assert spread(square, [result, 3], "inner", "item") == [result**2, 9]
    assert {line["label"] for line in shown(capfd.readouterr().err)} == {"outer", "inner"}


# --- progress ---

BAR = re.compile(r"(\w[^|]*):\s+(\d+)%\|.*\| (\d+)/(\d+) \[(\S+)<(\S+), +([^,\]]+)(?:, (.*))?\]")


def shown(text: str) -> list[dict[str, str]]:
    """What a bar showed, one dictionary each time it was drawn."""
    names = ("label", "percent", "done", "total", "elapsed", "left", "rate", "note")
    lines = [BAR.match(line.strip()) for line in text.replace("\r", "\n").splitlines()]
    return [dict(zip(names, line.groups(), strict=True)) for line in lines if line]


def train(fold: int) -> int:
    for _ in range(5):
        time.sleep(0.13)  # so that the bar, drawn twice a second, is seldom drawn at a fold's end
        tick()
    return fold


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bar_counts_parts_of_items(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], workers: int
) -> None:
    monkeypatch.setenv("SER_PROCESSES", str(workers))
    spread(train, [0, 1], "a: training", "epoch", total=10, note=lambda fold: f"fold {fold}")
    drawn = shown(capfd.readouterr().err)
    assert {(line["label"], line["total"]) for line in drawn} == {("a: training", "10")}
    done = [int(line["done"]) for line in drawn]
    assert done == sorted(done)
    assert set(done) - {0, 5, 10}, f"whole folds only: {done}"
    assert (done[0], done[-1]) == (0, 10)
    assert drawn[-1]["rate"].endswith("epoch/s") or drawn[-1]["rate"].endswith("s/epoch")
    assert re.fullmatch(r"fold [01]", drawn[-1]["note"])
    half = next(line for line in drawn if 0 < int(line["done"]) < 10)
    assert re.fullmatch(r"\d\d:\d\d", half["left"]), "the time that remains is not shown"


@pytest.mark.parametrize("workers", [1, 2])
def test_without_a_total_a_bar_counts_items(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], workers: int
) -> None:
    monkeypatch.setenv("SER_PROCESSES", str(workers))
    spread(train, [0, 1, 2], "clips", "clip")
    drawn = shown(capfd.readouterr().err)
    assert {line["total"] for line in drawn} == {"3"}
    assert drawn[-1]["done"] == "3"


def test_a_tick_outside_is_no_error() -> None:
    tick()


def be_slow(_: int) -> float:
    time.sleep(1.6)
    return time.monotonic()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bar_is_drawn_every_second_while_nothing_is_finished(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], workers: int
) -> None:
    monkeypatch.setenv("SER_PROCESSES", str(workers))
    spread(be_slow, [0] * workers, "slow", "item")
    drawn = shown(capfd.readouterr().err)
    assert len([line for line in drawn if line["done"] == "0"]) >= 3


# --- ends ---

STAGE = {
    "pool": """
        import os, time
        from pathlib import Path
        from ser.core.entry import run
        from ser.core.processes import spread

        def work(item):
            Path(f"begun-{item}").write_text(str(os.getpid()))
            time.sleep(60)

        def main() -> None:
            spread(work, ["a", "b"], "pool", "item")

        if __name__ == "__main__":
            run(main)
    """
}


@linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["KILL", "INT"])
def test_a_worker_that_is_killed_ends_the_stage_and_one_that_is_interrupted_does_not(
    folder: Path, number: int
) -> None:
    write(folder, STAGE)
    with started([sys.executable, "-m", "stages.pool"], folder) as program:
        begun = wait_for_files(folder, "begun-*", 2)
        workers = family(program.pid)[1:]
        os.kill(int(begun[0].read_text()), number)
        if number == signal.SIGINT:
            with pytest.raises(subprocess.TimeoutExpired):
                program.wait(0.3)
            assert all(map(is_running, workers))
        else:
            assert seconds_to_end([program.pid, *workers]) < 2.0
            _, said = program.communicate()
            assert program.returncode == 1
            assert said.splitlines()[-1].startswith("error: A worker was killed")


def test_workers_that_start_afresh_do_the_same(folder: Path) -> None:
    """As on systems that cannot fork safely."""
    (folder / "afresh.py").write_text(
        "import json, sys\n"
        "import ser.core.processes as processes\n"
        "import ser.core.settings  # what the standard library imports there must know its system\n"
        "from helper import half\n"
        "if __name__ == '__main__':\n"
        "    processes.sys.platform = 'other'\n"
        "    print(json.dumps(processes.spread(half, [2, 4, 6], 'afresh', 'item', total=3)))\n"
    )
    (folder / "helper.py").write_text(
        "from ser.core.progress import tick\ndef half(x):\n    tick()\n    return x / 2\n"
    )
    done = run([sys.executable, "afresh.py"], folder)
    assert done.returncode == 0, done.stderr
    results: Any = json.loads(done.stdout)
    assert results == [1.0, 2.0, 3.0]
    assert shown(done.stderr)[-1]["done"] == "3"
