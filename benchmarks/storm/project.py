"""The small graph that tampered files and kills are tried on: synthetic voices, one system."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from demo.run import CHANGES, ROOT, changed
from ser.core.errors import SerError

CORPUS, SYSTEM = "synthetic_a", "synthetic"
DVC = [sys.executable, "-m", "dvc"]
_CHANGES: dict[str, Any] = {
    "corpora": [CORPUS],
    "systems": {
        SYSTEM: {"corpora": [CORPUS], "gender": "all", "protocol": "speaker_independent"},
    },
    "studies": {"cross_lingual": {}},
    "training": {"epochs": 1},
}


def environment() -> dict[str, str]:
    """The environment of DVC and of stages: this Python, two processes, no analytics."""
    ours = ("DVC_STAGE", "MAKELEVEL")
    return {
        **{key: value for key, value in os.environ.items() if key not in ours},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "DVC_NO_ANALYTICS": "1",
        "SER_PROCESSES": "2",
    }


def make_project(target: Path) -> Path:
    """Make a copy of the project with small parameters, and run its graph.

    Raises:
        SerError: if it does not run.
    """
    changes = changed(yaml.safe_load(CHANGES.read_text(encoding="utf-8")), _CHANGES)
    changes = {**changes, **{key: _CHANGES[key] for key in ("corpora", "systems")}}
    path = target.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(changes), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "demo.run", "--target", target, "--changes", path],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SerError(f"The small graph does not run: {done.stderr.strip()[-300:]}")
    return target


def copy_project(project: Path, target: Path) -> Path:
    """A copy of a project that has been run, cache and all."""
    shutil.copytree(project, target, symlinks=True)
    config = target / ".dvc/config.local"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(str(project.resolve()), str(target.resolve())), encoding="utf-8")
    return target
