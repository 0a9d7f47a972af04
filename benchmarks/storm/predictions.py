"""Hostile input of `ser predict`, by PyTorch and by ONNX: an answer that is one, or a sentence."""

import csv
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.storm.sounds import MIRROR, sounds, wav
from benchmarks.storm.tries import Case, in_turn
from ser.cli import app
from ser.export.onnx_file import export_onnx
from ser.predict.model import load
from ser.predict.released import RELEASED

# a recording that is well, beside what is hostile
_GOOD = Path("good.wav")
_OUT = {"json": Path("answers/out.json"), "csv": Path("answers/out.csv")}
_NAMES = (
    *("", " ", ".", "..", "~", "*", "**", "[", "[!]", "?" * 300, "{a,b}", "none.wav", "con"),
    *("/dev/null", "/dev/zero", "/proc/self/mem", "/proc/self/environ", "file:///etc/passwd"),
    *("a\nb.wav", "\x1b[31mred", "\udcff.wav", "\0", "a\0b.wav", "a" * 5_000, "🎙"),
    # out of the folder, but to no file: all of a disk would rightly take long
    "../" * 50 + "no.wav",
    *("http://example.invalid/a.wav", "good.wav/", "good.wav/more", "$(id)", "%s%n", "*/" * 40),
)


@cache
def exported() -> Path:
    """The released model as ONNX, written once, and removed by whoever empties the folder."""
    folder = Path(tempfile.mkdtemp(prefix="storm-onnx-"))
    export_onnx(load(), folder / "model.onnx")
    return folder / "model.onnx"


def _predict(*words: str, given: bytes | None = None) -> None:
    if given is not None:
        with tempfile.TemporaryFile() as file:
            file.write(given)
            file.seek(0)
            os.dup2(file.fileno(), 0)
        sys.stdin = os.fdopen(0)
    app(["predict", *words])


def _model(rng: np.random.Generator) -> list[str]:
    return ["--onnx", str(exported())] if rng.integers(2) else []


