"""Reviews: what changed is found, what is better is told from chance, what is stale is refused."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from ser.errors import SerError
from ser.evaluation.calibration import reliability_table
from ser.evaluation.metrics import confusion_table, system_metrics
from ser.files import write_csv, write_json
from ser.review.checklist import AUTHOR, PHASES
from ser.review.report import make_review, review_html, review_markdown
from ser.review.verdicts import Verdict, content_hash, guarded, reproducible
from ser.revisions import open_revision
from ser.splits.protocols import PROTOCOLS
from tests.builders import REPOSITORY, make_params, make_predictions
from tests.evaluation.test_calibration import with_probabilities
from tests.graph.project import ENVIRONMENT

GRAPH = """
stages:
  train:
    foreach: [tiny]
    do:
      cmd: mkdir -p models && touch models/tiny
      deps: [ser/model.py, ser/splits]
      params: [optimizer, training]
      outs: [models/tiny]
  evaluate:
    foreach: [tiny]
    do:
      cmd: cp -R results/. .
      deps: [models/tiny, results, ser/model.py]
      metrics: [metrics/tiny.json: {cache: false}]
      plots: [plots/tiny: {cache: false}]
"""


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def write_results(folder: Path, predictions: pd.DataFrame) -> None:
    """What the evaluate stage is to find, in `folder/results`."""
    protocol = PROTOCOLS["leave_one_speaker_out"]
    predictions = with_probabilities(predictions).assign(protocol=protocol.name)
    plots = folder / "results" / "plots" / "tiny"
    plots.mkdir(parents=True, exist_ok=True)
    write_json(folder / "results/metrics/tiny.json", system_metrics(predictions, 70, protocol))
    write_csv(plots / "predictions.csv", predictions, decimals=6)
    write_csv(plots / "confusion.csv", confusion_table(predictions), decimals=2)
    write_csv(plots / "reliability.csv", reliability_table(predictions), decimals=2)
    history = [
        {"fold": 0, "seed": 0, "network": 0, "epoch": e, "part": part, "loss": 1 / e}
        | {"accuracy": 20.0 * e, "uar": 20.0 * e}
        for e in (1, 2)
        for part in ("train", "validation")
    ]
    write_csv(plots / "history.csv", pd.DataFrame(history), decimals=4)


def write_params(folder: Path, **changes: Any) -> None:
    values = make_params({name.replace("__", "."): value for name, value in changes.items()})
    text = yaml.safe_dump(values.model_dump(exclude_none=True), sort_keys=False)
    (folder / "params.yaml").write_text(text, encoding="utf-8")


def commit(folder: Path, tag: str) -> None:
    run(folder, sys.executable, "-m", "dvc", "repro", "-q")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "-m", tag)
    run(folder, "git", "tag", tag)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two commits: `before`, and `after` with a change that helps."""
    folder = tmp_path_factory.mktemp("project")
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, sys.executable, "-m", "dvc", "init", "-q")
    (folder / "ser/splits").mkdir(parents=True)
    for name in ("model", "splits/guards", "splits/folds"):
        (folder / f"ser/{name}.py").write_text(f"# {name}\n", encoding="utf-8")
    (folder / "dvc.yaml").write_text(GRAPH, encoding="utf-8")
    write_params(folder)
    worse = make_predictions(
        speakers=12, clips_each=20, seeds=(0, 1), accuracy=lambda _: 0.4, random_seed=1
    )
    write_results(folder, worse)
    commit(folder, "before")
    (folder / "ser/model.py").write_text("# better\n", encoding="utf-8")
    write_params(folder, optimizer="rmsprop", training__epochs=9)
    better = make_predictions(
        speakers=12, clips_each=20, seeds=(0, 1), accuracy=lambda _: 0.8, random_seed=2
    )
    write_results(folder, better)
    commit(folder, "after")
    return folder


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project)
    return project


@pytest.fixture
def restored(here: Path) -> Any:
    """The project, put back as it was committed when the test is over."""
    yield here
    run(here, "git", "checkout", "-q", "--", ".")


def answers(verdicts: list[Verdict]) -> list[str]:
    return [verdict.answer for verdict in verdicts]


def test_a_gain_is_told_from_chance_and_changes_are_listed(here: Path) -> None:
    text = review_markdown(make_review(open_revision("before"), open_revision("after")))
    assert "| `tiny` | **better** |" in text
    assert "| `optimizer` | `adamw` | `rmsprop` |" in text
    assert "| `training.epochs` | `2` | `9` |" in text
    assert "- `ser/model.py` changed" in text
    assert "ser/splits` changed" not in text
    assert "| Were the results made by the code of this revision? | yes |" in text


