"""How a command ends: one sentence and exit status 1, no traceback; and what a stage logs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.programs import run, write

PROGRAM = """
import errno, os
from ser.core.entry import run
from ser.core.errors import LeakError, SerError

def main(corpus: str) -> None:
    {body}

run(main)
"""


def ended(folder: Path, body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "-c", PROGRAM.format(body=body), *arguments], folder)


FAILURES = {
    "SerError": ('raise SerError("Clip x is silent; fetch it again.")', "Clip x is silent"),
    "LeakError": ('raise LeakError("Fold 3 leaks.")', "Fold 3 leaks"),
    "full disk": (
        'raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "data/features")',
        "The disk is full (data/features); free some space and run again.",
    ),
    "full disk without a name": (
        "raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))",
        "The disk is full;",
    ),
    "full share of a disk": (
        "raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))",
        "The disk is full;",
    ),
    "full disk of a library": (
        'raise RuntimeError("write failed: No space left on device (os error 28)")',
        "The disk is full;",
    ),
    "really full": ('open("/dev/full", "w").write("x" * 100_000)', "The disk is full"),
    "forbidden": (
        'raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "models")',
        "Permission denied (models)",
    ),
    "without a reason": ("raise OSError()", "OSError"),
    "memory": ("raise MemoryError", "The memory does not suffice; lower processes in params.yaml"),
    "hostile name": (
        r'raise SerError("File \x1b[2Jclip\n\udcff\u202e is silent.")',
        r"File \x1b[2Jclip\n\udcff\u202e is silent",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_one_sentence(tmp_path: Path, failure: str) -> None:
    body, expected = FAILURES[failure]
    if "/dev/full" in body and sys.platform != "linux":
        pytest.skip("only Linux has a disk that is always full")
    result = ended(tmp_path, body, "ravdess")
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    assert len(lines) == 1, f"more than a sentence:\n{result.stderr}"
    assert lines[0].startswith("error: ")
    assert expected in lines[0]
    assert lines[0].endswith(".")
    assert "Traceback" not in result.stderr
    assert not result.stdout


def test_success_prints_nothing_and_exits_with_0(tmp_path: Path) -> None:
    result = ended(tmp_path, 'assert corpus == "ravdess"', "ravdess")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert not list(tmp_path.iterdir()), "a command logs its seconds"


def test_a_missing_argument_is_explained(tmp_path: Path) -> None:
    result = ended(tmp_path, "pass")
    assert result.returncode == 2
    assert "corpus" in result.stderr.lower()
    assert "Traceback" not in result.stderr


def test_a_fault_of_the_program_keeps_its_traceback(tmp_path: Path) -> None:
    result = ended(tmp_path, 'raise KeyError("a bug")', "ravdess")
    assert result.returncode == 1
    assert "Traceback" in result.stderr, "a bug must not hide behind a sentence"


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    code = "import sys, ser.core.entry; print(*sys.modules)"
    loaded = set(run([sys.executable, "-c", code], tmp_path).stdout.split())
    heavy = {"torch", "pandas", "numpy", "sklearn", "scipy", "dvc", "pydantic", "tqdm", "yaml"}
    assert not loaded & heavy


# --- printing ---

PRINTING = {
    "short": "print('short')",
    "long": "print('x' * 100_000)",
    "at once": "print('now', flush=True)",
    "and goes on": "print('x' * 100_000); Path('after').touch(); print('y', flush=True)",
}
STAGE = """
    import sys
    from pathlib import Path
    from ser.core.entry import run
    from ser.core.files import has_resumed, resumable_folder, whole_file

    def main(words: list[str]) -> None:
        {body}
        with whole_file(Path("out")) as aside:
            aside.write_text("whole")

    if __name__ == "__main__":
        run(main)
