"""How a command ends: one sentence and exit status 1, without a traceback."""

import subprocess
import sys

import pytest

from tests.builders import REPOSITORY

PROGRAM = """
import errno, os
from concurrent.futures.process import BrokenProcessPool
from ser.entry import run
from ser.errors import LeakError, SerError

def main(corpus: str) -> None:
    {body}

run(main)
"""


def ended(body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body), *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )


FAILURES = {
    "SerError": ('raise SerError("Clip x is silent; fetch it again.")', "Clip x is silent"),
    "LeakError": ('raise LeakError("Fold 3 leaks.")', "Fold 3 leaks"),
    "full disk": (
        'raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "data/features")',
        "The disk is full (data/features)",
    ),
    "full disk without a name": (
        "raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))",
        "The disk is full;",
    ),
    "really full": ('open("/dev/full", "w").write("x" * 100_000)', "The disk is full"),
    "forbidden": (
        'raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "models")',
        "Permission denied (models)",
    ),
    "killed worker": (
        'raise BrokenProcessPool("A process in the process pool was terminated")',
        "A worker was killed, probably for want of memory; lower processes in params.yaml",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_one_sentence(failure: str) -> None:
    body, expected = FAILURES[failure]
    if "/dev/full" in body and sys.platform != "linux":
        pytest.skip("only Linux has a disk that is always full")
    result = ended(body, "ravdess")
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    assert len(lines) == 1, f"more than a sentence:\n{result.stderr}"
    assert lines[0].startswith("error: ")
    assert expected in lines[0]
    assert lines[0].endswith(".")
    assert "Traceback" not in result.stderr
    assert not result.stdout


def test_success_prints_nothing_and_exits_with_0() -> None:
    result = ended('assert corpus == "ravdess"', "ravdess")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_missing_argument_is_explained() -> None:
    result = ended("pass")
    assert result.returncode == 2
    assert "corpus" in result.stderr.lower()
    assert "Traceback" not in result.stderr


def test_a_fault_of_the_program_keeps_its_traceback() -> None:
    result = ended('raise KeyError("a bug")', "ravdess")
    assert result.returncode == 1
    assert "Traceback" in result.stderr, "a bug must not hide behind a sentence"
