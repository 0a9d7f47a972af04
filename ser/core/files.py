"""Outputs appear whole or not at all: written aside under a lock, then renamed."""

import csv
import errno
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ser.core.errors import SerError

if TYPE_CHECKING:  # it takes half a second to import, and most that write files need none of it
    import pandas as pd

Expected = Iterable[str] | Callable[[], Iterable[str]]

# a run that was killed, or is being stopped, lets go of its lock within this time
_PATIENCE_S = 2.0
_KEY = ".key.partial"

# what the system says where a disk, a share of it, or the largest allowed file is full
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_resumed = False


def has_resumed() -> bool:
    """Whether this process went on from what an earlier one had finished."""
    return _resumed


def partial_path(path: Path) -> Path:
    """Where an output is written before it is renamed; `.dvcignore` knows the pattern."""
    return path.parent / f".{path.name}.partial"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; on success it becomes `path`, on failure nothing changes.

    Raises:
        SerError: if another run is writing the same file.
    """
    with _locked(path):
        aside = partial_path(path)
        _remove(aside)
        try:
            yield aside
            _flush(aside)
            os.replace(aside, path)
        finally:
            _remove(aside)


@contextmanager
def whole_folder(path: Path, expected: Expected = ()) -> Iterator[Path]:
    """Yield an empty folder to fill; on success it becomes `path`, on failure nothing changes.

    Args:
        path: the folder to make.
        expected: names, relative to it, that must be there when it is full; a function is asked
            then.

    Raises:
        SerError: if another run is making the same folder, or something expected is missing.
    """
    with _locked(path):
        aside = partial_path(path)
        _remove(aside)
        aside.mkdir()
        try:
            yield aside
            _put_in_place(aside, path, expected)
        finally:
            _remove(aside)


@contextmanager
def resumable_folder(path: Path, key: str, expected: Expected = ()) -> Iterator[Path]:
    """Yield a folder in which a run finds what an earlier run of the same key has finished.

    On success it becomes `path`, and what stood there goes only then. On failure, and where a run
    is killed, what is in it stays for the next run. Files in it must appear whole (`whole_file`):
    whatever has its final name counts as finished.

    Args:
        path: the folder to make.
        key: all that decides what is in it, such as a hash of settings and inputs; what a run with
            another key has left is removed.
        expected: as for `whole_folder`.

    Raises:
        SerError: as for `whole_folder`.
    """
    global _resumed
    with _locked(path):
        aside = partial_path(path)
        if _has_key(aside, key):
            _resumed |= any(file.name != _KEY for file in aside.iterdir())
        else:
            _remove(aside)
            aside.mkdir()
            with whole_file(aside / _KEY) as file:
                file.write_text(key, encoding="utf-8")
        yield aside
        _remove(aside / _KEY)
        for leftover in sorted(aside.rglob(".*.partial")):  # of workers that were killed
            _remove(leftover)
        _put_in_place(aside, path, expected)


def _has_key(folder: Path, key: str) -> bool:
    try:
        return (folder / _KEY).read_text(encoding="utf-8") == key
    except (OSError, UnicodeDecodeError):
        return False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of an output, which the kernel releases when its holder ends in any way.

    Raises:
        SerError: if another process, or another thread, does not let go of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.parent / f".{path.name}.lock.partial"
    until = time.monotonic() + _PATIENCE_S
    while (descriptor := _lock(lock)) is None:
        if time.monotonic() > until:
            raise SerError(f"Another run is making {path}; wait until it ends, or stop it.")
        time.sleep(0.02)
    try:
        yield
    except OSError as error:
        if error.errno in FULL and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _lock(lock: Path) -> int | None:
    """The descriptor of a locked file; None if another holds it, or has just removed it."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), lock.stat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError as error:
        # some network file systems know no locks; they do without
        if error.errno in (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK):
            return descriptor
        raise
    os.close(descriptor)
    return None


def _put_in_place(aside: Path, path: Path, expected: Expected) -> None:
    """Rename `aside` to `path`; what stood there goes only once the new one is complete."""
    names = expected() if callable(expected) else expected
    missing = [name for name in names if not (aside / name).exists()]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise SerError(
            f"{path} would lack {', '.join(missing[:3])}{more}, so it is not replaced; "
            "run the stage again."
        )
    retired = path.parent / f".{path.name}.retired.partial"
    _remove(retired)
    if path.exists():
        os.replace(path, retired)
    try:
        os.replace(aside, path)
    except BaseException:
        if retired.exists():
            os.replace(retired, path)
        raise
    _remove(retired)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def regular(path: Path) -> Path:
    """The path itself, if no pipe or device is in its place; a folder fails when it is read.

    Raises:
        OSError: if there is one.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "It is not a regular file", str(path))
    return path


def read_text(path: Path) -> str:
    """The text of a regular file; a pipe in its place would keep the reader waiting for ever.

    Raises:
        OSError: if there is none.
        UnicodeDecodeError: if it is no UTF-8.
    """
    return regular(path).read_text(encoding="utf-8")


def write_csv(path: Path, table: "pd.DataFrame", decimals: int = 6) -> None:
    """Write a table with fixed decimals and line ends, so that equal tables are equal bytes."""
    with whole_file(path) as aside:
        table.to_csv(aside, index=False, lineterminator="\n", float_format=f"%.{decimals}f")


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write texts and finite numbers as rows come, to the bytes that `write_csv` makes of all."""
    with whole_file(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([f"{cell:.6f}" if isinstance(cell, float) else cell for cell in row])


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a table of values, keys in the order given, floats to six decimals."""
    text = json.dumps(_rounded(values), indent=2, allow_nan=False)
    with whole_file(path) as aside:
        aside.write_text(text + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return round(value, 6) if isinstance(value, float) else value
