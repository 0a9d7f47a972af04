"""What tests of studies share."""

from pathlib import Path

import pytest

from tests.builders import one_torch_thread


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Studies read and write below the folder they are run in: a new one for every test."""
    monkeypatch.chdir(tmp_path)
    # a process of its own would flush denormals; this one is Hypothesis's too
    monkeypatch.setattr("ser.training.system.prepare_torch", one_torch_thread)
    monkeypatch.setattr("studies.importance.prepare_torch", one_torch_thread)
    return tmp_path
