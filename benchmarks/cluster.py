"""Does a cluster give the same bytes, and what does it cost: `python -m benchmarks.cluster`.

The graph of one corpus, from its files to its scores with one seed, is run three times in copies of
the project: by local processes, by a cluster of Dask on this machine, and by one of whose workers
one is killed while it computes features and one while it trains. Every stage runs each time; the
three `dvc.lock` must be the same bytes. Linux only.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

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
LOCAL, DASK, KILLED = "local processes", "a cluster of Dask", "a cluster, two workers killed"
KILL_IN = ("featurize", "train")
_LOOK_EVERY_S = 0.05


def main(
    system: Annotated[str, typer.Option(help="a row of systems")] = "ravdess",
    processes: Annotated[int, typer.Option(help="workers, each on one core")] = 2,
) -> None:
    """Run the graph of SYSTEM three ways; compare what comes out, and print what it took."""
    values = load_values()
    row = values.section("systems", dict)[system]
    corpora = [*row["corpora"], *row.get("helpers", [])]
    changes = {"corpora": corpora, "systems": {system: row}, "seeds": values.table["seeds"][:1]}
    rows, locks = [], {}
    with TemporaryDirectory() as folder:
        for way in (LOCAL, DASK, KILLED):
            copy = Path(folder) / f"run{len(rows)}"
            copy.mkdir()
            (copy / "changes.yaml").write_text(yaml.safe_dump(changes), encoding="utf-8")
            set_up(copy, copy / "changes.yaml")
            seconds, kills = run_graph(copy, way, processes)
            locks[way] = (copy / "dvc.lock").read_bytes()
            same = "yes" if locks[way] == locks[LOCAL] else "no"
            rows.append({"way": way, "seconds": seconds, "kills": kills, "same_lock": same})
            print(rows[-1], flush=True)
    write_csv(TABLE, pd.DataFrame(rows), decimals=1)
    if len(set(locks.values())) > 1:
        raise SerError(f"The dvc.lock of the ways differ; {TABLE} says which.")


def run_graph(copy: Path, way: str, processes: int) -> tuple[float, int]:
    """Run every stage of a copy; seconds, and how many workers were killed.

    Raises:
        SerError: if a stage fails, or a worker that was to be killed was never found.
    """
    executor = "local" if way == LOCAL else "dask"
    told = {"SER_EXECUTOR": executor, "SER_PROCESSES": str(processes), "SER_SCHEDULER": ""}
    mirror = find_mirror()
    if mirror is not None:
        told[MIRROR_VARIABLE] = str(mirror)
    begun = time.perf_counter()
    dvc = [sys.executable, "-m", "dvc", "repro", "--quiet"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    running = subprocess.Popen(dvc, cwd=copy, env={**os.environ, **told, "PATH": path})
    left = list(KILL_IN) if way == KILLED else []
    while running.poll() is None:
        if left and (worker := working_for(left[0], psutil.Process(running.pid))):
            worker.kill()
            del left[0]
        time.sleep(_LOOK_EVERY_S)
    if running.returncode or left:
        why = f"no worker of {left[0]} was met" if left else "a stage failed, as is said above"
        raise SerError(f"The run by {way} did not come to its end: {why}.")
    return time.perf_counter() - begun, len(KILL_IN) if way == KILLED else 0


def working_for(stage: str, root: psutil.Process) -> psutil.Process | None:
    """A worker of Dask that has begun to work for a stage: it has a process of its own for that."""
    try:
        for one in root.children(recursive=True):
            if f"stages.{stage}" in one.cmdline()[:3]:
                workers = [
                    child for child in one.children() if "spawn_main" in str(child.cmdline())
                ]
                busy = [worker for worker in workers if worker.children(recursive=True)]
                return busy[0] if busy else None
    except psutil.Error:  # it has just ended
        return None
    return None


if __name__ == "__main__":
    run(main)