"""


@pytest.mark.parametrize("how", PRINTING)
@pytest.mark.parametrize("unbuffered", ["", "-u"])
@pytest.mark.parametrize("where", ["| true", ">&-", ">/dev/full"])
def test_a_stage_whose_words_are_lost_has_not_failed(
    tmp_path: Path, how: str, where: str, unbuffered: str
) -> None:
    write(tmp_path, {"printing": STAGE.format(body=PRINTING[how])})
    command = f"set -o pipefail; python {unbuffered} -m stages.printing x {where}"
    result = run(["bash", "-c", command], tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out").read_text() == "whole"
    lines = result.stderr.splitlines()
    if where == ">/dev/full":
        assert len(lines) == 1
        assert lines[0].startswith("What was printed is lost (No space left on device)")
        assert "complete" in lines[0]
    else:
        assert not lines


@pytest.mark.parametrize("how", ["short", "long", "at once"])
@pytest.mark.parametrize(("where", "status"), [("| true", 0), (">&-", 0), (">/dev/full", 1)])
def test_a_command_whose_words_are_lost_has_failed(
    tmp_path: Path, how: str, where: str, status: int
) -> None:
    (tmp_path / "command.py").write_text(PROGRAM.format(body=PRINTING[how]))
    command = f"set -o pipefail; python command.py x {where}"
    result = run(["bash", "-c", command], tmp_path)
    assert result.returncode == status
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == status
    if status:
        assert result.stderr.startswith("error: What was printed is lost (No space left on device)")


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-", "2> >(true)"])
def test_a_sentence_that_nobody_reads_changes_no_status(tmp_path: Path, where: str) -> None:
    (tmp_path / "command.py").write_text(PROGRAM.format(body='raise SerError("Silent.")'))
    for _ in range(3):
        assert run(["bash", "-c", f"python command.py x {where}"], tmp_path).returncode == 1


def test_what_a_terminal_cannot_show_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "command.py").write_text(PROGRAM.format(body='print("caf\\u00e9")'))
    shown = run([sys.executable, "command.py", "x"], tmp_path, PYTHONIOENCODING="ascii")
    assert (shown.returncode, shown.stdout) == (0, "caf\\xe9\n")


# --- seconds ---


def logged(folder: Path) -> dict[str, float]:
    seconds: dict[str, float] = json.loads((folder / "logs/seconds.json").read_text())
    return seconds


def test_a_stage_logs_its_seconds_under_its_own_command(tmp_path: Path) -> None:
    write(tmp_path, {"slow": STAGE.format(body="import time; time.sleep(0.3)")})
    for arguments in (["ravdess", "0"], ["ravdess", "1"], ["ravdess", "0"]):
        run([sys.executable, "-m", "stages.slow", *arguments], tmp_path)
    assert list(logged(tmp_path)) == ["slow ravdess 0", "slow ravdess 1"]
    assert all(0.3 <= seconds < 10 for seconds in logged(tmp_path).values())


@pytest.mark.parametrize("known", ["", "[]", "no JSON", '{"train": "long"}', "\x00"])
def test_a_broken_log_is_begun_anew(tmp_path: Path, known: str) -> None:
    write(tmp_path, {"quick": STAGE.format(body="pass")})
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/seconds.json").write_text(known)
    result = run([sys.executable, "-m", "stages.quick", "x"], tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert list(logged(tmp_path)) == ["quick x"]


def test_a_log_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    write(tmp_path, {"quick": STAGE.format(body="pass")})
    (tmp_path / "logs").touch()
    result = run([sys.executable, "-m", "stages.quick", "x"], tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_stage_that_fails_or_went_on_from_another_logs_nothing(tmp_path: Path) -> None:
    body = """
        with resumable_folder(Path("folder"), "key") as aside:
            (aside / words[0]).touch()
            if words[0] == "first":
                sys.exit(3)
    """
    write(tmp_path, {"resumed": STAGE.format(body=body.strip())})
    for how, status in (("first", 3), ("second", 0)):
        done = run([sys.executable, "-m", "stages.resumed", how], tmp_path)
        assert done.returncode == status, done.stderr
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == ["first", "second"]
    assert not (tmp_path / "logs").exists()
