"""Outputs appear whole or not at all, and equal tables are equal bytes."""

import errno
import json
import math
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pandas as pd
import pytest

from ser.core.errors import SerError
from ser.core.files import (
    partial_path,
    resumable_folder,
    whole_file,
    whole_folder,
    write_csv,
    write_json,
    write_rows,
)
from tests.core.programs import run, started, wait_for_files

FAILURES = [
    RuntimeError("broken"),
    KeyboardInterrupt(),
    SystemExit(1),
    OSError(errno.ENOSPC, "No space left on device"),
]


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything below `folder`, hidden files too; None for folders."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def old_folder(tmp_path: Path) -> Path:
    out = tmp_path / "out"
    (out / "deep").mkdir(parents=True)
    (out / "deep" / "old.txt").write_text("old")
    return out


def test_a_file_is_not_there_before_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "new" / "table.csv"
    with whole_file(out) as aside:
        aside.write_text("half")
        assert not out.exists()
        aside.write_text("whole")
    assert tree(out.parent) == {"table.csv": b"whole"}


def test_a_folder_is_not_there_before_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    with whole_folder(out) as aside:
        (aside / "a.txt").write_text("a")
        assert not out.exists()
    assert tree(tmp_path) == {"new": None, "new/out": None, "new/out/a.txt": b"a"}


def test_a_new_folder_replaces_all_of_the_old_one(tmp_path: Path, old_folder: Path) -> None:
    with whole_folder(old_folder) as aside:
        (aside / "new.txt").write_text("new")
        assert (old_folder / "deep" / "old.txt").read_text() == "old"
    assert tree(tmp_path) == {"out": None, "out/new.txt": b"new"}


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, failure: BaseException
) -> None:
    out = tmp_path / "table.csv"
    out.write_text("old")

    def write_half() -> None:
        with whole_file(out) as aside:
            aside.write_text("half of the n")
            raise failure

    with pytest.raises(type(failure)):
        write_half()
    assert tree(tmp_path) == {"table.csv": b"old"}


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
def test_a_failure_leaves_the_old_folder_and_nothing_else(
    tmp_path: Path, old_folder: Path, failure: BaseException
) -> None:
    before = tree(tmp_path)

    def write_half() -> None:
        with whole_folder(old_folder) as aside:
            (aside / "half.txt").write_text("half")
            raise failure

    with pytest.raises(type(failure)):
        write_half()
    assert tree(tmp_path) == before


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
def test_a_failure_without_an_old_output_leaves_nothing(
    tmp_path: Path, failure: BaseException
) -> None:
    for whole in (whole_file, whole_folder):
        with pytest.raises(type(failure)), whole(tmp_path / "out"):
            raise failure
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("failing_rename", [1, 2])
def test_a_failed_rename_leaves_the_old_folder(
    tmp_path: Path, old_folder: Path, monkeypatch: pytest.MonkeyPatch, failing_rename: int
) -> None:
    before, renames, rename = tree(tmp_path), [], os.replace

    def replace(source: Path, target: Path) -> None:
        renames.append(target)
        if len(renames) == failing_rename:
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(OSError, match="No space"), whole_folder(old_folder) as aside:
        (aside / "new.txt").write_text("new")
    assert tree(tmp_path) == before


def test_a_failed_flush_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "table.csv"
    out.write_text("old")

    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space"):
        write_csv(out, pd.DataFrame({"a": [1]}))
    assert tree(tmp_path) == {"table.csv": b"old"}


def test_leftovers_of_a_killed_run_do_not_get_into_the_output(tmp_path: Path) -> None:
    out = tmp_path / "out"
    leftover = partial_path(out)
    (leftover / "deep").mkdir(parents=True)
    (leftover / "deep" / "stale.txt").write_text("stale")
    with whole_folder(out) as aside:
        assert tree(aside) == {}, "the new folder does not begin empty"
        (aside / "new.txt").write_text("new")
    assert tree(tmp_path) == {"out": None, "out/new.txt": b"new"}


def test_leftovers_of_a_killed_rename_are_cleared(tmp_path: Path, old_folder: Path) -> None:
    retired = tmp_path / ".out.retired.partial"
    retired.mkdir()
    (retired / "older.txt").write_text("older")
    with whole_folder(old_folder) as aside:
        (aside / "new.txt").write_text("new")
    assert tree(tmp_path) == {"out": None, "out/new.txt": b"new"}


