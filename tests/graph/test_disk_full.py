"""A stage whose disk fills up says so in one sentence and leaves what existed as it was."""

import shutil
import sys

import pytest

from tests.graph.project import copy_project, lock, run

pytestmark = [
    pytest.mark.graph,
    pytest.mark.skipif(sys.platform != "linux", reason="limits file sizes as Linux does"),
]

# Each stage, and what it writes. Files may grow to 8 blocks of 512 bytes: as good as a full disk.
STAGES = {
    "download synthetic_a": "data/corpora/synthetic_a",
    "split synthetic_a": "data/splits/synthetic_a",
    "augment synthetic_a": "data/augmented/synthetic_a",
    "featurize synthetic_a": "data/features/synthetic_a",
    "train synthetic": "models/synthetic",
    "evaluate synthetic": "plots/synthetic",
}


@pytest.fixture(scope="module")
def project(base_project, tmp_path_factory):
    return copy_project(base_project, tmp_path_factory.mktemp("full") / "project")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("stage", "output"), STAGES.items())
def test_a_stage_that_cannot_write_stops_with_a_sentence(project, stage, output):
    before = contents(project / output)
    limited = f"ulimit -f 4; trap '' XFSZ; exec {sys.executable} -m stages.{stage}"
    done = run(project, shutil.which("bash") or "sh", "-c", limited, check=False)
    assert done.returncode == 1, f"{stage} ended with {done.returncode}:\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: "), last
    assert contents(project / output) == before, f"{stage} changed {output} although it failed"
    left_over = list(project.rglob(".*.partial"))
    assert not left_over, f"{stage} left {left_over} behind"
    assert lock(project)
