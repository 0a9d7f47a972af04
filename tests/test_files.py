"""Outputs appear whole or not at all, and equal tables are equal bytes."""

import errno
import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ser.files import partial_path, whole_file, whole_folder, write_csv, write_json

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
        lines = (Path(__file__).parents[1] / ignored).read_text().splitlines()
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
