"""What changed between two revisions: parameters, code and data."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from ser.reports.revisions import Files


@dataclass(frozen=True)
class Change:
    """One thing that differs.

    Attributes:
        name: key of a parameter, or path.
        before, after: values as they are written; empty where there is none.
    """

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Changes:
    """All that differs between two revisions.

    Attributes:
        params: parameters, by dotted key.
        code: rooms and files of code that stages depend on, by path.
        data: corpora, features and models that stages make, by path.
        stages: stages that only one side has.
    """

    params: tuple[Change, ...]
    code: tuple[Change, ...]
    data: tuple[Change, ...]
    stages: tuple[Change, ...]


def flat(values: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested tables as dotted keys and written values."""
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from flat(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, yaml.safe_dump(values, default_flow_style=True).split("\n...")[0].strip()


def differing(before: dict[str, str], after: dict[str, str]) -> tuple[Change, ...]:
    """Keys whose values differ, sorted."""
    return tuple(
        Change(key, before.get(key, ""), after.get(key, ""))
        for key in sorted(before.keys() | after.keys())
        if before.get(key, "") != after.get(key, "")
    )


def lock_entries(lock: dict[str, Any], part: str) -> dict[str, str]:
    """Hashes of everything that all stages depend on (`deps`) or make (`outs`), by path."""
    return {
        entry["path"]: str(entry.get("md5", ""))
        for stage in lock.get("stages", {}).values()
        for entry in stage.get(part, [])
    }


def find_changes(base: Files, head: Files) -> Changes:
    """What differs between two revisions, from their `params.yaml` and `dvc.lock`.

    Raises:
        SerError: if a revision has none.
    """
    params = [dict(flat(files.read_table("params.yaml"))) for files in (base, head)]
    locks = [files.read_table("dvc.lock") for files in (base, head)]
    deps = [lock_entries(lock, "deps") for lock in locks]
    outs = [lock_entries(lock, "outs") for lock in locks]
    code = [{path: md5 for path, md5 in side.items() if is_code(path)} for side in deps]
    data = [{path: md5 for path, md5 in side.items() if is_data(path)} for side in outs]
    stages = [dict.fromkeys(lock.get("stages", {}), "there") for lock in locks]
    return Changes(differing(*params), differing(*code), differing(*data), differing(*stages))


def is_code(path: str) -> bool:
    """Whether a dependency is code."""
    return path.startswith(("ser/", "stages/"))


def is_data(path: str) -> bool:
    """Whether an output is kept by DVC, and not by git."""
    return path.startswith(("data/", "models/"))