def test_a_loss_is_called_worse_and_the_same_is_called_the_same(here: Path) -> None:
    before, after = open_revision("before"), open_revision("after")
    assert "| `tiny` | **worse** |" in review_markdown(make_review(after, before))
    same = review_markdown(make_review(after, after))
    assert "the same answers" in same
    assert "Nothing: parameters, code and data are the same." in same


def test_everything_committed_is_reproducible(here: Path) -> None:
    assert answers(reproducible(open_revision("after"))) == ["yes"] * 4
    assert answers(reproducible(open_revision("before"))) == ["yes"] * 4


def test_hashes_of_folders_are_those_that_dvc_writes(here: Path) -> None:
    lock = yaml.safe_load((here / "dvc.lock").read_text(encoding="utf-8"))
    deps = {entry["path"]: entry["md5"] for entry in lock["stages"]["train@tiny"]["deps"]}
    assert deps["ser/splits"].endswith(".dir")
    for files in (open_revision("after"), open_revision("workspace")):
        assert content_hash(files, "ser/splits", is_folder=True) == deps["ser/splits"]
        assert content_hash(files, "ser/model.py", is_folder=False) == deps["ser/model.py"]


@pytest.mark.parametrize(
    ("path", "place"), [("ser/model.py", 0), ("ser/splits/guards.py", 0), ("metrics/tiny.json", 1)]
)
def test_what_differs_from_the_lock_is_found(restored: Path, path: str, place: int) -> None:
    with (restored / path).open("a", encoding="utf-8") as file:
        file.write("\n")
    found = reproducible(open_revision("workspace"))
    assert found[place].answer == "no"
    assert "run `dvc repro`" in found[place].reason


def test_a_parameter_that_the_run_did_not_have_is_found(restored: Path) -> None:
    write_params(restored, optimizer="rmsprop", training__epochs=99)
    verdict = reproducible(open_revision("workspace"))[2]
    assert verdict.answer == "no"
    assert "training.epochs" in verdict.reason


def test_the_workspace_is_not_committed(here: Path) -> None:
    assert reproducible(open_revision("workspace"))[3].answer == "no"


def test_changed_guards_are_shown_to_the_reviewer(restored: Path) -> None:
    (restored / "ser/splits/guards.py").write_text("# nothing\n", encoding="utf-8")
    text = review_markdown(make_review(open_revision("before"), open_revision("workspace")))
    assert "| Are the protocols and guards those of the base? | **no** |" in text


def test_the_page_needs_no_network_and_shows_every_figure(here: Path) -> None:
    page = review_html(make_review(open_revision("before"), open_revision("after")))
    assert page.count('src="data:image/png;base64,') == 4
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page), "something is fetched"
    assert "<script" not in page
    for title in ("Accuracy and loss by epoch", "Confusion", "Calibration", "Speakers"):
        assert f"<h3>{title}</h3>" in page
    assert page.index("System <code>tiny</code>") < page.index("<h3>Confusion</h3>")
    assert page.index("<h3>Speakers</h3>") < page.index("Checklist")


def test_the_checklist_is_filled_from_the_run(here: Path) -> None:
    seconds = json.dumps({"tiny": 123.4})
    text = review_markdown(make_review(open_revision("before"), open_revision("after"), seconds))
    assert "12 speakers" in text
    assert "The last training here took 123 s." in text
    assert "train 40.0 %, validation 40.0 %" in text
    assert "No floors were measured" in text
    assert AUTHOR in text


def test_the_template_asks_every_question() -> None:
    template = (REPOSITORY / ".github/pull_request_template.md").read_text(encoding="utf-8")
    for items in PHASES.values():
        for item in items:
            assert f"**{item.title}.**" in template, f"the template lacks {item.title!r}"


def test_a_speaker_in_two_folds_is_seen() -> None:
    table = make_predictions().assign(protocol="leave_one_speaker_out")
    assert answers(guarded(table)) == ["yes", "yes", "yes"]
    table.loc[0, "fold"] = 99
    leaky = guarded(table)
    assert leaky[1].answer == "no"
    assert "Speaker" in leaky[1].reason


def test_missing_answers_and_marked_protocols_are_seen() -> None:
    table = make_predictions(seeds=(0, 1)).assign(protocol="leaky_random")
    assert guarded(table)[2].answer == "no"
    assert guarded(table.iloc[1:])[0].answer == "no"


def test_a_revision_without_results_is_refused_in_one_sentence(here: Path) -> None:
    with pytest.raises(SerError, match=r"There is no revision 'nothing'"):
        open_revision("nothing")
    head = open_revision("after")
    results = here / "metrics"
    moved = results.rename(here / "elsewhere")
    try:
        with pytest.raises(SerError, match=r"There are no results at 'workspace'"):
            make_review(head, open_revision("workspace"))
    finally:
        moved.rename(results)
