"""`dvc repro` killed in any stage: the next one completes with the same result."""

import sys

import pytest

from tests.graph.project import copy_project, dvc, lock, start_and_kill

pytestmark = [
    pytest.mark.graph,
    pytest.mark.skipif(sys.platform != "linux", reason="finds the stage's process in /proc"),
]

STAGES = {
    "download@synthetic_a": 1.2,
    "split@synthetic_a": 0.9,
    "augment@synthetic_a": 1.0,
    "featurize@synthetic_a": 1.3,
    "train@synthetic": 4.5,
    "evaluate@synthetic": 3.5,
    "report": 1.0,
}


@pytest.fixture(scope="module")
def project(base_project, tmp_path_factory):
    return copy_project(base_project, tmp_path_factory.mktemp("killed") / "project")


@pytest.mark.parametrize(("stage", "after_s"), STAGES.items())
def test_a_run_killed_in_a_stage_is_completed_by_the_next(project, stage, after_s):
    before = lock(project)
    start_and_kill(project, stage, after_s)
    dvc(project, "repro")
    assert lock(project) == before, f"after a kill in {stage} the result differs"
    assert "up to date" in dvc(project, "status").stdout
    # DVC has restored what it knew; the stage itself must cope with what the killed one left, too
    dvc(project, "repro", "--force", "--single-item", stage)
    assert lock(project) == before, f"{stage} gives another result after it was killed"
    left_over = [str(path) for path in project.rglob(".*.partial")]
    assert not left_over, f"a kill in {stage} left {left_over} behind"
