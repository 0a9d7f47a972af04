"""Reviews: what changed is found, what is better is told from chance, what is stale is refused."""

import json
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from ser.core.errors import SerError
from ser.reports.review.checklist import AUTHOR, PHASES
from ser.reports.review.page import Grid, Section, as_html, as_markdown, code
from ser.reports.review.report import make_review, review_html, review_markdown
from ser.reports.review.verdicts import Lock, Verdict, content_hash, guarded, reproducible
from ser.reports.revisions import Files, open_revision
from ser.reports.systems import Results
from tests.builders import REPOSITORY, make_predictions, make_values
from tests.conftest import Refused
from tests.graph.project import run
from tests.reports.builders import change_metrics, write_results, write_shortcuts

SYSTEMS = ("tiny", "other")
GRAPH = """
stages:
  systems:
    cmd: mkdir -p data && cp results/systems.json data/
    deps: [ser/guards, results/systems.json]
    outs: [data/systems.json]
  train:
    matrix:
      system: [tiny, other]
      seed: [0]
    cmd: mkdir -p models/${item.system} && echo ${item.seed} > models/${item.system}/seed_0
    deps: [ser/training]
    params:
      - data/systems.json:
          - ${item.system}
      - optimizer
      - training
    outs:
      - models/${item.system}/seed_${item.seed}
  evaluate:
    foreach: [tiny, other]
    do:
      cmd: mkdir -p metrics plots && cp -R results/${item}/* .
      deps:
        - models/${item}
        - results/${item}
      params:
        - data/systems.json:
            - ${item}
      outs:
        - plots/systems/${item}: {cache: false}
        - metrics/baselines/${item}.csv: {cache: false}
      metrics:
        - metrics/${item}.json: {cache: false}
  report:
    cmd: cat metrics/*.json > plots/all.txt
    deps: [metrics, plots/systems]
    outs:
      - plots/all.txt: {cache: false}
"""


def write_side(folder: Path, accuracy: float, seed: int, systems: tuple[str, ...]) -> None:
    """What evaluation is to find, in `folder/results`."""
    for system in systems:
        predictions = make_predictions(12, 20, (0, 1), lambda _: accuracy, random_seed=seed)
        write_results(folder / "results" / system, system, predictions)
    (folder / "results/systems.json").write_text(json.dumps(dict.fromkeys(SYSTEMS, "hash")))


def write_params(folder: Path, **changes: Any) -> None:
    system = {"corpora": ["synthetic_a"], "protocol": "leave_one_speaker_out"}
    values = make_values({"systems": dict.fromkeys(SYSTEMS, system), **changes})
    text = yaml.safe_dump(values.table, sort_keys=False)
    (folder / "params.yaml").write_text(text, encoding="utf-8")


