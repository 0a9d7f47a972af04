"""Wall time and peak memory of a whole command: `python -m benchmarks.pipeline make repro`.

`docs/stage_seconds.csv` keeps the time, and beside it that of every stage as it was run last on
this machine (`logs/seconds.json`): from there `make repro` tells others how long it may take.
Memory is the proportional set size of the command and all it starts: what processes share counts
once. Linux only.
"""

import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import typer

from ser.core.entry import read_seconds, run
from ser.core.files import write_csv
from ser.plan import MEASURED

_LOOK_EVERY_S = 0.5


def memory_of(root: psutil.Process) -> tuple[int, int]:
    """What a process and all its descendants hold for themselves, and have in all, in bytes."""
    while True:
        processes = [root, *root.children(recursive=True)]
        held = whole = 0
        for process in processes:
            try:
                text = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
            except OSError:  # it has just ended
                continue
            sizes = {line.partition(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
            held += 1024 * (int(sizes["Pss_Anon"]) + int(sizes["Pss_Shmem"]))
            whole += 1024 * int(sizes["Pss"])
        # where one ends meanwhile, what it shared would count again in those looked at after it
        if [root, *root.children(recursive=True)] == processes:
            return held, whole


def measure(command: list[str]) -> tuple[float, int]:
    """Seconds that a command took, and its peak memory in bytes; its failure is ours."""
    begun, peak = time.perf_counter(), 0
    running = subprocess.Popen(command)
    process = psutil.Process(running.pid)
    while running.poll() is None:
        peak = max(peak, memory_of(process)[1])
        time.sleep(_LOOK_EVERY_S)
    if running.returncode:
        sys.exit(running.returncode)
    return time.perf_counter() - begun, peak


def keep(seconds: dict[str, float], path: Path) -> None:
    """Add seconds to the table; what it has of the same names is replaced."""
    known = pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=["stage", "seconds"])
    together = {**dict(zip(known["stage"], known["seconds"], strict=True)), **seconds}
    table = pd.DataFrame(sorted(together.items()), columns=["stage", "seconds"])
    write_csv(path, table.astype({"seconds": float}), decimals=1)


def main(
    command: list[str] = typer.Argument(None, help="What to time; nothing keeps the log only."),
) -> None:
    """Time COMMAND, and keep the seconds of it and of all stages."""
    whole = {}
    if command:
        seconds, peak = measure(command)
        whole = {" ".join(command): seconds}
        print(f"{' '.join(command)}: {seconds / 60:.1f} min, peak memory {peak / 2**30:.2f} GiB")
    keep({**read_seconds(), **whole}, MEASURED)


if __name__ == "__main__":
    run(main)
