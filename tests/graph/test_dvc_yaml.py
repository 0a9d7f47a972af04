"""dvc.yaml says what the stages need: no more, no less."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
import yaml

from tests.graph.project import ROOT

GRAPH = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
STAGES = sorted(GRAPH)


def block(stage: str) -> dict:
    return GRAPH[stage].get("do", GRAPH[stage])


def imported(path: Path) -> set[Path]:
    """Files of this project that a file imports, packages' `__init__.py` included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    files = set()
    for name in names:
        parts = name.split(".")
        if parts[0] != "ser":
            continue
        files |= {ROOT.joinpath(*parts[:n], "__init__.py") for n in range(1, len(parts) + 1)}
        files.add(ROOT.joinpath(*parts).with_suffix(".py"))
    return {file for file in files if file.is_file()}


def needed(stage: str) -> set[str]:
    """The stage's script and all it imports, directly or not."""
    seen, waiting = set(), [ROOT / "stages" / f"{stage}.py"]
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            waiting += imported(file)
    return {file.relative_to(ROOT).as_posix() for file in seen}


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_the_script_and_exactly_what_it_imports(stage):
    listed = {dep for dep in block(stage)["deps"] if dep.startswith(("ser", "stages"))}
    files, folders = set(), set()
    for dep in listed:
        (folders if (ROOT / dep).is_dir() else files).add(dep)
    # a corpus's own file is imported by its name, which this reading cannot follow
    by_name = {
        "ser/corpora/${item}.py",
        "ser/corpora/synthetic.py",
        "ser/corpora/synthetic_voice.py",
    }
    files -= by_name
    want = needed(stage)
    covered = {name for name in want if any(name.startswith(f"{folder}/") for folder in folders)}
    assert want - covered == files, f"deps of {stage} in dvc.yaml differ from its imports"
    for folder in folders:
        present = {p.relative_to(ROOT).as_posix() for p in (ROOT / folder).rglob("*.py")}
        assert present <= want, f"{stage} lists {folder}, but does not import all of it"


@pytest.mark.parametrize("stage", STAGES)
def test_blocks_are_described_sorted_and_without_repeats(stage):
    body = block(stage)
    assert body.get("desc"), f"{stage} has no desc"
    for part in ("deps", "params"):
        entries = body.get(part, [])
        assert entries == sorted(entries), f"{part} of {stage} are not in alphabetical order"
        assert len(entries) == len(set(entries)), f"{part} of {stage} repeat"


@pytest.mark.parametrize("stage", STAGES)
def test_stages_run_as_modules_and_fit_on_a_screen(stage):
    script = ROOT / "stages" / f"{stage}.py"
    assert block(stage)["cmd"].startswith(f"python -m stages.{stage}")
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 60, f"{script} is too long"


def test_metrics_and_plots_belong_to_git_and_the_rest_to_dvc():
    for stage in STAGES:
        for part in ("metrics", "plots"):
            for entry in block(stage).get(part, []):
                ((path, settings),) = entry.items()
                assert settings["cache"] is False, f"{path} would be hidden from git"
        for entry in block(stage).get("outs", []):
            path = entry if isinstance(entry, str) else next(iter(entry))
            assert path.startswith(("data/", "models/")), f"{path} is not DVC's"


def test_corpora_that_may_not_be_passed_on_are_not_pushed():
    for stage in ("download", "augment"):
        for entry in block(stage)["outs"]:
            ((path, settings),) = entry.items()
            assert settings["push"] is False, f"{path} holds corpus audio and would be pushed"


FLOORS = [
    {"errors", "labels", "files", "processes"},
    {"params", "clips", "packs", "scoring", "markdown"},
    {"audio"},
    {"corpora"},
    {"splits", "takes", "copies", "feature_store", "functional_store", "encoders"},
    {"augmentation", "features"},
    {"functionals"},
    {"dataset", "functional_reader", "normalization"},
    {"models"},
    {"training"},
    {"evaluation"},
    {"plots", "readme"},
    {"studies"},
    {"entry", "revisions"},
    {"review"},
    {"cli"},
]


def test_imports_point_down_the_floors_and_never_in_a_circle():
    floor = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
    for file in (ROOT / "ser").rglob("*.py"):
        room = file.relative_to(ROOT / "ser").parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        assert room in floor, f"ser/{room} stands on no floor; add it to FLOORS"
        for other in imported(file):
            below = other.relative_to(ROOT / "ser").parts[0].removesuffix(".py")
            if below in (room, "__init__"):
                continue
            assert floor[below] <= floor[room], f"{file} imports ser/{below}, which stands above it"
    modules = [file for file in (ROOT / "ser").rglob("*.py") if file.name != "__init__.py"]
    arrows = {file: imported(file) & set(modules) for file in modules}
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as circle:
        pytest.fail(f"imports run in a circle: {circle.args[1]}")
