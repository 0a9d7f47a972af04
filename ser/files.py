"""Outputs appear whole or not at all: written aside, then renamed."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd


def partial_path(path: Path) -> Path:
    """Where an output is written before it is renamed; `.dvcignore` knows the pattern."""
    return path.parent / f".{path.name}.partial"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; on success it becomes `path`, on failure nothing changes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = partial_path(path)
    try:
        yield aside
        _flush(aside)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; on success it becomes `path`, on failure nothing changes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = partial_path(path)
    shutil.rmtree(aside, ignore_errors=True)  # left over from a run that was killed
    aside.mkdir()
    try:
        yield aside
        _put_in_place(aside, path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _put_in_place(aside: Path, path: Path) -> None:
    """Rename `aside` to `path`; what stood there goes only once the new one is complete."""
    retired = path.parent / f".{path.name}.retired.partial"
    shutil.rmtree(retired, ignore_errors=True)
    if path.exists():
        os.replace(path, retired)
    try:
        os.replace(aside, path)
    except BaseException:
        if retired.exists():
            os.replace(retired, path)
        raise
    shutil.rmtree(retired, ignore_errors=True)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def write_csv(path: Path, table: pd.DataFrame, decimals: int = 6) -> None:
    """Write a table with fixed decimals and line ends, so that equal tables are equal bytes."""
    with whole_file(path) as aside:
        table.to_csv(aside, index=False, lineterminator="\n", float_format=f"%.{decimals}f")


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
