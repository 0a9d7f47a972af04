"""A copy of the project in a temporary folder, and DVC run in it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import networkx
import yaml
from dvc.repo import Repo

from benchmarks.storm.project import CORPUS, DVC, SYSTEM, copy_project

__all__ = ["CORPUS", "DVC", "SYSTEM", "copy_project"]

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if key not in ("DVC_STAGE", "MAKELEVEL")},
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    "DVC_NO_ANALYTICS": "1",
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@localhost",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@localhost",
}


def run(
    folder: Path, *command: str, check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`; a failure shows what it printed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return done


def dvc(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run DVC in `folder`."""
    return run(folder, *DVC, *arguments, check=check)


def make_project(target: Path) -> Path:
    """Copy the project to `target` and run its graph on synthetic voices, as `make demo` does."""
    run(ROOT, sys.executable, "demo/run.py", "--target", str(target), SER_PROCESSES="2")
    return target


def lock(folder: Path) -> bytes:
    """The lock file as it stands."""
    return (folder / "dvc.lock").read_bytes()


def change_params(folder: Path, changes: dict[str, Any]) -> None:
    """Change parameters of a project, by dotted key; what is None is taken away."""
    path = folder / "params.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *tables, last = key.split(".")
        table = values
        for name in tables:
            table = table[name]
        if value is None:
            del table[last]
        else:
            table[last] = value
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def changed(folder: Path) -> set[str]:
    """Stages of the root graph that `dvc status` calls changed."""
    with Repo(str(folder)) as repo:
        return {name for name in map(_root_name, repo.status()) if name}


def followers(folder: Path) -> dict[str, set[str]]:
    """All kinds of stages of the root graph that come after each kind, itself among them."""
    found: dict[str, set[str]] = {}
    with Repo(str(folder)) as repo:
        graph = repo.index.graph  # an arrow from each stage to what it depends on
        for stage in graph:
            if kind := _root_name(stage.addressing).partition("@")[0]:
                after = {stage} | networkx.ancestors(graph, stage)
                names = {_root_name(each.addressing).partition("@")[0] for each in after}
                found.setdefault(kind, set()).update(names - {""})
    return found


def _root_name(address: str) -> str:
    """Name of a stage of the root graph; "" for one of the studies."""
    file, _, name = address.rpartition(":")
    return "" if "studies" in file else name
