"""Nothing is run again without reason: one thing is changed at a time, and DVC says what is stale.

`dvc status` names the stages whose own inputs changed; what stands after them in the graph runs
only if an input of its own is then another.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ser.models.storage import load_network
from stages import train
from tests.graph.project import (
    CORPUS,
    SYSTEM,
    change_params,
    changed,
    copy_project,
    dvc,
    followers,
)

pytestmark = [
    pytest.mark.graph,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of what DVC uses
]

Change = Callable[[Path], None]

SYSTEMS, CORPORA = ("synthetic", "synthetic_leaky"), ("synthetic_a", "synthetic_b")


def of(stage: str, names: tuple[str, ...] = SYSTEMS) -> set[str]:
    return {f"{stage}@{name}" for name in names}


def trainings(seed: int) -> set[str]:
    return {f"train@{name}-{seed}" for name in SYSTEMS}


def params(**changes: Any) -> Change:
    """Change parameters; two underscores stand for a point."""
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    return lambda folder: change_params(folder, dotted)


def text(*names: str) -> Change:
    """Add a line to files, which says nothing to Python, YAML or CSV."""

    def change(folder: Path) -> None:
        for name in names:
            path = folder / name
            path.write_text(path.read_text(encoding="utf-8") + "\n# another line\n", "utf-8")

    return change


def together(*changes: Change) -> Change:
    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


# kinds of stages that may run after each kind, if it makes something else
AFTER = {
    "download": {"split", "augment", "featurize", "functionals", "systems"},
    "split": {"augment", "featurize", "systems"},
    "augment": {"featurize", "systems"},
    "featurize": {"systems"},
    "functionals": {"systems"},
    "systems": {"train", "baselines", "evaluate", "report"},
    "train": {"evaluate", "report"},
    "baselines": {"evaluate", "report"},
    "evaluate": {"report"},
    "report": set[str](),
}
# what is changed: how, and which stages are stale
CASES: dict[str, tuple[Change, set[str]]] = {
    "texts, studies, and settings of what is not chosen": (
        together(
            text("README.md", "docs/extending.md", "studies/ladder.py", "ser/predict/speech.py"),
            params(
                studies__training__epochs=99,
                front_ends__mfcc__n_mfcc=30,
                optimizers__adam__lr=1.0,
                model_sizes__large__dropout=0.5,
            ),
        ),
        set(),
    ),
    "a colour or a title": (
        text("ser/reports/figures/base.py", "ser/reports/words.csv"),
        {"report"},
    ),
    "an effect": (params(augmentation__noise__enabled=True), of("augment", CORPORA)),
    "one seed more": (params(seeds=[0, 1]), trainings(1) | of("evaluate")),
    "code of training": (
        text("ser/training/batches.py"),
        trainings(0) | of("evaluate"),
    ),
    # a table of results may be read otherwise, but nothing is trained
    "code of calibration": (
        text("ser/evaluation/calibration.py"),
        of("baselines") | of("evaluate") | {"report"},
    ),
    "cost of the linear part": (params(linear__c=0.5), of("baselines")),
    "share of the linear part": (params(linear__share=0.5), of("evaluate")),
}


@pytest.fixture(scope="module")
def whole(base_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = copy_project(base_project, tmp_path_factory.mktemp("reruns") / "project")
    # it is not asked about here, and reading it takes DVC as long as all else
    (project / "studies/dvc.yaml").unlink()
    return project


@pytest.fixture
def project(whole: Path) -> Iterator[Path]:
    """The project as it was run; what a test changes in its files is taken back."""
    kept = {
        path: path.read_bytes()
        for name in ("dvc.lock", "params.yaml", "*.md", "docs", "ser", "studies")
        for start in whole.glob(name)
        for path in ([start] if start.is_file() else start.rglob("*"))
        if path.is_file()
    }
    yield whole
    for path, content in kept.items():
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def test_stages_come_one_after_another(whole: Path) -> None:
    found = followers(whole)
    assert set(found) == set(AFTER)
    for kind, after in found.items():
        first, later = AFTER[kind], set[str]()
        while first - later:
            later |= first
            first = first.union(*(AFTER[each] for each in first))
        assert after == later | {kind}, kind


@pytest.mark.parametrize("what", CASES)
def test_a_change_makes_stale_what_it_concerns(project: Path, what: str) -> None:
    change, stale = CASES[what]
    change(project)
    assert changed(project) == stale


def test_a_system_more_is_trained_alone(project: Path) -> None:
    women = {"corpora": [CORPUS], "gender": "female", "protocol": "speaker_independent"}
    change_params(project, {"systems.women": women})
    own = {"train@women-0", "baselines@women", "evaluate@women"}
    assert changed(project) == {*own, "systems", "report"}


def test_a_corpus_more_concerns_its_own_stages_only(project: Path) -> None:
    file = project / "ser/corpora/synthetic_c.py"
    file.write_text(
        '"""A third dialect."""\n\nfrom dataclasses import replace\n\n'
        "from ser.download.synthetic import synthetic_corpus\n\n"
        'CORPUS = replace(synthetic_corpus("a"), name="synthetic_c")\n',
        encoding="utf-8",
    )
    change_params(project, {"corpora": [*CORPORA, "synthetic_c"]})
    own = {"download", "split", "augment", "featurize", "functionals"}
    try:
        assert changed(project) == {f"{stage}@synthetic_c" for stage in own} | {"systems"}
        dvc(project, "repro", "systems")
        assert changed(project) == set(), "systems that do not name the corpus are stale"
    finally:
        file.unlink()
        for folder in project.glob("data/*/synthetic_c"):
            shutil.rmtree(folder)


def test_a_stage_that_makes_the_same_bytes_makes_nothing_else_stale(project: Path) -> None:
    text("ser/download/build.py")(project)
    assert changed(project) == of("download", CORPORA)
    dvc(project, "repro", "--single-item", "download@synthetic_a")
    assert changed(project) == {"download@synthetic_b"}, "a sentence in download made a split stale"


def test_another_optimizer_of_torch_is_yaml_only(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"class": "NAdam", "lr": 0.004, "weight_decay": 0.0001}
    change_params(project, {"optimizers.nadam": row, "optimizer": "nadam"})
    assert changed(project) == trainings(0)
    models = project / "models" / SYSTEM / "seed_0"
    aside = models.rename(project / "seed_0.aside")
    monkeypatch.chdir(project)
    try:
        train.main(SYSTEM, 0)
        new, old = (sorted(folder.glob("*.safetensors")) for folder in (models, aside))
        assert [path.name for path in new] == [path.name for path in old]
        weights = [
            load_network(paths[0]).network.state_dict()["classifier.bias"] for paths in (new, old)
        ]
        assert not weights[0].equal(weights[1]), "another optimizer trained the same network"
    finally:
        shutil.rmtree(models)
        aside.rename(models)
