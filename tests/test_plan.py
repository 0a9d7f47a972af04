"""`make repro`: what it says before, while and after DVC runs, and how it is stopped."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from ser.core.errors import SerError
from ser.plan import (
    Count,
    Estimates,
    Plan,
    describe,
    make_plan,
    mend_lock,
    repro,
    results_table,
)
from tests.core.programs import (
    STOPPED,
    family,
    is_running,
    kill,
    run,
    seconds_to_end,
    started,
    wait_for_files,
    write,
)

STAGES = {
    "quick": """
        from pathlib import Path
        from ser.core.entry import run
        from ser.core.files import whole_file
        from ser.core.processes import spread

        def half(x):
            return x / 2

        def main(words: list[str]) -> None:
            spread(half, [1, 2], f"{words[0]}: halves", "half")
            print("made", *words)
            with whole_file(Path("out") / words[0]) as aside:
                aside.write_text("whole")

        if __name__ == "__main__":
            run(main)
    """,
    "slow": """
        import os, time
        from pathlib import Path
        from ser.core.entry import run
        from ser.core.files import whole_folder
        from ser.core.processes import spread

        def work(item):
            Path(f"begun-{item}").touch()
            time.sleep(60)

        def main() -> None:
            with whole_folder(Path("out/slow")):
                spread(work, ["a", "b"], "slow", "item")

        if __name__ == "__main__":
            run(main)
    """,
}
GRAPH = """
stages:
  quick:
    foreach: [a, b]
    do:
      cmd: python -m stages.quick ${item}
      deps:
        - in
      outs:
        - out/${item}
  join:
    cmd: python -m stages.quick c d
    deps:
      - out/a
      - out/b
    outs:
      - out/c
"""
SLOW = "stages:\n  slow:\n    cmd: python -m stages.slow\n    outs:\n      - out/slow\n"
PROGRAM = """
import sys
from ser.core.entry import run
from ser.plan import repro

def main(targets: list[str]) -> None:
    sys.exit(repro(targets))

