"""Both graphs say what their stages need, no more and no less; the house's arrows run one way."""

import ast
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from inspect import isfunction, signature
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml

from ser.core.settings import Values
from tests.graph.project import ROOT

# what each room of ser/ may import, besides what these import; nothing else
ARROWS = {
    "core": set(),
    "clips": {"core"},
    "download": {"clips"},
    "corpora": {"download"},
    "guards": {"clips"},
    "splits": {"guards"},
    "store": {"clips"},
    "features": {"store"},
    "reading": {"guards", "store"},
    "models": {"reading"},
    "training": {"models"},
    "evaluation": {"training"},
    "shortcuts": {"evaluation"},
    "catalogue": {"shortcuts", "corpora", "splits"},
    "predict": {"evaluation", "features", "corpora"},
    "explore": {"predict", "reports"},
    "reports": {"shortcuts", "corpora", "features", "splits"},
    "export": {"corpora", "splits", "predict"},
    "referee": {"reports", "export"},
}
# files that stand above all rooms, for people
ABOVE = {"cli", "check", "plan"}
# rooms of words and pictures, which nothing that computes may know
WORDS = {"ser/reports"}


def graph(path: str) -> dict[str, dict[str, Any]]:
    """Stages of a graph by name, `foreach` unfolded."""
    stages = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))["stages"]
    return {name: stage.get("do", stage) for name, stage in stages.items()}


ROOT_GRAPH, STUDIES = graph("dvc.yaml"), graph("studies/dvc.yaml")
STAGES = {**ROOT_GRAPH, **STUDIES}


def script(stage: str) -> Path:
    """The module that a stage runs, as a path from the root."""
    program, flag, module, *_ = STAGES[stage]["cmd"].split()
    assert (program, flag) == ("python", "-m"), f"{stage} is not run as a module"
    return Path(module.replace(".", "/")).with_suffix(".py")


def paths(stage: str, part: str) -> dict[str, Any]:
    """Entries of a part of a stage: their path, and their settings if there are any."""
    return dict(_pair(entry) for entry in STAGES[stage].get(part, []))


def _pair(entry: str | dict[str, Any]) -> tuple[str, Any]:
    return next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})


@cache
def imported(file: Path) -> frozenset[Path]:
    """Files of this project that a file imports itself, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    own = [name.split(".") for name in names if name.startswith(("ser.", "stages.", "studies."))]
    modules = {Path(*parts).with_suffix(".py") for parts in own}
    packages = {Path(*parts, "__init__.py") for parts in own}
    return frozenset(path for path in modules | packages if (ROOT / path).is_file())


def needed(file: Path) -> set[Path]:
    """A file and all it imports, directly or not."""
    seen, waiting = set(), [file]
    while waiting:
        if (path := waiting.pop()) not in seen:
            seen.add(path)
            waiting += imported(path)
    return seen


def as_dependency(file: Path) -> str:
    """What stands for a file among the deps: its room, but for scripts and corpora themselves."""
    parts = file.parts
    if parts[0] == "ser" and len(parts) > 2 and parts[1] != "corpora":
        return "/".join(parts[:2])
    return file.as_posix()


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_the_script_and_the_rooms_it_imports(stage: str) -> None:
    listed = {dep for dep in paths(stage, "deps") if dep.startswith(("ser", "stages", "studies"))}
    wanted = {as_dependency(file) for file in needed(script(stage))}
    # packages that hold no code
    wanted -= {f"{package}/__init__.py" for package in ("ser", "stages", "studies")}
    if "ser/corpora/__init__.py" in wanted:  # finds a corpus's own file, and its checksums, by name
        wanted |= {"ser/corpora/${item}.py", "ser/corpora/checksums"}
    assert listed == wanted, f"deps of {stage} differ from what {script(stage)} imports"


@pytest.mark.parametrize("stage", ROOT_GRAPH)
def test_params_are_the_sections_that_a_stage_reads(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module(f"stages.{stage}")
    read: set[str] = set()
    real = Values.section

    def section(values: Values, key: str, kind: Any) -> Any:
        read.add(key)
        return real(values, key, kind)

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(Values, "section", section)
    for name, thing in vars(module).items():
        # all but what is given the parameters does nothing
        if isfunction(thing) and name not in ("main", "load_values"):
            given = "values" in signature(thing).parameters
            monkeypatch.setattr(module, name, thing if given else MagicMock())
    for name in ("pd", "ClipFiles"):
        monkeypatch.setattr(module, name, MagicMock(), raising=False)
    names = {"system": "ravdess", "seed": 0, "corpus": "ravdess"}
    with suppress(TypeError):  # what stands for a number cannot be printed as one
        module.main(*(names[name] for name in signature(module.main).parameters))
    listed = {param.replace("${key}", "ravdess") for param in _own_params(stage)}
    for key in read:
        assert any(_overlap(key, param) for param in listed), f"{stage} reads {key} unnoticed"
    for param in listed:
        assert any(_overlap(key, param) for key in read), f"{stage} does not read {param}"


def _own_params(stage: str) -> set[str]:
    """Parameters of params.yaml on which a stage depends, as DVC fills them in."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    filled = {"${item.system}": "ravdess", "${features.front_end}": values["features"]["front_end"]}
    filled |= {f"${{{name}}}": values[name] for name in ("optimizer", "model_size")}
    params = {param for param in STAGES[stage].get("params", []) if isinstance(param, str)}
    for name, value in filled.items():
        params = {param.replace(name, value) for param in params}
    return params