def commit(folder: Path, tag: str, *targets: str) -> None:
    run(folder, sys.executable, "-m", "dvc", "repro", "-q", *targets)
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "-m", tag)
    run(folder, "git", "tag", tag)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Commits: `before`; `after`, a change that helps; `one`, an experiment with one system."""
    folder = tmp_path_factory.mktemp("project")
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, sys.executable, "-m", "dvc", "init", "-q")
    for room in ("training", "guards", "splits"):
        (folder / "ser" / room).mkdir(parents=True)
        (folder / f"ser/{room}/code.py").write_text(f"# {room}\n", encoding="utf-8")
    (folder / "dvc.yaml").write_text(GRAPH, encoding="utf-8")
    write_params(folder)
    write_side(folder, 0.4, 1, SYSTEMS)
    commit(folder, "before")
    (folder / "ser/training/code.py").write_text("# better\n", encoding="utf-8")
    write_params(folder, optimizer="rmsprop", **{"training.epochs": 9})
    write_side(folder, 0.8, 2, SYSTEMS)
    commit(folder, "after")
    write_params(folder, optimizer="sgd", **{"training.epochs": 9})
    write_side(folder, 0.6, 3, ("tiny",))
    commit(folder, "one", "evaluate@tiny")
    return folder


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project)
    return project


@pytest.fixture
def restored(here: Path) -> Iterator[Path]:
    """The project at `after`, put back when the test is over."""
    run(here, "git", "checkout", "-q", "after")
    yield here
    run(here, "git", "checkout", "-q", "--force", "main")
    run(here, "git", "clean", "-q", "-f", "-d", "plots")


def answers(verdicts: list[Verdict]) -> list[str]:
    return [verdict.answer for verdict in verdicts]


def verdicts_of(name: str, *reviewed: str) -> list[Verdict]:
    others = [system for system in SYSTEMS if system not in reviewed]
    return reproducible(Lock(open_revision(name)), reviewed, others)


def test_a_gain_is_told_from_chance_and_changes_are_listed(here: Path) -> None:
    text = review_markdown(make_review(open_revision("before"), open_revision("after")))
    assert "| `tiny` | **better** |" in text
    assert "| `optimizer` | `adamw` | `rmsprop` |" in text
    assert "| `training.epochs` | `2` | `9` |" in text
    assert "- `ser/training` changed" in text
    assert "ser/guards` changed" not in text
    assert "made by code, data and parameters of this revision? | yes |" in text


def test_a_loss_is_called_worse_and_the_same_is_called_the_same(here: Path) -> None:
    before, after = open_revision("before"), open_revision("after")
    assert "| `tiny` | **worse** |" in review_markdown(make_review(after, before))
    same = review_markdown(make_review(after, after))
    assert "the same answers" in same
    assert "Nothing: parameters, code and data are the same." in same


def test_everything_committed_is_reproducible(here: Path) -> None:
    for name in ("before", "after"):
        assert answers(verdicts_of(name, *SYSTEMS)) == ["yes"] * 4, name


def test_an_experiment_with_one_system_is_trusted_and_says_what_to_do_with_the_rest(
    here: Path,
) -> None:
    review = make_review(open_revision("after"), open_revision("one"))
    assert answers(review.verdicts) == ["yes", "yes", "in part", "yes"]
    hint = review.verdicts[2].reason
    for part in ("systems were not run again: `other`", "`report`", "`dvc repro` brings them"):
        assert part in hint, hint
    assert "| `other` | the same answers |" in review_markdown(review)
    assert answers(review.systems[0].verdicts) == ["yes"] * 5


def test_a_change_that_was_not_run_at_all_is_refused(here: Path) -> None:
    own, _, others, _ = verdicts_of("one", *SYSTEMS)
    assert own.answer == "no"
    assert "`optimizer` is not what `train@other-0` ran with; run `dvc repro`" in own.reason
    assert others.answer == "in part", "the report is behind"


def test_hashes_of_folders_are_those_that_dvc_writes(restored: Path) -> None:
    lock = yaml.safe_load((restored / "dvc.lock").read_text(encoding="utf-8"))
    deps = {entry["path"]: entry["md5"] for entry in lock["stages"]["train@tiny-0"]["deps"]}
    assert deps["ser/training"].endswith(".dir")
    for files in (open_revision("after"), Files()):
        assert content_hash(files, "ser/training", is_folder=True) == deps["ser/training"]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("ser/training/code.py", 0),
        ("ser/guards/code.py", 0),
        ("metrics/tiny.json", 1),
        ("plots/systems/other/scores.csv", 1),
    ],
)
def test_what_differs_from_the_lock_is_found(restored: Path, path: str, place: int) -> None:
    with (restored / path).open("a", encoding="utf-8") as file:
        file.write("\n")
    found = verdicts_of("workspace", *SYSTEMS)
    assert answers(found[:2]) == ["no" if place == number else "yes" for number in (0, 1)]
    assert "run `dvc repro`" in found[place].reason


def test_a_parameter_that_the_run_did_not_have_is_found(restored: Path) -> None:
    write_params(restored, optimizer="rmsprop", **{"training.epochs": 99})
    verdict = verdicts_of("workspace", "tiny")[0]
    assert verdict.answer == "no"
    assert "training.epochs" in verdict.reason


def test_a_stage_that_was_not_run_after_what_it_needs_is_found(restored: Path) -> None:
    path = restored / "dvc.lock"
    lock = yaml.safe_load(path.read_text(encoding="utf-8"))
    lock["stages"]["systems"]["outs"][0]["md5"] = "0" * 32
    lock["stages"]["evaluate@tiny"]["deps"].append({"path": "data/systems.json", "md5": "1" * 32})
    path.write_text(yaml.safe_dump(lock), encoding="utf-8")
    assert Lock(Files()).stale == {"evaluate@tiny": "data/systems.json"}


def test_the_workspace_is_not_committed(restored: Path) -> None:
    assert verdicts_of("workspace", *SYSTEMS)[3].answer == "no"


def test_changed_guards_are_shown_to_the_reviewer(restored: Path) -> None:
    (restored / "ser/splits/code.py").write_text("# nothing\n", encoding="utf-8")
    text = review_markdown(make_review(open_revision("before"), Files()))
    assert "| Are the protocols and guards those of the base? | **no** |" in text


class Elements(HTMLParser):
    """Every element of a page, with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