def _well(record: dict[str, Any]) -> bool:
    shares = [float(value) for value in record["probabilities"].values()]
    return (
        0 <= record["begin"] <= record["end"]
        and isclose(sum(shares), 1, abs_tol=1e-4)
        and min(shares) >= 0
        and isclose(max(shares), record["calibrated"], abs_tol=1e-9)
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    """Answers in a file, as JSON has them."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    if path.suffix == ".json":
        return [json.loads(line) for line in text.splitlines()]
    rows = list(csv.DictReader(text.splitlines()))
    numbers = ("begin", "end", "calibrated")
    return [
        row
        | {name: float(row[name]) for name in numbers}
        | {"probabilities": {k: v for k, v in row.items() if k.startswith("p_") and v}}
        for row in rows
    ]


def _check(form: str, least: int, folder: Path) -> str:
    found = _lines(folder / _OUT[form])
    if len(found) < least:
        return f"{len(found)} answers of {least}"
    return "" if all(map(_well, found)) else "an answer is none"


def _form(rng: np.random.Generator) -> str:
    return "json" if rng.integers(2) else "csv"


def _case(
    name: str,
    accept: bool | None,
    words: list[str],
    rng: np.random.Generator,
    prepare: Callable[[Path], object] = lambda folder: None,
    given: bytes | None = None,
    least: int = 1,
) -> Case:
    """Answers go to a file; it may lie there, with what is whole in it, where something failed."""
    form = _form(rng)

    def write(folder: Path) -> None:
        (folder / _GOOD).write_bytes(wav())
        prepare(folder)

    whole = ["--out", str(_OUT[form]), *_model(rng), *words]
    return Case(
        f"{name} ({' '.join(map(ascii, whole))})",
        accept,
        write,
        partial(_predict, *whole, given=given),
        partial(_check, form, least),
        (str(_GOOD),),
    )


def _sounds(rng: np.random.Generator, count: int) -> Iterator[Case]:
    """The hostile sounds of corpora; what is whole there is answered here, too."""
    for found in sounds(rng, count, with_big=False):
        accept = True if found.accept and "place" not in found.name else None
        made = _case(found.name, accept, [str(MIRROR)], rng, found.prepare)
        yield made


def _name(rng: np.random.Generator) -> Case:
    name = _NAMES[rng.integers(len(_NAMES))]
    by_list = bool(rng.integers(2)) or "\0" in name or name.startswith("-")
    if not by_list or "\n" in name:  # which would be two, in a list
        return _case("named", None, ["--", name], rng)

    def write(folder: Path) -> None:
        line = name.encode("utf-8", "surrogateescape")
        (folder / "list.txt").write_bytes(b"good.wav\r\n" + line + b"\n\n")

    return _case(f"listed {name!r}", None, ["--list", "list.txt"], rng, write)


def _list(rng: np.random.Generator) -> Case:
    kinds: dict[str, Callable[[Path], object]] = {
        "missing": lambda path: None,
        "a folder": Path.mkdir,
        "empty": Path.touch,
        "blank": lambda path: path.write_text("\n \n\t\n"),
        "a link to itself": lambda path: path.symlink_to(path.name),
        "a sound": lambda path: path.write_bytes(b"\xff\xfe\0\0" * 20),
        "one long line": lambda path: path.write_bytes(b"a" * 3_000_000),
        "twice the same": lambda path: path.write_text("good.wav\n" * 1_000),
        "with a mark of UTF-8": lambda path: path.write_bytes(b"\xef\xbb\xbfgood.wav\n"),
        "in UTF-16": lambda path: path.write_bytes("good.wav".encode("utf-16")),
    }
    name = list(kinds)[rng.integers(len(kinds))]
    return _case(
        f"a list: {name}",
        True if name.startswith(("twice", "with")) else None,
        ["--list", "list.txt"],
        rng,
        lambda folder: kinds[name](folder / "list.txt"),
    )


def _pipe(rng: np.random.Generator) -> Case:
    content = wav(data=rng.bytes(int(rng.integers(2, 40_000)) // 2 * 2))
    cut = content[: rng.integers(len(content) + 1)] if rng.integers(2) else content
    return _case(f"a pipe of {len(cut)} of {len(content)} bytes", None, ["-"], rng, given=cut)


def _place(rng: np.random.Generator) -> Case:
    """Answers to where no file can be, or where something else is."""
    kinds: dict[str, Callable[[Path], object]] = {
        "a folder": lambda path: path.mkdir(parents=True),
        "below a file": lambda path: path.parent.write_text("a file"),
        "a link to itself": lambda path: (path.parent.mkdir(), path.symlink_to(path.name)),
        "a full disk": lambda path: (path.parent.mkdir(), path.symlink_to("/dev/full")),
        "a file that nobody may write": lambda path: (
            path.parent.mkdir(),
            path.symlink_to("/proc/version"),
        ),
    }
    name = list(kinds)[rng.integers(len(kinds))]
    words = [str(_GOOD), *(["--resume"] if rng.integers(2) else [])]
    form = _form(rng)
    whole = [*words, "--out", str(_OUT[form]), *_model(rng)]
    return Case(
        f"answers to {name} ({' '.join(whole)})",
        False,
        lambda folder: ((folder / _GOOD).write_bytes(wav()), kinds[name](folder / _OUT[form])),
        partial(_predict, *whole),
        kept=(str(_GOOD),),
    )


@cache
def _answers(form: str) -> bytes:
    """What answers to two recordings look like."""
    from ser.predict.command import predict_all

    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for name in ("first.wav", "good.wav"):
                Path(name).write_bytes(wav())
            predict_all(load(), ["first.wav", "good.wav"], form, Path("out"), resume=False)  # type: ignore[arg-type]
            return Path("out").read_bytes()
        finally:
            os.chdir(before)


def _resumed(rng: np.random.Generator) -> Case:
    """Answers that were cut off anywhere, or changed; what is there once is there once after."""
    form = _form(rng)
    content = bytearray(_answers(form))
    how = ("cut", "flipped", "cut", "something else")[rng.integers(4)]
    if how == "cut":
        content = content[: rng.integers(len(content) + 1)]
    elif how == "flipped":
        for place in rng.integers(0, len(content), rng.integers(1, 5)):
            content[place] ^= int(rng.integers(1, 256))
    else:
        content = bytearray(rng.bytes(int(rng.integers(1, 300))) + b"\n" * int(rng.integers(3)))

    def write(folder: Path) -> None:
        for name in ("first.wav", "good.wav"):
            (folder / name).write_bytes(wav())
        (folder / _OUT[form]).parent.mkdir()
        (folder / _OUT[form]).write_bytes(bytes(content))

    def check(folder: Path) -> str:
        if how != "cut":
            return ""
        names = [str(record["file"]) for record in _lines(folder / _OUT[form])]
        once = sorted(names) == ["first.wav", "good.wav"]
        return "" if once else f"answers to {names}"

    whole = ["first.wav", "good.wav", "--resume", "--out", str(_OUT[form]), *_model(rng)]
    return Case(
        f"resumed, {how} to {len(content)} bytes of {form}",
        True if how == "cut" else None,
        write,
        partial(_predict, *whole),
        check,
        ("good.wav", str(_OUT[form])),
    )


def _damaged_model(rng: np.random.Generator) -> Case:
    path = exported() if rng.integers(2) else RELEASED
    content = bytearray(path.read_bytes())
    if rng.integers(2):
        content = content[: rng.integers(len(content))]
        how = f"cut to {len(content)}"
    else:
        # weights are most of a file; what describes them lies at its edges
        edge = int(rng.choice([300, 5_000, 100_000]))
        low = 0 if rng.integers(2) else len(content) - edge
        places = rng.integers(low, low + edge, rng.integers(1, 9))
        for place in places:
            content[place] ^= int(rng.integers(1, 256))
        how = f"flipped {places.tolist()}"
    option = "--onnx" if path.suffix == ".onnx" else "--model"
    form = _form(rng)
    whole = [str(_GOOD), option, f"model{path.suffix}", "--out", str(_OUT[form])]

    def write(folder: Path) -> None:
        (folder / _GOOD).write_bytes(wav())
        (folder / f"model{path.suffix}").write_bytes(bytes(content))

    return Case(
        f"a model {path.suffix}, {how}",
        None,
        write,
        partial(_predict, *whole),
        partial(_check, form, 1),
        (str(_GOOD),),
    )


def _swapped(rng: np.random.Generator) -> Case:
    """A model where a sound is meant, and the other way round."""
    kinds = (
        ["good.wav", "--onnx", "good.wav"],
        ["good.wav", "--model", "good.wav"],
        ["good.wav", "--onnx", str(RELEASED)],
        ["good.wav", "--model", str(exported())],
        ["good.wav", "--onnx", "/dev/zero"],
        ["good.wav", "--onnx", "."],
        ["good.wav", "--onnx", "none.onnx"],
        [str(exported())],
        [str(RELEASED), "--onnx", str(exported())],
        ["good.wav", "--json", "--csv"],
        ["good.wav", "--resume"],
        ["good.wav", "--model", "a", "--onnx", "b"],
    )
    words = kinds[rng.integers(len(kinds))]

    def write(folder: Path) -> None:
        shutil.copy(exported(), folder / "good.onnx")
        (folder / _GOOD).write_bytes(wav())

    return Case(f"swapped: {' '.join(words)}", False, write, partial(_predict, *words))


_KINDS = {
    _name: 0.25,
    _list: 0.12,
    _pipe: 0.13,
    _place: 0.1,
    _resumed: 0.2,
    _damaged_model: 0.12,
    _swapped: 0.08,
}


def predictions(rng: np.random.Generator, count: int) -> Iterator[Case]:
    """As many cases, always the same of one seed: half of them hostile sounds."""
    try:
        yield from _sounds(rng, count // 2)
        for kind in in_turn(rng, _KINDS, count - count // 2):
            yield kind(rng)
    finally:
        shutil.rmtree(exported().parent, ignore_errors=True)
        exported.cache_clear()
