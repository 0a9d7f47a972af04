"""Files are read as they were at a commit, tag, branch or experiment."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from ser.reports.revisions import Files, open_revision, read_at_revision

Refused = Callable[..., AbstractContextManager[None]]
SCORES = Path("plots/scores.csv")


def run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=120)


def git(folder: Path, *arguments: str) -> None:
    run(folder, "git", "-c", "user.name=n", "-c", "user.email=e@example.org", *arguments)


def commit(folder: Path, text: str) -> None:
    (folder / SCORES).parent.mkdir(exist_ok=True)
    (folder / SCORES).write_text(text, encoding="utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", text)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository: "old" at the tag `first`, "new" at HEAD, "tried" in the experiment `trial`."""
    folder = tmp_path_factory.mktemp("history")
    git(folder, "init", "-q", "-b", "main")
    run(folder, sys.executable, "-m", "dvc", "init", "-q")
    commit(folder, "old")
    git(folder, "tag", "first")
    git(folder, "branch", "side")
    commit(folder, "new")
    (folder / SCORES).write_text("tried", encoding="utf-8")
    git(folder, "config", "user.name", "n")
    git(folder, "config", "user.email", "e@example.org")
    run(folder, sys.executable, "-m", "dvc", "exp", "save", "-q", "-n", "trial")
    (folder / SCORES).write_text("unsaved", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("revision", "expected"),
    [("HEAD", "new"), ("HEAD~1", "old"), ("first", "old"), ("side", "old"), ("trial", "tried")],
)
def test_a_file_is_read_as_it_was(
    revision: str, expected: str, history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(history)
    assert read_at_revision(SCORES, revision) == expected


def test_reading_changes_nothing(history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(history)
    read_at_revision(SCORES, "first")
    assert SCORES.read_text(encoding="utf-8") == "unsaved"


def test_an_unknown_revision_is_refused(
    history: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.chdir(history)
    with refused("no revision 'nonsense'"):
        read_at_revision(SCORES, "nonsense")


def test_a_file_that_was_not_there_is_refused(
    history: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.chdir(history)
    with refused("no plots/other.csv", "'first'"):
        read_at_revision(Path("plots/other.csv"), "first")


def test_a_folder_without_a_repository_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.chdir(tmp_path)
    with refused("root of a repository"):
        read_at_revision(SCORES, "HEAD")
    # as an archive from a hosting site is unpacked, with and without what `no_scm` tells DVC
    (tmp_path / ".dvc").mkdir()
    for config in ("", "[core]\n    no_scm = true\n"):
        (tmp_path / ".dvc/config").write_text(config)
        with refused("no .git", "clone the repository"):
            read_at_revision(SCORES, "HEAD")


def test_files_of_both_kinds_are_listed_and_read(
    history: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.chdir(history)
    for files, content in ((open_revision("first"), "old"), (Files(), "unsaved")):
        assert files.list("plots") == [SCORES.as_posix()]
        assert files.find_text(SCORES.as_posix()) == content
        assert files.find_text("plots") is files.find_text("plots/none/x.csv") is None
        with refused("plots/scores.csv", "no readable table"):
            files.read_table(SCORES.as_posix())
    assert Files(root=history / "plots").read("scores.csv") == b"unsaved"
    assert open_revision("first").commit != open_revision("HEAD").commit
