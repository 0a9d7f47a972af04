"""`dvc exp run -S` from a clean tree: reruns what depends on the parameter, and can be compared."""

import json
import re

import pytest

from tests.graph.project import ROOT, copy_project, dvc, run

pytestmark = pytest.mark.graph


# what a change of training calls for: nothing before it, everything that reads its predictions
AFTER_TRAINING = {
    "train@synthetic",
    "evaluate@synthetic",
    "actors@synthetic",
    "errors@synthetic",
    "mistakes@synthetic",
    "report",
}


@pytest.fixture(scope="module")
def committed(base_project, tmp_path_factory):
    """A git repository whose results are committed, as a user's clone is."""
    project = copy_project(base_project, tmp_path_factory.mktemp("experiments") / "project")
    (project / ".dvc/config.local").write_text("[core]\n    analytics = false\n", encoding="utf-8")
    run(project, "git", "init", "-q", "-b", "main")
    run(project, "git", "add", "-A")
    run(project, "git", "commit", "-q", "-m", "results")
    return project


@pytest.fixture
def repository(committed):
    """The repository with a clean tree; what a test changes in it is taken back, failed or not."""
    assert run(committed, "git", "status", "--porcelain").stdout == "", "the tree is not clean"
    yield committed
    run(committed, "git", "clean", "-qfd")
    run(committed, "git", "checkout", "-q", ".")
    dvc(committed, "checkout", "-q", check=False)


def stages_run(said: str) -> list[str]:
    return [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]


@pytest.mark.parametrize(
    ("change", "name"),
    [("optimizer=rmsprop", "with-rmsprop"), ("model_size=base", "bigger")],
)
def test_an_experiment_reruns_training_only_and_can_be_compared(repository, change, name):
    said = dvc(repository, "exp", "run", "-n", name, "-S", change).stdout
    assert set(stages_run(said)) == AFTER_TRAINING, said
    shown = json.loads(dvc(repository, "exp", "show", "--json").stdout)
    assert name in json.dumps(shown), f"{name} is missing from dvc exp show"
    metrics = json.loads(dvc(repository, "metrics", "diff", "HEAD", name, "--json").stdout)
    assert "metrics/synthetic.json" in metrics, "metrics diff shows no change"
    page = repository / f"page-{name}"
    dvc(repository, "plots", "diff", "HEAD", name, "--out", str(page))
    html = (page / "index.html").read_text(encoding="utf-8")
    assert name in html, f"{name} is missing from dvc plots diff"
    assert html.count('"$schema": "https://vega') >= 4, (
        "plots diff draws fewer charts than there are"
    )


def test_the_life_of_an_experiment_is_as_contributing_tells_it(repository, tmp_path_factory):
    begun = run(repository, "git", "rev-parse", "HEAD").stdout.strip()
    remote = tmp_path_factory.mktemp("remote")
    run(remote, "git", "init", "-q", "--bare")
    run(repository, "git", "remote", "add", "origin", str(remote))
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = re.search(r"^## An experiment\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]
    commands = "".join(re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
    assert commands.count("\n") >= 10, "the section has lost its commands"
    try:
        for line in commands.splitlines():
            run(repository, "bash", "-c", line)
            if line.startswith("ser review"):
                summary = (repository / "review/review.md").read_text(encoding="utf-8")
                assert "| `optimizer` | `muon` | `rmsprop` |" in summary, line
                assert "made by the code of this revision? | yes |" in summary, line
        params = (repository / "params.yaml").read_text(encoding="utf-8")
        assert "optimizer: rmsprop" in params, "the merge did not bring the experiment"
        assert "up to date" in dvc(repository, "status").stdout, "dvc.lock is not of this workspace"
    finally:
        run(repository, "git", "reset", "-q", "--hard", begun)
