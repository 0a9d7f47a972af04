"""The notebook runs as it stands: ten cells, and what they show."""

import json
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest

from tests.builders import REPOSITORY

NOTEBOOK = REPOSITORY / "docs/own_voice.ipynb"


def test_its_cells_run_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert len(cells) == 10
    assert not any(cell.get("outputs") for cell in cells), "outputs are not tracked"
    names: dict[str, object] = {}
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    assert len(names["answers"]) == 6
    assert "unlike training" in capsys.readouterr().out
    assert plt.get_fignums()
    plt.close("all")