# what a page is made of: elements, and the attributes that they may have
ALLOWED = {
    **dict.fromkeys(
        ("head", "title", "style", "body", "h1", "h2", "h3", "p", "ul", "li"), frozenset()
    ),
    **dict.fromkeys(("table", "thead", "tbody", "tr", "th", "code", "strong", "em"), frozenset()),
    "html": {"lang"},
    "meta": {"charset", "name", "content", "http-equiv"},
    "div": {"tabindex"},
    "td": {"class"},
    "img": {"alt", "src"},
}


def check_elements(page: str) -> None:
    for tag, attributes in Elements(page).found:
        assert tag in ALLOWED, f"<{tag}> stands in the page"
        assert set(attributes) <= ALLOWED[tag], f"<{tag}> has {attributes}"
        if tag == "img":
            assert re.fullmatch(r"data:image/png;base64,[\w+/=]+", str(attributes["src"]))


def test_the_page_needs_no_network_and_shows_every_figure(here: Path) -> None:
    page = review_html(make_review(open_revision("before"), open_revision("after")))
    check_elements(page)
    assert page.count('src="data:image/png;base64,') == 4 * len(SYSTEMS)
    for title in ("Accuracy and loss by epoch", "Confusion", "Calibration", "Speakers"):
        assert f"<h3>{title}</h3>" in page
    assert page.index("System <code>tiny</code>") < page.index("<h3>Confusion</h3>")
    assert page.rindex("<h3>Speakers</h3>") < page.index("Checklist")
    assert "default-src 'none'" in page


EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'><b>`**|\n&"


def test_shortcuts_stand_beside_the_results_of_every_system(
    restored: Path, refused: Refused
) -> None:
    corpus = str(Results("tiny", Files()).predictions["corpus"].iloc[0])
    after = open_revision("after")
    for base, times in ((open_revision("before"), 2), (after, 1)):
        text = review_markdown(make_review(base, after))
        assert text.count(f"{corpus}: shortcuts are not measured yet") == times
    cue = {"cue": "duration", "uar": 78.0, "low": 70.0, "high": 85.0, "chance": 20.0, "p": 0.001}
    write_shortcuts(restored, corpus, [{**cue, "warns": True}])
    review = make_review(open_revision("before"), Files())
    for text in (review_markdown(review), review_html(review)):
        assert text.count(f"{corpus}: Clip length alone recognises 78 %") == 2
    write_shortcuts(restored, corpus, [{**cue, "warns": True, "uar": 101.0}])
    with refused("The table of shortcuts", "numbers from 0 to 100"):
        make_review(open_revision("before"), Files())


