import fcntl
import os

import pytest

from tests.graph.project import make_project


@pytest.fixture(scope="session")
def base_project(tmp_path_factory):
    """The demo's project with its graph run, made once for all workers; tests copy it."""
    if os.environ.get("TRY_BASE"):
        from pathlib import Path

        return Path(os.environ["TRY_BASE"])
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    target = folder / "base"
    with (folder / "base.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be making it
        if not (folder / "base.made").exists():
            make_project(target)
            (folder / "base.made").touch()
    return target
