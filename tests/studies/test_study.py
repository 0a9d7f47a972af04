"""The shape of studies: what each writes, and that each is in their graph and draws what it has."""

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest
import yaml

from ser.reports.figures.studies import DRAWINGS
from ser.reports.markdown import say
from studies import figures, study
from studies.augmentations import WAYS
from studies.cross_lingual import EVERY, NETWORK, OTHERS, SVM
from studies.gender import BOTH, GROUPS, HALF, OTHER, OWN
from studies.importance import ALL
from studies.importance import GROUPS as OF_FUNCTIONALS
from studies.ladder import RUNGS
from studies.notebooks import NOTEBOOKS
from studies.study import read_table, run_study
from tests.builders import REPOSITORY, real_values

Refused = Callable[..., AbstractContextManager[None]]

GRAPH = yaml.safe_load((REPOSITORY / "studies/dvc.yaml").read_text(encoding="utf-8"))["stages"]


def test_a_study_writes_a_file_a_table_and_they_are_read_as_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = pd.DataFrame(
        {"name": ["none", "NA"], "speaker": ["01", "02"], "uar": [1.0, None], "n_clips": [1, 2]}
    )
    Path("params.yaml").write_text("seeds: [0]\n", encoding="utf-8")
    monkeypatch.setattr(study, "run", lambda main: main("here"))
    run_study("anything", lambda values, subject: {"": table, "_more": table})
    for ending in ("", "_more"):
        pd.testing.assert_frame_equal(read_table("anything", "here", ending), table)


def test_a_table_that_is_missing_is_a_sentence(refused: Refused) -> None:
    with refused("plots/studies/ladder/moon.csv is missing", "make studies"):
        read_table("ladder", "moon")


def test_every_study_is_in_the_graph_and_every_stage_is_a_study() -> None:
    files = {
        path.stem
        for path in (REPOSITORY / "studies").glob("*.py")
        if "__main__" in path.read_text(encoding="utf-8")
    }
    assert set(GRAPH) == files | {"release"}  # which is a stage like those of systems


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda one: f"{one.study}{one.endings[0]}")
def test_a_figure_is_drawn_from_tables_that_its_study_writes(drawing) -> None:  # type: ignore[no-untyped-def]
    written = [next(iter(entry)) for entry in GRAPH[drawing.study]["do"]["outs"]]
    for ending in drawing.endings:
        assert any(path.endswith(f"}}{ending}.csv") for path in written), ending
    assert len(inspect.signature(drawing.make).parameters) == 1 + len(drawing.endings)
    # a study that params.yaml names no subject for has no folder that DVC could depend on
    if figures._subjects(real_values(), drawing.study):
        assert f"plots/studies/{drawing.study}" in GRAPH["figures"]["deps"]


def test_what_draws_knows_no_study_and_trains_nothing() -> None:
    source = inspect.getsource(figures) + inspect.getsource(
        import_module("ser.reports.figures.studies")
    )
    assert "ser.training" not in source
    assert "ser.evaluation" not in source


def test_every_name_in_a_table_has_a_spanish_one() -> None:
    names = [one.name for one in (*RUNGS, *WAYS, *NOTEBOOKS)]
    names += [BOTH, HALF, OWN, OTHER, *GROUPS, OTHERS, EVERY, NETWORK, SVM, "own", "ours"]
    names += [ALL, *(name for name in OF_FUNCTIONALS if name != "MFCC"), "SGD with momentum"]
    lacking = [name for name in names if say(name, "es") == name]
    assert not lacking, f"{lacking} are not translated"
