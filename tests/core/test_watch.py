"""A stage ends with a sentence when it is stopped, and never outlives what started it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

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

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

# says that it has begun, and works; `begun-*` holds nothing
STAGES = {
    "importing": """
        import time
        from pathlib import Path
        Path("begun-importing").touch()
        time.sleep(60)
    """,
    "working": """
        import time
        from pathlib import Path
        from ser.core.entry import run
        from ser.core.files import whole_folder
        from ser.core.processes import spread

        def work(item):
            Path(f"begun-{item}").touch()
            time.sleep(60)

        def main() -> None:
            with whole_folder(Path("out")) as aside:
                spread(work, ["a", "b"], "training", "fold")

        if __name__ == "__main__":
            run(main)
    """,
    "stuck": """
        import ctypes
        from pathlib import Path
        from ser.core.entry import run

        def main() -> None:
            Path("begun-stuck").touch()
            libc = ctypes.CDLL(None)
            while True:  # as a fit does that computes in C and hears nothing
                try:
                    libc.poll(None, 0, 3000)
                except BaseException:
                    pass

        if __name__ == "__main__":
            run(main)
    """,
    "unraisable": """
        import time
        from pathlib import Path
        from ser.core.entry import run

        class Slow:
            def __del__(self):
                Path("begun-unraisable").touch()
                time.sleep(60)

        def main() -> None:
            Slow()

        if __name__ == "__main__":
            run(main)
    """,
}
BEGUN = {"importing": 1, "working": 2, "stuck": 1, "unraisable": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, STAGES)


def command_of(stage: str) -> list[str]:
    return [sys.executable, "-m", f"stages.{stage}"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_a_stopped_stage_ends_at_once_with_one_sentence(
    folder: Path, stage: str, number: int, status: int
) -> None:
    with started(command_of(stage), folder, SER_PROCESSES="2") as program:
        wait_for_files(folder, "begun-*", BEGUN[stage])
        processes = family(program.pid)
        assert len(processes) == (3 if stage == "working" else 1)
        program.send_signal(number)
        assert seconds_to_end(processes) < 2.0
        _, said = program.communicate()
    assert program.returncode == status
    assert said.splitlines()[-1] == STOPPED
    assert said.count("Stopped") == 1
    assert "Traceback" not in said
    assert "Stopped:" not in said, "an exception that nobody could catch was printed"
    assert not list(folder.glob(".*partial")), "what was half made is left"


def test_a_stopped_command_promises_nothing_of_dvc(folder: Path) -> None:
    (folder / "command.py").write_text((folder / "stages/stuck.py").read_text())
    with started([sys.executable, "command.py"], folder) as program:
        wait_for_files(folder, "begun-*")
        program.send_signal(signal.SIGINT)
        _, said = program.communicate()
    assert program.returncode == 130
    assert said == "Stopped.\n"


def test_ctrl_c_in_a_terminal_reaches_workers_that_say_nothing(folder: Path) -> None:
    with started(command_of("working"), folder, SER_PROCESSES="2") as program:
        wait_for_files(folder, "begun-*", 2)
        processes = family(program.pid)
        kill(-program.pid, signal.SIGINT)
        assert seconds_to_end(processes) < 2.0
        _, said = program.communicate()
    assert program.returncode == 130
    assert said.replace("\r", "\n").splitlines()[-1] == STOPPED
    assert "Traceback" not in said
    assert "Process" not in said, "a worker spoke"


def test_what_is_started_to_ignore_ctrl_c_ignores_it(folder: Path) -> None:
    script = "trap '' INT; exec python -m stages.working"
    with started(["sh", "-c", script], folder, SER_PROCESSES="2") as program:
        wait_for_files(folder, "begun-*", 2)
        program.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(0.5)
        program.send_signal(signal.SIGTERM)
        assert program.wait(3) == 143


# what DVC is for a stage: something that starts a shell for it, and waits
DVC = """
import os, subprocess, sys
os.environ["DVC_STAGE"] = "a"
subprocess.run([*sys.argv[2:], "-c", sys.argv[1]])
"""
SHELLS = {
    "a shell that replaces itself": ["bash", "--noprofile", "--norc"],
    "a shell that stays": ["sh"],
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("stage", ["importing", "working"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["KILL", "TERM"])
def test_a_stage_ends_with_dvc(folder: Path, shell: str, stage: str, number: int) -> None:
    stays = "; true" if shell == "a shell that stays" else ""
    script = f"python -m stages.{stage}{stays}"
    command = [sys.executable, "-c", DVC, script, *SHELLS[shell]]
    with started(command, folder, SER_PROCESSES="2") as dvc:
        wait_for_files(folder, "begun-*", BEGUN[stage])
        below = family(dvc.pid)[1:]
        assert len(below) == (1 if stage == "importing" else 3) + bool(stays)
        dvc.send_signal(number)
        took_s = seconds_to_end(below)
    assert took_s < 2.0, "something outlived DVC"


@pytest.mark.skipif("python" in Path("/proc/1/cmdline").read_text(), reason="Python adopts orphans")
def test_a_stage_whose_dvc_is_gone_before_it_begins_does_not_begin(folder: Path) -> None:
    # the shell waits until DVC is gone, and becomes the stage then
    script = "touch waiting; until [ -e go ]; do sleep 0.02; done; exec python -m stages.importing"
    with started([sys.executable, "-c", DVC, script, "sh"], folder) as dvc:
        wait_for_files(folder, "waiting")
        shell = family(dvc.pid)[1]
        dvc.kill()
        dvc.wait()
        (folder / "go").touch()
        seconds_to_end([shell])
        gone = not is_running(shell)
        kill(shell)
    assert gone
    assert not (folder / "begun-importing").exists(), "the stage began without DVC"


def test_without_the_watch_a_stage_outlives_dvc(folder: Path) -> None:
    (folder / "stages/__init__.py").write_text("")
    script = "exec python -m stages.importing"
    with started([sys.executable, "-c", DVC, script, "sh"], folder) as dvc:
        wait_for_files(folder, "begun-*")
        (stage,) = family(dvc.pid)[1:]
        dvc.kill()
        took_s = seconds_to_end([stage], 0.7)
        kill(stage)
    assert took_s >= 0.7, "the other tests would pass without the watch"


def test_nohup_keeps_a_stage_that_was_started_by_hand(folder: Path) -> None:
    script = "nohup python -m stages.importing >said 2>&1 & wait"
    with started(["sh", "-c", script], folder) as shell:
        wait_for_files(folder, "begun-*")
        (stage,) = family(shell.pid)[1:]
        shell.kill()
        took_s = seconds_to_end([stage], 0.7)
        kill(stage)
    assert took_s >= 0.7, "nohup was not heard"


def test_workers_end_with_a_stage_that_is_killed(folder: Path) -> None:
    with started(command_of("working"), folder, SER_PROCESSES="2") as program:
        wait_for_files(folder, "begun-*", 2)
        workers = family(program.pid)[1:]
        program.kill()
        assert seconds_to_end(workers) < 1.0


def test_importing_a_package_of_stages_changes_nothing(folder: Path) -> None:
    code = "import signal, stages; print(signal.getsignal(signal.SIGINT).__name__)"
    assert run([sys.executable, "-c", code], folder).stdout == "default_int_handler\n"


def test_the_first_line_of_a_stage_imports_the_standard_library_only(folder: Path) -> None:
    code = "import sys; from ser.core import watch; print(*sys.modules)"
    bare = run([sys.executable, "-c", "import sys; print(*sys.modules)"], folder).stdout.split()
    loaded = set(run([sys.executable, "-c", code], folder).stdout.split()) - set(bare)
    others = {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"ser"}
    assert not others


def test_a_closed_stream_is_not_taken_by_a_file(folder: Path) -> None:
    write(
        folder,
        {
            "closed": """
                import os
                from ser.core.entry import run

                def main() -> None:
                    with open("file", "w") as file:
                        assert file.fileno() > 2
                        print("to nobody", flush=True)
                        os.write(1, b"to nobody")

                if __name__ == "__main__":
                    run(main)
            """
        },
    )
    done = run(["sh", "-c", "exec python -m stages.closed >&- 2>err"], folder)
    assert done.returncode == 0, (folder / "err").read_text()
    assert not (folder / "file").read_text()