run(main)
"""
SYSTEMS = """\
system,protocol,mark,uar,uar_low,uar_high,baseline_majority,baseline_functionals_svm,\
baseline_functionals_svm_low,baseline_functionals_svm_high
ravdess,five_fold,none,69.3229,63.75,74.38,12.5,52.2135,47.8,99.9
leaky,random,"LEAKY: speakers, and takes, cross",91,90,92,12.5,80,79,81
"""


def make_project(folder: Path, graph: str) -> Path:
    write(folder, STAGES)
    (folder / "dvc.yaml").write_text(graph)
    (folder / "in").write_text("1")
    (folder / ".dvc/tmp").mkdir(parents=True)
    site = folder / ".dvc/tmp/site"
    (folder / ".dvc/config").write_text(f"[core]\nno_scm = true\nsite_cache_dir = {site}\n")
    (folder / "program.py").write_text(PROGRAM)
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path, GRAPH))
    return tmp_path


REPRO = [sys.executable, "program.py"]


# --- running ---


def test_a_run_says_what_it_will_do_is_doing_and_has_done(project: Path) -> None:
    done = run([*REPRO, "dvc.yaml"], project)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n\n") == [
        "Up to 3 of 3 stages will run:\n  quick (2), join",
        "quick@a\nmade a\n  1 done, 2 left, about a minute",
        "quick@b\nmade b\n  2 done, 1 left, about a minute",
        "join\nmade c d\n  3 done\n",
    ]
    assert "a: halves: 100%" in done.stderr, "the bars of stages do not come through"
    assert "Traceback" not in done.stderr
    (project / "plots").mkdir()
    (project / "plots/systems.csv").write_text(SYSTEMS)
    again = run([*REPRO, "dvc.yaml"], project).stdout
    assert again.splitlines()[0] == "Nothing has changed: all 3 stages are up to date."
    assert again.splitlines()[2].startswith("system   UAR (95 % interval)")
    # a stage whose output is gone comes from DVC's cache, and what lies below has not changed
    (project / "out/a").unlink()
    (project / "dvc.lock").unlink()
    restored = run([*REPRO, "quick@a"], project).stdout
    assert restored.startswith("Up to 1 of 1 stages will run, about a minute:\n  quick\n")
    assert "quick@a: known from an earlier run" in restored


def test_a_failing_stage_fails_the_run(project: Path) -> None:
    script = project / "stages/quick.py"
    script.write_text(script.read_text().replace("print(", "raise OSError(5, 'broken', "))
    done = run([*REPRO, "quick"], project)
    assert done.returncode == 255
    assert "error: broken (made)." in done.stderr
    assert "failed to reproduce 'quick@a'" in done.stderr
    assert "done" not in done.stdout
    assert "Traceback" not in done.stderr


# --- stopping ---


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    return make_project(tmp_path, SLOW)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(
    ("number", "group", "status"),
    [
        (signal.SIGINT, True, 130),
        (signal.SIGINT, False, 130),
        (signal.SIGTERM, False, 143),
        (signal.SIGKILL, False, -9),
        (signal.SIGKILL, True, -9),
    ],
    ids=["Ctrl-C", "INT", "TERM", "KILL", "group-KILL"],
)
def test_a_stopped_run_leaves_nothing_running(
    slow: Path, number: int, group: bool, status: int
) -> None:
    with started([*REPRO, "dvc.yaml"], slow, SER_PROCESSES="2") as program:
        wait_for_files(slow, "begun-*", 2)
        processes = family(program.pid)
        assert len(processes) >= 5, "the run, DVC, the stage and its workers"
        kill(-program.pid if group else program.pid, number)
        took_s = seconds_to_end(processes)
        for pid in processes:
            kill(pid)
        _, said = program.communicate()
    assert took_s < 2.0
    assert program.returncode == status
    assert "Traceback" not in said
    if number != signal.SIGKILL:
        assert said.splitlines()[-1] == STOPPED
        assert "ERROR" not in said, "DVC adds what it thinks of it"
    assert not (slow / "out/slow").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_make_ends_all_that_it_started(slow: Path) -> None:
    (slow / "Makefile").write_text("repro:\n\t@python program.py dvc.yaml; true\n")
    with started(["make", "repro"], slow, SER_PROCESSES="2") as make:
        wait_for_files(slow, "begun-*", 2)
        processes = family(make.pid)
        make.kill()
        took_s = seconds_to_end(processes)
        for pid in processes:
            kill(pid)
    assert took_s < 2.0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_paused_run_is_paused_altogether(slow: Path) -> None:
    def states(pids: list[int]) -> set[str]:
        stats = [Path(f"/proc/{pid}/stat").read_text() for pid in pids]
        return {stat.rpartition(")")[2].split()[0] for stat in stats}

    with started([*REPRO, "dvc.yaml"], slow, SER_PROCESSES="2") as program:
        wait_for_files(slow, "begun-*", 2)
        processes = family(program.pid)
        program.send_signal(signal.SIGTSTP)
        os.waitpid(program.pid, os.WUNTRACED)
        # a process that works on another core stops at its next interrupt
        deadline = time.monotonic() + 2
        while states(processes) != {"T"} and time.monotonic() < deadline:
            time.sleep(0.01)
        assert states(processes) == {"T"}
        program.send_signal(signal.SIGCONT)
        program.send_signal(signal.SIGINT)
        assert seconds_to_end(processes) < 2.0


# --- planning ---


def test_what_lies_below_a_changed_stage_is_planned_too(project: Path) -> None:
    plan = make_plan([])
    commands = {"quick@a": "quick a", "quick@b": "quick b", "join": "quick c d"}
    assert plan == Plan(commands, stages=3)
    assert make_plan(["quick@b"]) == Plan({"quick@b": "quick b"}, stages=1)


def test_a_graph_that_dvc_cannot_read_is_left_to_dvc(project: Path) -> None:
    (project / "dvc.yaml").write_text("stages: [")
    assert make_plan([]) is None


def test_without_git_there_is_a_remedy(project: Path) -> None:
    (project / ".dvc/config").write_text("")
    if (project / ".git").exists() or any((up / ".git").exists() for up in project.parents):
        pytest.skip("the folder of temporary files is in a repository")
    with pytest.raises(SerError, match=r"no \.git.*dvc config --local core\.no_scm true"):
        repro([])


def test_elsewhere_it_says_where_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SerError, match=r"no dvc\.yaml here; run from the root"):
        repro([])


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        ({}, ""),
        ({"train a 0": 10.0, "train a 1": 15.0}, ", about a minute"),
        ({"train a 0": 600.0, "train a 1": 300.0}, ", about 15 min"),
        ({"train a 0": 7200.0, "train a 1": 660.0}, ", about 2 h 11 min"),
        ({"train a 0": 600.0}, ", about 20 min"),
    ],
)
def test_times_are_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/seconds.json").write_text(json.dumps(seconds))
    plan = Plan({"train@a-0": "train a 0", "train@a-1": "train a 1"}, 9)
    assert describe(plan) == f"Up to 2 of 9 stages will run{says}:\n  train (2)"
    partly = Plan({**plan.waiting, "studies/dvc.yaml:ladder@a": "ladder a"}, 9)
    head, kinds = describe(partly).splitlines()
    assert ("at least" in head) == bool(seconds)
    assert kinds == "  train (2), ladder"


def test_an_estimate_is_of_this_machine_where_it_can_be() -> None:
    measured = {"train a 0": 100.0, "train a 1": 100.0, "split a": 10.0}
    assert Estimates({}, measured).seconds("train a 1") == 100.0
    assert Estimates({"split a": 30.0}, measured).seconds("train a 1") == 300.0, (
        "three times slower"
    )
    assert Estimates({"train a 1": 7.0}, measured).seconds("train a 1") == 7.0
    assert Estimates({"split a": 20.0}, measured).seconds("train b 0") == 200.0, "like its sisters"
    assert Estimates({}, measured).seconds("report") is None
    assert Estimates({"other": 5.0}, measured).seconds("split a") == 10.0


@pytest.mark.parametrize("text", [None, "", "stage\n", "stage,seconds\ntrain,long\n", "a,b\n1,2\n"])
def test_a_table_of_measured_seconds_may_be_missing_or_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    table = tmp_path / "docs/stage_seconds.csv"
    if text is not None:
        table.write_text(text)
    assert Estimates.load() == Estimates({}, {})
    table.write_text("stage,seconds\ntrain a 0,12.5\n")
    assert Estimates.load() == Estimates({}, {"train a 0": 12.5})


def test_the_count_follows_what_dvc_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    count = Count({"a@1": "a 1", "b": "b", "c": "c"})
    lines = [
        "Running stage 'a@1':",
        "> python -m stages.a 1",
        "words of the stage",
        "Updating lock file 'dvc.lock'",
        "",
        "Stage 'b' didn't change, skipping",
        "Stage 'other' didn't change, skipping",
        "Stage 'c' is cached - skipping run, checking out outputs",
        "Use `dvc push` to send your updates to remote storage.",
    ]
    shown = [text for line in lines for text in count.hear(line)]
    assert shown == [
        "\na@1",
        "words of the stage",
        "  1 done, 2 left",
        "\nc: known from an earlier run",
    ]
    assert not count.waiting
    assert not list(count.end())


# --- DVC's lock ---


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    return tmp_path / ".dvc/tmp"


def gone() -> int:
    """A number that no process has."""
    pid = 400_000
    while Path(f"/proc/{pid}").exists():
        pid += 1
    return pid


HELD = '{"write": {"/a": {"pid": %d, "cmd": "dvc repro"}}, "read": {}}'


@pytest.mark.parametrize(
    "text", ["", '{"write": {"/a"', "[]", '{"write": {"a": 1}}', "\x00\x00", HELD % gone()]
)
def test_what_a_kill_left_is_mended(locks: Path, text: str) -> None:
    (locks / "rwlock").write_text(text)
    mend_lock(locks)
    assert not (locks / "rwlock").exists()


def test_a_sound_lock_stays(locks: Path) -> None:
    mend_lock(locks)
    for text in ("{}", '{"read": {}}'):
        (locks / "rwlock").write_text(text)
        mend_lock(locks)
        assert (locks / "rwlock").read_text() == text


def test_the_lock_of_a_dvc_that_runs_is_left_alone(locks: Path) -> None:
    # anything that is called dvc and works here
    with started(["bash", "-c", "exec -a dvc sleep 60"], locks) as dvc:
        wait_for_name(dvc.pid)
        (locks / "rwlock").write_text(HELD % gone())
        mend_lock(locks)
        assert (locks / "rwlock").exists()
        (locks / "rwlock").write_text("")
        with pytest.raises(SerError, match=rf"DVC runs here \(process {dvc.pid}\); wait"):
            mend_lock(locks)
        dvc.kill()
        dvc.wait()
        assert not is_running(dvc.pid)
        mend_lock(locks)
    assert not (locks / "rwlock").exists()


def wait_for_name(pid: int) -> None:
    while not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"dvc\0"):
        pass


# --- results ---


def test_the_table_fits_a_terminal_and_names_what_leaks(tmp_path: Path) -> None:
    path = tmp_path / "systems.csv"
    path.write_text(SYSTEMS)
    assert results_table(path).splitlines() == [
        "system   UAR (95 % interval)  strongest baseline",
        "--------------------------------------------------------",
        "ravdess  69.3 (63.8–74.4)     52.2 (functionals and SVM)",  # noqa: RUF001
        "leaky    91.0 (90.0–92.0)     80.0 (functionals and SVM)",  # noqa: RUF001
        "leaky: LEAKY: speakers, and takes, cross",
    ]
    assert max(map(len, results_table(path).splitlines())) <= 80


def test_a_table_without_baselines_is_shown_without(tmp_path: Path) -> None:
    path = tmp_path / "systems.csv"
    path.write_text("system,mark,uar,uar_low,uar_high\na,none,50,40,60\n")
    assert results_table(path).splitlines()[-1] == "a       50.0 (40.0–60.0)"  # noqa: RUF001
