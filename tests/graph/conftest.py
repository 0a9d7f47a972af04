"""One project for all tests of the graph, and the order in which files are tested."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.graph.project import make_project

# files and folders that take long; the first has the project made that others copy, and the second
# needs none meanwhile
LONGEST = (
    "test_demo.py",
    "test_stranger.py",
    "graph",
    "test_plan.py",
    "evaluation",
    "training",
    "catalogue",
    "download",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, so that no worker is left alone with it at the end."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    names = (item.path.name, item.path.parent.name)
    return next((place for place, name in enumerate(LONGEST) if name in names), len(LONGEST))


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
