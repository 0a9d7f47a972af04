"""A stage whose disk fills up says so in one sentence and leaves what existed as it was."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.graph.project import CORPUS, SYSTEM, copy_project, run

pytestmark = [
    pytest.mark.graph,
    pytest.mark.skipif(sys.platform != "linux", reason="limits file sizes as Linux does"),
]

# Some stages, and what they write. Files may grow to 8 blocks of 512 bytes: as good as a full disk.
STAGES = {
    f"download {CORPUS}": f"data/corpora/{CORPUS}",
    f"featurize {CORPUS}": f"data/features/{CORPUS}",
    f"train {SYSTEM} 0": f"models/{SYSTEM}/seed_0",
    f"evaluate {SYSTEM}": f"plots/systems/{SYSTEM}",
}


@pytest.fixture(scope="module")
def project(base_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(base_project, tmp_path_factory.mktemp("full") / "project")


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("stage", "output"), STAGES.items())
def test_a_stage_that_cannot_write_stops_with_a_sentence(
    project: Path, stage: str, output: str
) -> None:
    before = contents(project / output)
    assert before
    limited = f"ulimit -f 4; trap '' XFSZ; exec {sys.executable} -m stages.{stage}"
    done = run(project, shutil.which("bash") or "sh", "-c", limited, check=False)
    assert done.returncode == 1, f"{stage} ended with {done.returncode}:\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("error: The disk is full"), done.stderr
    assert contents(project / output) == before, f"{stage} changed {output} although it failed"
    # what a training has finished waits for the next run
    left_over = {path.name for path in project.rglob(".*.partial")} - {
        ".seed_0.partial",
        ".key.partial",
    }
    assert not left_over, f"{stage} left {left_over} behind"