def test_no_name_becomes_markup(restored: Path) -> None:
    """Names of branches, stages, outputs, parameters and marks are shown as they stand."""
    lock = yaml.safe_load((restored / "dvc.lock").read_text(encoding="utf-8"))
    stage = {"cmd": EVIL, "deps": [{"path": f"ser/{EVIL}", "md5": "0"}]}
    stage["outs"] = [{"path": f"models/{EVIL}", "md5": "1"}, {"path": EVIL, "md5": "2"}]
    stage["params"] = {"params.yaml": {EVIL: EVIL}}
    lock["stages"][EVIL] = lock["stages"][f"train@{EVIL}"] = stage
    (restored / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")
    params = yaml.safe_load((restored / "params.yaml").read_text(encoding="utf-8"))
    (restored / "params.yaml").write_text(yaml.safe_dump({**params, EVIL: EVIL}))
    change_metrics(restored, "tiny", mark=EVIL, protocol=EVIL)
    path = restored / "plots/systems/tiny/predictions.csv"
    predictions = pd.read_csv(path, dtype=str, keep_default_na=False)
    predictions["speaker"] = predictions["speaker"].replace("01", EVIL)
    predictions.loc[0, "fold"] = "9"
    predictions.to_csv(path, index=False)
    base = open_revision("before")
    named = Files(EVIL, "", None), Files(EVIL, base.commit, base.tree)
    page = review_html(make_review(named[1], named[0]))
    check_elements(page)
    assert "&lt;script&gt;alert(2)" in page, "the name is not shown"
    text = review_markdown(make_review(named[1], named[0]))
    outside = "".join(re.split(r"`[^`\n]*`", text))
    assert not re.search(r"<[a-zA-Z/!?]", outside), "a tag stands outside of code"
    for line in text.splitlines():
        if line.startswith("| ") and "---" not in line:
            assert len(re.findall(r"(?<!\\)\|", line)) in (4, 5, 7), f"cells are split: {line}"


def test_words_keep_their_marks_and_nothing_else() -> None:
    sections = [Section("a `b` & c", ["**d** *e* <i>f</i>", ["`<g>`"], Grid(["h"], [["|"]], 1)])]
    page = as_html("t", sections)
    for part in ("a <code>b</code> &amp; c", "<strong>d</strong> <em>e</em> &lt;i&gt;f&lt;/i&gt;"):
        assert part in page
    assert "<code>&lt;g&gt;</code>" in page
    text = as_markdown("t", sections)
    assert "**d** *e* &lt;i>f&lt;/i>" in text
    assert "- `<g>`" in text
    assert r"| \| |" in text
    assert code("a`b\nc") == "`a'b c`"


def test_the_checklist_is_filled_from_the_run(here: Path) -> None:
    seconds = json.dumps({"train tiny 0": 100.4, "train tiny 1": 23.0, "train other 0": 9.0})
    text = review_markdown(make_review(open_revision("before"), open_revision("after"), seconds))
    assert "12 speakers" in text
    assert "The last training here took 123 s." in text
    assert "train 79.5 %, validation 79.5 %" in text
    assert "without a network: functionals linear 60.0" in text
    assert AUTHOR in text


def test_the_template_asks_every_question() -> None:
    template = (REPOSITORY / ".github/pull_request_template.md").read_text(encoding="utf-8")
    for items in PHASES.values():
        for item in items:
            assert f"**{item.title}.**" in template, f"the template lacks {item.title!r}"


def test_leaks_that_predictions_show_are_seen() -> None:
    table = make_predictions(seeds=(0, 1))
    assert answers(guarded(table, "none")) == ["yes"] * 3
    assert answers(guarded(table, "LEAKY: take")) == ["yes", "yes", "no"]
    assert answers(guarded(table.iloc[1:], "none")) == ["no", "yes", "yes"]
    table.loc[0, "fold"] = 99
    assert answers(guarded(table, "none")) == ["yes", "no", "yes"]


def test_a_revision_without_results_is_refused_in_one_sentence(
    here: Path, refused: Refused
) -> None:
    with refused("There is no revision 'nothing'"):
        open_revision("nothing")
    head = open_revision("after")
    moved = (here / "metrics").rename(here / "elsewhere")
    try:
        with pytest.raises(SerError, match=r"There are no results at 'workspace'"):
            make_review(head, Files())
    finally:
        moved.rename(here / "metrics")
