"""Stages that are killed, stopped or forced give the same bytes, and little is lost."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.core.programs import STOPPED, family, is_running, kill, seconds_to_end, wait_for
from tests.graph.project import CORPUS, DVC, ENVIRONMENT, SYSTEM, changed, copy_project, dvc, lock

pytestmark = [
    pytest.mark.graph,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of what DVC uses
    pytest.mark.skipif(sys.platform != "linux", reason="finds the stage's process in /proc"),
]

# one of each kind, in the order of the graph
CHAIN = [
    *(f"{stage}@{CORPUS}" for stage in ("download", "split", "augment", "featurize")),
    f"functionals@{CORPUS}",
    "systems",
    f"train@{SYSTEM}-0",
    f"baselines@{SYSTEM}",
    f"evaluate@{SYSTEM}",
    "report",
]
PATIENCE_S = 120.0
TRAIN, SEED = f"train@{SYSTEM}-0", f"models/{SYSTEM}/seed_0"

# stages that are killed while they write, and what; none needs what one before it makes
KILLED = {
    f"baselines@{SYSTEM}": f"models/{SYSTEM}/linear",
    f"download@{CORPUS}": f"data/corpora/{CORPUS}",
}


@pytest.fixture(scope="module")
def project(base_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(base_project, tmp_path_factory.mktemp("killed") / "project")


@contextmanager
def forced(folder: Path, stage: str) -> Iterator["subprocess.Popen[str]"]:
    """DVC, which runs a stage whatever it knows of it, in a group of its own."""
    program = subprocess.Popen(
        [*DVC, "repro", "--force", "--single-item", stage],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
        # what runs in the background of a script is started to ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        yield program
    finally:
        kill(-program.pid)
        program.communicate()


def partial(folder: Path, output: str) -> Path:
    return folder / Path(output).parent / f".{Path(output).name}.partial"


def left_over(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob(".*.partial")]


def test_killed_stages_and_forced_runs_give_the_same_lock(project: Path) -> None:
    before = lock(project)
    for stage, output in KILLED.items():
        with forced(project, stage) as program:
            wait_for(partial(project, output).exists, f"{output} is begun", PATIENCE_S)
            kill_dvc(program)
    said = dvc(project, "repro", "--force", "--single-item", *CHAIN).stdout
    assert said.count("Running stage") == len(CHAIN)
    assert lock(project) == before, "the same commit gave other bytes"
    assert changed(project) == set()
    assert not left_over(project)


def test_a_training_that_is_stopped_and_killed_goes_on_with_the_next_fold(project: Path) -> None:
    before, aside = lock(project), partial(project, SEED)
    with forced(project, TRAIN) as program:
        wait_for((aside / "history_00.csv").exists, "a fold is trained", PATIENCE_S)
        stop(program)
    with forced(project, TRAIN) as program:
        wait_for((aside / "history_01.csv").exists, "a fold is trained", PATIENCE_S)
        kill_dvc(program)
    finished = {path.name: path.stat() for path in aside.glob("fold_0[01].*")}
    assert len(finished) == 2
    dvc(project, "repro", "--force", "--single-item", TRAIN)
    for name, made in finished.items():
        kept = (project / SEED / name).stat()
        assert (kept.st_ino, kept.st_mtime_ns) == (made.st_ino, made.st_mtime_ns), "trained again"
    assert lock(project) == before, "a training in three parts gave other bytes"
    assert not left_over(project)


def kill_dvc(program: "subprocess.Popen[str]") -> None:
    """Kill DVC alone; its stage must see that by itself."""
    processes = family(program.pid)
    program.kill()
    assert seconds_to_end(processes[1:]) < 5, "the stage outlives DVC"


def stop(program: "subprocess.Popen[str]") -> None:
    """Press Ctrl-C: the end comes at once, in one sentence."""
    processes, begun = family(program.pid), time.monotonic()
    kill(-program.pid, signal.SIGINT)
    said, _ = program.communicate(timeout=30)
    took = time.monotonic() - begun
    assert said.count(STOPPED) == 1, said
    # the stage says 130; a shell between DVC and it is ended by the signal itself
    assert "exited with 130" in said or "exited with -2" in said, said
    assert "Traceback" not in said, said
    assert not any(map(is_running, processes))
    # two seconds where the machine has nothing else to do
    assert took < 6, f"it took {took:.1f} s to end"
