"""Odd parameters: each is refused by `ser check` in one sentence, or is one that may be given."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import yaml

from benchmarks.storm.tries import Case
from demo.run import ROOT
from ser.check import check_values
from ser.core.settings import load_values

Values = dict[str, Any]

_NAN, _INF = float("nan"), float("inf")
# what no key that holds a number, a word, a list or a choice of yes or no may have
_NEVER: dict[type, tuple[Any, ...]] = {
    float: ("many", [], {"a": 1}, True, _NAN, _INF, -1e9, "1e5x", [1, 2]),
    int: ("many", [], {"a": 1}, True, _NAN, _INF, -1_000_000_000, 1.5, [1, 2]),
    bool: ("perhaps", [], 7, {"a": 1}, None, _NAN),
    str: (7, [], {"a": 1}, None, "no such thing", "../../evil", "", "os.system", "x\ny"),
    list: ("many", 7, {"a": 1}, [None], [[]], None, [{"a": 1}]),
}
# keys that hold whatever a class of torch takes, or are read by `make studies`, or have a variable
# of the environment in their place
_FREE = ("optimizers.", "model_sizes.", "studies.", "processes", "executor", "scheduler")


def _leaves(table: Values, before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        path = f"{before}{key}"
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}.")
        elif not path.startswith(_FREE):
            yield path, value


def _changed(table: Values, path: str, value: Any) -> Values:
    table = copy.deepcopy(table)
    *parts, last = path.split(".")
    inner = table
    for part in parts:
        inner = inner[part]
    inner[last] = value
    return table


def _texts(whole: str) -> dict[str, tuple[bytes, bool | None]]:
    laughs = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    return {
        "as it stands": (whole.encode(), True),
        "line ends of Windows": (whole.replace("\n", "\r\n").encode(), True),
        "empty": (b"", False),
        "a list": (b"- a\n- b\n", False),
        "a word": (b"seeds\n", False),
        "no UTF-8": (b"seeds: [\xff\xfe]\n", False),
        "a NUL": (whole.encode() + b"\0", False),
        "cut": (whole.encode()[: len(whole) // 3], False),
        "a doubled key": ((whole + "\nseeds: [0]\n").encode(), False),
        "a doubled key within": (
            whole.replace("epochs:", "crop_s: 1\n  epochs:", 1).encode(),
            False,
        ),
        "an unknown key": ((whole + "\nseed: 0\n").encode(), False),
        "an object of Python": (b"seeds: !!python/object/apply:os.system ['touch evil']\n", False),
        "an unknown tag": (whole.replace("seeds:", "seeds: !evil", 1).encode(), False),
        "a key that is a list": ((whole + "\n? [a, b]\n: 1\n").encode(), False),
        "a key that is a number": ((whole + "\n7: 1\n").encode(), False),
        "a billion laughs": (f"a0: &a0 lol\n{laughs}".encode(), False),
        "an anchor of itself": ((whole + "\nself: &self [*self]\n").encode(), False),
        "100,000 brackets": (b"seeds: " + b"[" * 100_000, False),
        "a seed of 23 digits": (
            whole.replace("seeds: [0, 1, 2]", f"seeds: [{10**22}]").encode(),
            False,
        ),
        "a seed twice": (whole.replace("seeds: [0, 1, 2]", "seeds: [1, 1]").encode(), False),
        "no seed": (whole.replace("seeds: [0, 1, 2]", "seeds: []").encode(), False),
        "a window of 0.03 ms": (
            whole.replace("window_ms: 64.0", "window_ms: 0.03").encode(),
            False,
        ),
        "a hop of 0.01 ms": (whole.replace("hop_ms: 20.0", "hop_ms: 0.01").encode(), False),
        "text that is a number": (whole.replace("lr: 0.05", "lr: 5e-2").encode(), True),
    }


def _case(name: str, content: bytes, accept: bool | None) -> Case:
    return Case(
        name,
        accept,
        lambda folder: (folder / "params.yaml").write_bytes(content),
        lambda: check_values(load_values()),
        lambda folder: "code of the file was run" if (folder / "evil").exists() else "",
    )


def parameters(rng: np.random.Generator, count: int) -> Iterator[Case]:
    """As many cases, drawn at random from all; the texts come first."""
    whole = (ROOT / "params.yaml").read_text(encoding="utf-8")
    table: Values = yaml.safe_load(whole)
    cases = [_case(name, *given) for name, given in _texts(whole).items()]
    odd: list[tuple[str, Any]] = [
        (path, value) for path, now in _leaves(table) for value in _NEVER.get(type(now), ())
    ]
    for number in rng.permutation(len(odd))[: max(0, count - len(cases))]:
        path, value = odd[number]
        text = yaml.safe_dump(_changed(table, path, value), sort_keys=False)
        cases.append(_case(f"{path} is {value!r}", text.encode(), False))
    yield from cases[:count]
