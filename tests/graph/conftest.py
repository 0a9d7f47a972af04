"""One project for all tests of the graph, and the order in which files are tested."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.graph.project import make_project


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, so that no worker is left alone with it at the end.

    The first file has the project made that others copy; beside it, what needs none is tested.
    """
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    folder, name = item.path.parent.name, item.path.name
    if folder == "graph":
        return 0 if name == "test_demo.py" else 2
    return 1 if folder in ("evaluation", "training") else 3


@pytest.fixture(scope="session")
def base_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's project with its graph run, made once for all workers; tests copy it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    target, made = folder / "base", folder / "base.made"
    with (folder / "base.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be making it
        if not made.exists():
            make_project(target)
            made.touch()
    return target