def _overlap(key: str, param: str) -> bool:
    return f"{key}.".startswith(f"{param}.") or f"{param}.".startswith(f"{key}.")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_described_sorted_and_short(stage: str) -> None:
    assert STAGES[stage].get("desc"), f"{stage} has no desc"
    for part in ("deps", "params", "metrics", "outs"):
        entries = [_pair(entry)[0] for entry in STAGES[stage].get(part, [])]
        assert entries == sorted(set(entries)), f"{part} of {stage} repeat or are out of order"
    if stage in ROOT_GRAPH:
        assert script(stage).parts[0] == "stages"
        lines = (ROOT / script(stage)).read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 70, f"{script(stage)} does not fit on a screen"


def test_the_root_graph_is_short() -> None:
    assert len((ROOT / "dvc.yaml").read_text(encoding="utf-8").splitlines()) <= 300


def test_only_what_draws_depends_on_words_and_pictures() -> None:
    drawing = {stage for stage in STAGES if WORDS & set(paths(stage, "deps"))}
    assert drawing == {"report", "figures"}
    models = {stage for stage in STAGES if "ser/training" in paths(stage, "deps")}
    assert "train" in models
    assert not models & drawing


def test_small_results_belong_to_git_and_the_rest_to_dvc() -> None:
    for stage in STAGES:
        for part in ("metrics", "plots", "outs"):
            for path, settings in paths(stage, part).items():
                is_gits = (
                    path.startswith(("metrics/", "plots/")) or path == "ser/released.safetensors"
                )
                assert settings.get("cache", True) is not is_gits, f"{stage}: {path}"
                assert is_gits or path.startswith(("data/", "models/")), f"{stage}: {path}"


def test_audio_that_may_not_be_passed_on_is_not_pushed() -> None:
    for stage, output in (("download", "data/corpora"), ("augment", "data/augmented")):
        assert paths(stage, "outs")[f"{output}/${{item}}"]["push"] is False, f"{output} is pushed"


def test_studies_share_the_parameters_and_the_folder_of_the_root() -> None:
    text = yaml.safe_load((ROOT / "studies/dvc.yaml").read_text(encoding="utf-8"))
    assert text["vars"] == ["../params.yaml"]
    assert {stage["wdir"] for stage in STUDIES.values()} == {".."}
    assert not set(STUDIES) & set(ROOT_GRAPH)


# The house


def modules() -> Iterator[tuple[Path, str]]:
    """Every file of ser/, and the room that it stands in."""
    for path in sorted((ROOT / "ser").rglob("*.py")):
        file = path.relative_to(ROOT)
        if file != Path("ser/__init__.py"):
            yield file, file.parts[1].removesuffix(".py")


@cache
def below(room: str) -> frozenset[str]:
    """All that a room may import."""
    return frozenset().union(*({each} | below(each) for each in ARROWS[room]))


def test_arrows_between_rooms_run_one_way() -> None:
    for file, room in modules():
        others = {path.parts[1].removesuffix(".py") for path in imported(file)} - {room}
        others.discard("__init__")
        if room in ABOVE:
            continue
        assert room in ARROWS, f"{file} stands in no known room"
        assert others <= below(room), f"{file} imports {sorted(others - below(room))}"
        scripts = {path.parts[0] for path in imported(file)} - {"ser"}
        assert not scripts, f"{file} imports {scripts}, which stand above it"
    for script in (ROOT / "stages").glob("*.py"):
        others = {path.parts[0] for path in imported(script.relative_to(ROOT))}
        assert others <= {"ser", "stages"}, f"{script} imports a study"


def test_no_import_runs_in_a_circle() -> None:
    arrows = {file: imported(file) for file, _ in modules()}
    TopologicalSorter(arrows).prepare()  # raises CycleError, which names the circle