def test_partial_outputs_lie_beside_and_match_the_ignored_pattern(tmp_path: Path) -> None:
    aside = partial_path(tmp_path / "clips")
    assert aside.parent == tmp_path, "a rename across file systems is not atomic"
    assert aside.match(".*.partial")
    for ignored in (".dvcignore", ".gitignore"):
        lines = (Path(__file__).parents[2] / ignored).read_text().splitlines()
        assert ".*.partial" in lines, f"{ignored} lets partial outputs through"


def test_csv_has_fixed_decimals_and_line_ends(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["å", "b,c"], "value": [1 / 3, 2.0], "count": [1, 2]})
    write_csv(tmp_path / "a.csv", table)
    expected = 'name,value,count\nå,0.333333,1\n"b,c",2.000000,2\n'
    assert (tmp_path / "a.csv").read_bytes() == expected.encode()
    write_csv(tmp_path / "b.csv", table, decimals=2)
    assert b"0.33,1" in (tmp_path / "b.csv").read_bytes()


def test_json_keeps_the_order_and_rounds_at_any_depth(tmp_path: Path) -> None:
    out = tmp_path / "metrics.json"
    write_json(out, {"b": {"x": [1 / 3, {"y": 2 / 3}]}, "a": 1})
    values = json.loads(out.read_text())
    assert values == {"b": {"x": [0.333333, {"y": 0.666667}]}, "a": 1}
    assert list(values) == ["b", "a"]


def test_numbers_that_json_lacks_leave_the_old_file(tmp_path: Path) -> None:
    out = tmp_path / "metrics.json"
    write_json(out, {"uar": 0.5})
    before = tree(tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        write_json(out, {"uar": math.nan})
    assert tree(tmp_path) == before


def test_a_table_written_by_rows_is_that_of_the_whole(tmp_path: Path) -> None:
    rows = [("a,b", 1, 0.5), ('"', -2, 1 / 3), ("", 0, 1e9), ("ñ", 3, -0.0)]
    for some in (rows, []):
        write_rows(tmp_path / "rows", ["text", "count", "share"], iter(some))
        expected = pd.DataFrame(some, columns=["text", "count", "share"])
        write_csv(tmp_path / "whole", expected)
        assert (tmp_path / "rows").read_bytes() == (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize(
    ("write", "method"),
    [
        (lambda path: write_csv(path, pd.DataFrame({"a": [1]})), "pandas.DataFrame.to_csv"),
        (lambda path: write_json(path, {"a": 1}), "pathlib.Path.write_text"),
    ],
    ids=["csv", "json"],
)
def test_a_full_disk_leaves_the_old_table(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path], None],
    method: str,
) -> None:
    out = tmp_path / "table"
    out.write_text("old")

    def half_then_full(self: object, path: Path | str, *args: object, **kwargs: object) -> None:
        target = self if isinstance(self, Path) else path
        with open(target, "wb") as file:  # noqa: PTH123 (Path.open is not what fails here)
            file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(method, half_then_full)
    with pytest.raises(OSError, match="No space"):
        write(out)
    monkeypatch.undo()
    assert tree(tmp_path) == {"table": b"old"}


# --- what must be there ---

Folder = Callable[..., AbstractContextManager[Path]]


def resumable(path: Path, **kwargs: object) -> AbstractContextManager[Path]:
    return resumable_folder(path, "key", **kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [whole_folder, resumable])
@pytest.mark.parametrize("ask", [False, True])
def test_a_folder_that_lacks_what_was_promised_does_not_replace_the_old_one(
    tmp_path: Path, old_folder: Path, make: Folder, ask: bool
) -> None:
    names = [f"fold_{fold}" for fold in range(5)]
    expected = (lambda: names) if ask else names
    says = r"out would lack fold_1, fold_2, fold_3 and 1 more, so it is not replaced; run the stage"
    with pytest.raises(SerError, match=says), make(old_folder, expected=expected) as aside:
        (aside / "fold_0").touch()
    assert (old_folder / "deep/old.txt").exists()
    with make(old_folder, expected=expected) as aside:
        for name in names:
            (aside / name).touch()
    assert sorted(path.name for path in old_folder.iterdir()) == names


# --- resuming ---


