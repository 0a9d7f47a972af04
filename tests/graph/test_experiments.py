"""`dvc exp run -S` from a clean tree: it reruns what it concerns, and can be compared, merged."""

import json
import re
from pathlib import Path

import pytest

from tests.graph.project import ROOT, SYSTEM, change_params, changed, copy_project, dvc, run

pytestmark = [
    pytest.mark.graph,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of what DVC uses
]

# what a change of the optimizer calls for: nothing before it, and what reads its networks
AFTER_TRAINING = [f"train@{SYSTEM}-0", f"evaluate@{SYSTEM}", "report"]


@pytest.fixture(scope="module")
def repository(base_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository of one system whose results are committed, as a user's clone is."""
    project = copy_project(base_project, tmp_path_factory.mktemp("experiments") / "project")
    change_params(project, {"systems.synthetic_leaky": None})
    (project / ".dvc/config.local").write_text("[core]\n    analytics = false\n", encoding="utf-8")
    run(project, "git", "init", "-q", "-b", "main")
    dvc(project, "repro")
    run(project, "git", "add", "-A")
    run(project, "git", "commit", "-q", "-m", "results")
    remote = tmp_path_factory.mktemp("remote")
    run(remote, "git", "init", "-q", "--bare")
    run(project, "git", "remote", "add", "origin", str(remote))
    return project


def stages_run(said: str) -> list[str]:
    return [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]


def commands() -> list[str]:
    """The commands of CONTRIBUTING's section, one after another."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = re.search(r"^## An experiment\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert section is not None
    return "".join(
        re.findall(r"^```sh\n(.*?)^```$", section[1], re.MULTILINE | re.DOTALL)
    ).splitlines()


def test_the_life_of_an_experiment_is_as_contributing_tells_it(repository: Path) -> None:
    lines = commands()
    assert len(lines) >= 10, "the section has lost its commands"
    for line in lines:
        said = run(repository, "bash", "-c", line).stdout
        if line.startswith("dvc exp run"):
            assert stages_run(said) == AFTER_TRAINING, said
            check_it_can_be_compared(repository, line.split()[line.split().index("-n") + 1])
        if line.startswith("ser review"):
            summary = (repository / "review/review.md").read_text(encoding="utf-8")
            assert "| `optimizer` | `muon` | `rmsprop` |" in summary, line
            assert "made by code, data and parameters of this revision? | yes |" in summary, line
    params = (repository / "params.yaml").read_text(encoding="utf-8")
    assert "optimizer: rmsprop" in params, "the merge did not bring the experiment"
    assert changed(repository) == set(), "dvc.lock is not of this workspace"


def check_it_can_be_compared(repository: Path, name: str) -> None:
    table = dvc(repository, "exp", "show", "--csv").stdout
    assert name in table, f"{name} is missing from dvc exp show"
    metrics = json.loads(dvc(repository, "metrics", "diff", "HEAD", name, "--json").stdout)
    assert set(metrics) == {f"metrics/{SYSTEM}.json"}
    assert len(metrics[f"metrics/{SYSTEM}.json"]) <= 8, "metrics diff does not fit on a screen"
    page = repository / "dvc_plots"
    dvc(repository, "plots", "diff", "HEAD", name, "--out", str(page))
    html = (page / "index.html").read_text(encoding="utf-8")
    assert name in html, f"{name} is missing from dvc plots diff"
    assert html.count('"$schema": "https://vega') >= 4, "plots diff draws fewer charts"
    size = sum(path.stat().st_size for path in page.rglob("*") if path.is_file())
    assert size < 5_000_000, "plots diff takes long to open"
