"""Wall time and peak memory of the whole graph: `python -m benchmarks.pipeline [--force]`.

Memory is the proportional set size of DVC and all it starts: what processes share counts once.
Linux only.
"""

import subprocess
import sys
import time

import psutil
import typer

_LOOK_EVERY_S = 0.5


def memory_bytes(root: psutil.Process) -> int:
    """Proportional set size of a process and all its descendants."""
    total = 0
    for process in (root, *root.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has just ended
            continue
    return total


def main(force: bool = typer.Option(False, help="Run every stage, even if up to date.")) -> None:
    """Run `dvc repro` and print how long it took and how much memory it needed at most."""
    command = [sys.executable, "-m", "dvc", "repro", *(["--force"] if force else [])]
    begun, peak = time.perf_counter(), 0
    run = subprocess.Popen(command)
    process = psutil.Process(run.pid)
    while run.poll() is None:
        peak = max(peak, memory_bytes(process))
        time.sleep(_LOOK_EVERY_S)
    minutes = (time.perf_counter() - begun) / 60
    print(f"dvc repro: {minutes:.1f} minutes, peak memory {peak / 2**30:.2f} GiB")
    sys.exit(run.returncode)


if __name__ == "__main__":
    typer.run(main)