def make_until(path: Path, key: str, failure: BaseException | None = None) -> list[str]:
    """Finish one fold more, and then fail; the names of those that were there."""
    with resumable_folder(path, key) as aside:
        found = sorted(file.name for file in aside.glob("fold_*"))
        with whole_file(aside / f"fold_{len(found)}") as file:
            file.write_text(key)
        if failure is not None:
            raise failure
    return found


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
def test_what_was_finished_is_there_when_a_run_goes_on(
    tmp_path: Path, old_folder: Path, failure: BaseException
) -> None:
    for _ in range(2):
        with pytest.raises(type(failure)):
            make_until(old_folder, "same", failure)
        assert (old_folder / "deep/old.txt").read_text() == "old"
    assert make_until(old_folder, "same") == ["fold_0", "fold_1"]
    names = {"out": None, **{f"out/fold_{fold}": b"same" for fold in range(3)}}
    assert tree(tmp_path) == names, "the key, or something half made, is left"
    assert make_until(old_folder, "same") == [], "a finished folder is taken for an unfinished one"


def test_with_another_key_a_folder_begins_empty(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        make_until(tmp_path / "out", "old settings", RuntimeError())
    assert make_until(tmp_path / "out", "new settings") == []
    assert tree(tmp_path) == {"out": None, "out/fold_0": b"new settings"}


@pytest.mark.parametrize("damage", [b"", b"old setting", b"\xff"], ids=["empty", "cut", "no text"])
def test_with_a_damaged_key_a_folder_begins_empty(tmp_path: Path, damage: bytes) -> None:
    with pytest.raises(RuntimeError):
        make_until(tmp_path / "out", "old settings", RuntimeError())
    (partial_path(tmp_path / "out") / ".key.partial").write_bytes(damage)
    assert make_until(tmp_path / "out", "old settings") == []


def test_what_a_killed_worker_has_half_written_does_not_count(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        make_until(tmp_path / "out", "key", RuntimeError())
    half = partial_path(tmp_path / "out")
    (half / ".fold_1.partial").write_text("half")
    (half / ".fold_7.lock.partial").touch()
    assert make_until(tmp_path / "out", "key") == ["fold_0"]
    assert sorted(tree(tmp_path)) == ["out", "out/fold_0", "out/fold_1"]


# --- two runs at once ---

HOLDER = """
import sys, time
from pathlib import Path
from ser.core import files

with files.{make} as aside:
    Path("held").touch()
    time.sleep(60)
"""
MAKERS = {
    "file": "whole_file(Path('out'))",
    "folder": "whole_folder(Path('out'))",
    "resumable": "resumable_folder(Path('out'), 'key')",
}


@pytest.mark.parametrize("maker", MAKERS)
def test_a_second_run_says_that_another_makes_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, maker: str
) -> None:
    monkeypatch.setattr("ser.core.files._PATIENCE_S", 0.1)
    with started([sys.executable, "-c", HOLDER.format(make=MAKERS[maker])], tmp_path) as holder:
        wait_for_files(tmp_path, "held")
        for make in (whole_file, whole_folder, resumable):
            says = r"^Another run is making .*out; wait until it ends, or stop it\.$"
            with pytest.raises(SerError, match=says), make(tmp_path / "out"):
                pytest.fail("two runs wrote at once")
        with whole_file(tmp_path / "other") as aside:
            aside.touch()
        holder.kill()
        holder.wait()
    with whole_folder(tmp_path / "out") as aside:
        assert not list(aside.iterdir())
        (aside / "whole").touch()
    assert sorted(tree(tmp_path)) == ["held", "other", "out", "out/whole"], "a kill left something"


def test_two_threads_do_not_mix_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ser.core.files._PATIENCE_S", 0.0)
    with (
        whole_folder(tmp_path / "out"),
        pytest.raises(SerError, match="Another run"),
        whole_folder(tmp_path / "out"),
    ):
        pass


def test_who_writes_a_small_file_waits_for_another_who_does(tmp_path: Path) -> None:
    out = tmp_path / "counts.json"

    def count() -> None:
        for number in range(25):
            write_json(out, {"count": number})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert json.loads(out.read_text()) == {"count": 24}
    assert list(tree(tmp_path)) == ["counts.json"]


def test_where_a_file_system_knows_no_locks_files_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", flock)
    write_json(tmp_path / "out", {"a": 1})
    assert list(tree(tmp_path)) == ["out"]


# --- full disks ---


def test_a_full_disk_is_told_with_the_output_that_it_was_for(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space") as caught, whole_folder(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "out")
    with pytest.raises(OSError, match="broken") as caught, whole_folder(tmp_path / "out"):
        raise OSError(errno.EIO, "broken")
    assert caught.value.filename is None


def test_files_are_written_without_a_library_that_takes_long_to_import(tmp_path: Path) -> None:
    code = "import sys, ser.core.files; print('pandas' in sys.modules, 'numpy' in sys.modules)"
    assert run([sys.executable, "-c", code], tmp_path).stdout == "False False\n"
