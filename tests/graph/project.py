"""A copy of the project in a temporary folder, and DVC run in it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHANGES = Path(__file__).with_name("params.yaml")
ENVIRONMENT = {
    **os.environ,
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    "DVC_NO_ANALYTICS": "1",
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@localhost",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@localhost",
}


def run(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`; a failure shows what it printed."""
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=1800
    )
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return done


def dvc(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run DVC in `folder`."""
    return run(folder, sys.executable, "-m", "dvc", *arguments, check=check)


def make_project(target: Path, changes: Path = CHANGES) -> Path:
    """Copy the project to `target` and run its whole graph on synthetic voices."""
    script = [sys.executable, str(ROOT / "demo/run.py")]
    run(ROOT, *script, "--target", str(target), "--changes", str(changes))
    return target


def copy_project(project: Path, target: Path) -> Path:
    """A copy of a project that has been run, cache and all."""
    shutil.copytree(project, target, symlinks=True)
    return target


def lock(folder: Path) -> bytes:
    """The lock file as it stands."""
    return (folder / "dvc.lock").read_bytes()


def start_and_kill(folder: Path, stage: str, after_s: float) -> None:
    """Force a stage, and SIGKILL `dvc` so many seconds after the stage's own process started."""
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", stage]
    dvc_run = subprocess.Popen(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for_child(dvc_run.pid)
    time.sleep(after_s)
    dvc_run.send_signal(signal.SIGKILL)
    dvc_run.wait()


def wait_for_child(pid: int, patience_s: float = 60) -> None:
    """Wait until a process has started another one that runs a stage."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        for child in children.read_text().split():
            command = Path(f"/proc/{child}/cmdline")
            if command.exists() and b"stages." in command.read_bytes():
                return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} started no stage within {patience_s} s")
