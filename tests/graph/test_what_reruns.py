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
)

pytestmark = [
    pytest.mark.graph,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of what DVC uses
]

Change = Callable[[Path], None]

SYSTEMS, CORPORA = ("synthetic", "synthetic_leaky"), ("synthetic_a", "synthetic_b")
AFTER_TRAINING = {"train", "evaluate", "release", "report"}


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


CASES: dict[str, tuple[Change, set[str], set[str]]] = {
    # what is changed: how, which stages are stale, and which kinds of stages may run for it
    "texts, studies, and settings of what is not chosen": (
        together(
            text("README.md", "docs/extending.md", "studies/ladder.py"),
            params(
                studies__training__epochs=99,
                front_ends__mfcc__n_mfcc=30,
                optimizers__adam__lr=1.0,
                model_sizes__large__dropout=0.5,
            ),
        ),
        set(),
        set(),
    ),
    "a colour or a title": (
        text("ser/reports/figures/base.py", "ser/reports/words.csv"),
        {"report"},
        {"report"},
    ),
    "an effect": (
        params(augmentation__noise__enabled=True),
        of("augment", CORPORA),
        {"augment", "featurize", "systems", "baselines"} | AFTER_TRAINING,
    ),
    "one seed more": (
        params(seeds=[0, 1]),
        trainings(1) | of("evaluate") | {"release"},
        AFTER_TRAINING,
    ),
    "code of calibration": (
        text("ser/evaluation/calibration.py"),
        of("baselines") | of("evaluate") | {"release", "report"},
        {"baselines", "evaluate", "release", "report"},
    ),
    "code of training": (
        text("ser/training/batches.py"),
        trainings(0) | of("evaluate") | {"release"},
        AFTER_TRAINING,
    ),
    "cost of the linear part": (
        params(linear__c=0.5),
        of("baselines") | {"release"},
        {"baselines", "evaluate", "release", "report"},
    ),
    "share of the linear part": (
        params(linear__share=0.5),
        of("evaluate") | {"release"},
        {"evaluate", "release", "report"},
    ),
    "how own recordings are answered": (
        text("ser/predict/speech.py"),
        {"release"},
        {"release"},
    ),
}


@pytest.fixture(scope="module")
def whole(base_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(base_project, tmp_path_factory.mktemp("reruns") / "project")


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


@pytest.mark.parametrize("what", CASES)
def test_a_change_makes_stale_what_it_concerns(project: Path, what: str) -> None:
    change, stale, kinds = CASES[what]
    change(project)
    found, may_run = changed(project)
    assert found == stale, what
    assert may_run == kinds, what


def test_a_system_more_is_trained_alone(project: Path) -> None:
    women = {"corpora": [CORPUS], "gender": "female", "protocol": "speaker_independent"}
    change_params(project, {"systems.women": women})
    found, _ = changed(project)
    own = {"train@women-0", "baselines@women", "evaluate@women"}
    assert found == {*own, "systems", "report"}


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
        found, _ = changed(project)
        assert found == {f"{stage}@synthetic_c" for stage in own} | {"systems"}
        dvc(project, "repro", "systems")
        found, _ = changed(project)
        assert found == set(), "systems that do not name the corpus are stale"
    finally:
        file.unlink()
        for folder in project.glob("data/*/synthetic_c"):
            shutil.rmtree(folder)


def test_a_stage_that_makes_the_same_bytes_makes_nothing_else_stale(project: Path) -> None:
    text("ser/download/build.py")(project)
    found, may_run = changed(project)
    assert found == of("download", CORPORA)
    assert "train" in may_run
    dvc(project, "repro", "--single-item", "download@synthetic_a")
    found, _ = changed(project)
    assert found == {"download@synthetic_b"}, "a sentence in download made a split stale"


def test_another_optimizer_of_torch_is_yaml_only(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"class": "NAdam", "lr": 0.004, "weight_decay": 0.0001}
    change_params(project, {"optimizers.nadam": row, "optimizer": "nadam"})
    found, may_run = changed(project)
    assert found == trainings(0) | {"release"}
    assert may_run == AFTER_TRAINING
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
