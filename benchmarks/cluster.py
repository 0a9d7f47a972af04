"""Does a cluster give the same results, and what does it cost: `python -m benchmarks.cluster`.

The graph of one corpus, from its files to its scores with one seed, is run three times in copies of
the project: by local processes, by a cluster of Dask on this machine, and by one of whose workers
one is killed while it computes features and one while it trains. Every stage runs each time; the
three `dvc.lock` must say the same of every stage. (Which stage a new one begins with is by chance:
DVC takes the stages from a set.) The scheduler and its workers are started for each graph, which
counts. Linux only.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import pandas as pd
import psutil
import typer
import yaml

from demo.run import set_up
from ser.core.entry import run
from ser.core.errors import SerError
from ser.core.files import write_csv
from ser.core.settings import load_values
from ser.download.source import MIRROR_VARIABLE, find_mirror

TABLE = Path("docs/cluster.csv")
WAYS = LOCAL, DASK, KILLED = "local processes", "a cluster of Dask", "a cluster, two workers killed"
KILL_IN = ("featurize", "train")
_LOOK_EVERY_S = 0.05
_START_S = 60


def main(
    system: Annotated[str, typer.Option(help="a row of systems")] = "ravdess",
    processes: Annotated[int, typer.Option(help="workers, each on one core")] = 2,
) -> None:
    """Run the graph of SYSTEM three ways; compare what comes out, and print what it took."""
    values = load_values()
    row = values.section("systems", dict)[system]
    corpora = [*row["corpora"], *row.get("helpers", [])]
    changes = {"corpora": corpora, "systems": {system: row}, "seeds": values.table["seeds"][:1]}
    rows: list[dict[str, Any]] = []
    locks: list[Any] = []
    with TemporaryDirectory() as folder:
        ways = {way: Path(folder) / f"run{number}" for number, way in enumerate(WAYS)}
        for copy in ways.values():  # all at first: the project may change meanwhile
            copy.mkdir()
            (copy / "changes.yaml").write_text(yaml.safe_dump(changes), encoding="utf-8")
            set_up(copy, copy / "changes.yaml")
        for way, copy in ways.items():
            seconds, kills = run_graph(copy, way, processes)
            locks.append(yaml.safe_load((copy / "dvc.lock").read_text(encoding="utf-8")))
            same = "yes" if locks[-1] == locks[0] else "no"
            rows.append({"way": way, "seconds": seconds, "kills": kills, "same_lock": same})
            print(rows[-1], flush=True)
    write_csv(TABLE, pd.DataFrame(rows), decimals=1)
    if any(lock != locks[0] for lock in locks):
        raise SerError(f"The dvc.lock of the ways differ; {TABLE} says which.")


def run_graph(copy: Path, way: str, processes: int) -> tuple[float, int]:
    """Run every stage of a copy; seconds, and how many workers were killed.

    Raises:
        SerError: if a stage fails, or a worker that was to be killed was never found.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    told = {**os.environ, "PATH": path, "SER_PROCESSES": str(processes), "SER_EXECUTOR": "local"}
    mirror = find_mirror()
    if mirror is not None:
        told[MIRROR_VARIABLE] = str(mirror)
    left = list(KILL_IN) if way == KILLED else []
    begun = time.perf_counter()
    with ExitStack() as stack:
        if way != LOCAL:
            address, workers = stack.enter_context(standing_cluster(copy, processes))
            told |= {"SER_EXECUTOR": "dask", "SER_SCHEDULER": address}
        dvc = [sys.executable, "-m", "dvc", "repro", "--quiet"]
        running = subprocess.Popen(dvc, cwd=copy, env=told)
        while running.poll() is None:
            if left and is_running(left[0], running.pid) and (worker := find_busy(workers)):
                worker.kill()
                del left[0]
            time.sleep(_LOOK_EVERY_S)
    if running.returncode or left:
        why = f"no worker of {left[0]} was met" if left else "a stage failed, as is said above"
        raise SerError(f"The run by {way} did not come to its end: {why}.")
    return time.perf_counter() - begun, len(KILL_IN) if way == KILLED else 0


@contextmanager
def standing_cluster(folder: Path, processes: int) -> Iterator[tuple[str, int]]:
    """A scheduler and its workers, with all that they say in `folder`; address and workers' parent.

    Raises:
        SerError: if the scheduler does not start.
    """
    dask, place = [sys.executable, "-m", "dask"], folder / "scheduler.json"
    file = ["--scheduler-file", str(place), "--no-dashboard"]
    here = ["--host", "127.0.0.1", "--port", "0"]
    each = ["--nworkers", str(processes), "--nthreads", "1", "--memory-limit", "0"]
    started = []
    try:
        with (folder / "said.txt").open("w") as said:
            for command in (["scheduler", *file, *here], ["worker", *file, *each]):
                started.append(subprocess.Popen([*dask, *command], stdout=said, stderr=said))
        until = time.monotonic() + _START_S
        while not place.is_file():
            if time.monotonic() > until:
                raise SerError(f"No scheduler of Dask started: {(folder / 'said.txt').read_text()}")
            time.sleep(_LOOK_EVERY_S)
        yield json.loads(place.read_text(encoding="utf-8"))["address"], started[1].pid
    finally:
        for one in reversed(started):
            one.terminate()
            one.wait()


def is_running(stage: str, root: int) -> bool:
    """Whether a process below `root` is a stage."""
    with suppress(psutil.Error):  # one that has just ended
        children = psutil.Process(root).children(recursive=True)
        return any(f"stages.{stage}" in one.cmdline()[:3] for one in children)
    return False


def find_busy(workers: int) -> psutil.Process | None:
    """A worker of Dask that works: what it forks processes from has forked one."""
    with suppress(psutil.Error):
        for worker in psutil.Process(workers).children():
            if any(child.children() for child in worker.children()):
                return worker
    return None


if __name__ == "__main__":
    run(main)
