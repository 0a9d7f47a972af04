"""Stages that are run by hand on files that someone has changed since they were made."""

import csv
import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from benchmarks.storm.project import CORPUS, SYSTEM
from benchmarks.storm.sounds import wav
from benchmarks.storm.tries import Tally, attempt, fault_of
from ser.cli import compare_two

Rows = list[dict[str, str]]
Change = Callable[[Path], object]

_CORPUS = f"data/corpora/{CORPUS}"
_SPLITS = f"data/splits/{CORPUS}"
_FEATURES = f"data/features/{CORPUS}"
_FUNCTIONALS = f"data/functionals/{CORPUS}"
_FOLDS = f"{_SPLITS}/folds/speaker_independent"
_MANIFEST = f"{_CORPUS}/manifest.csv"
_RESULTS = f"plots/systems/{SYSTEM}"
_METRICS = f"metrics/{SYSTEM}.json"

# a stage, its arguments, what it makes, and what it reads
STAGES: dict[str, tuple[tuple[Any, ...], str, tuple[str, ...]]] = {
    "split": ((CORPUS,), _SPLITS, (_MANIFEST, f"{_CORPUS}/not_the_same.csv", "clip")),
    "augment": ((CORPUS,), f"data/augmented/{CORPUS}", (f"{_SPLITS}/female.csv", "clip")),
    "featurize": (
        (CORPUS,),
        _FEATURES,
        (
            *(_MANIFEST, "clip", f"data/augmented/{CORPUS}/copies.csv"),
            f"data/augmented/{CORPUS}/speed.safetensors",
        ),
    ),
    "functionals": ((CORPUS,), _FUNCTIONALS, (_MANIFEST, "clip")),
    "systems": (
        (),
        "data/systems.json",
        (
            *(f"{_FEATURES}/index.csv", f"{_FEATURES}/layout.json", f"{_FOLDS}.csv"),
            *(f"{_FOLDS}.json", f"{_SPLITS}/male.csv", "params.yaml"),
        ),
    ),
    "train": (
        (SYSTEM, 0),
        f"models/{SYSTEM}/seed_0",
        (f"{_FEATURES}/index.csv", f"{_FEATURES}/features.safetensors", f"{_FOLDS}.csv"),
    ),
    "baselines": (
        (SYSTEM,),
        f"models/{SYSTEM}/linear",
        tuple(f"{_FUNCTIONALS}/{n}" for n in ("clips.csv", "names.csv", "functionals.safetensors")),
    ),
    "evaluate": (
        (SYSTEM,),
        _RESULTS,
        (
            *(f"models/{SYSTEM}/{part}/fold_00.safetensors" for part in ("seed_0", "linear")),
            f"models/{SYSTEM}/seed_0/history.csv",
        ),
    ),
    "report": (
        (),
        "plots/systems.csv",
        (
            *(f"{_RESULTS}/{n}.csv" for n in ("scores", "facts", "confusion")),
            *(f"{_RESULTS}/{n}.csv" for n in ("history", "reliability")),
            *(_METRICS, f"metrics/baselines/{SYSTEM}.csv"),
        ),
    ),
    # no stage, but what people read answers with: `ser compare`
    "compare": ((SYSTEM, SYSTEM), "dvc.lock", (f"{_RESULTS}/predictions.csv",)),
}


@dataclass(frozen=True)
class Tampering:
    """A change of one file, and the stage that then reads it."""

    stage: str
    path: str
    what: str
    change: Change
    accept: bool | None = False


# Any file


def _write(content: bytes) -> Change:
    return lambda path: path.write_bytes(content)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


_ANY: dict[str, Change] = {
    "missing": Path.unlink,
    "empty": _write(b""),
    "cut": _cut,
    "noise": _write(np.random.default_rng(0).bytes(3_000)),
    "a pickle": _write(b"\x80\x04cos\nsystem\n(S'touch evil'\ntR."),
    "a pipe": _pipe,
    "a folder": _folder,
}


# Tables


def _table(change: Callable[[Rows], object]) -> Change:
    def tamper(path: Path) -> None:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        names = list(rows[0])
        change(rows)
        text = io.StringIO()
        writer = csv.DictWriter(text, rows[0] if rows else names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(text.getvalue(), encoding="utf-8")

    return tamper


def _cell(column: str, value: str, row: int = 0) -> Change:
    return _table(lambda rows: rows[row].update({column: value}))


def _all(column: str, value: str) -> Change:
    return _table(lambda rows: [row.update({column: value}) for row in rows])


def _without(column: str) -> Change:
    return _table(lambda rows: [row.pop(column) for row in rows])


def _twice(rows: Rows) -> None:
    rows.append(dict(rows[0]))


def _manifest(path: str) -> dict[tuple[str, str], Change]:
    cells = {
        ("emotion", "So so"),
        ("emotion", ""),
        ("gender", "x"),
        ("clip", f"{CORPUS}/../../evil"),
        ("clip", f"{CORPUS}//tmp/evil"),
        ("clip", "evil"),
        ("clip", f"{CORPUS}/nobody"),
        ("pcm_sha256", "0" * 64),
        ("duration_s", "long"),
        ("speaker", ""),
    }
    changes = {(path, f"{column} is {value!r}"): _cell(column, value) for column, value in cells}
    return {**changes, (path, "a clip twice"): _table(_twice), (path, "none"): _table(list.clear)}


# JSON


def _json(change: Callable[[Any], object]) -> Change:
    def tamper(path: Path) -> None:
        values = json.loads(path.read_text(encoding="utf-8"))
        change(values)
        path.write_text(json.dumps(values), encoding="utf-8")

    return tamper


def _value(key: str, value: Any) -> Change:
    return _json(lambda values: values.update({key: value}))


# Weights and packs


def _tensors(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> Change:
    """A change of the arrays of a file, and of the card in its head."""

    def tamper(path: Path) -> None:
        with safe_open(path, framework="np") as file:
            head = file.metadata() or {}
            arrays = {name: np.array(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
        card = json.loads(head.get("card", "{}"))
        change(arrays, card)
        path.write_bytes(save(arrays, {"card": json.dumps(card)} if card else None))

    return tamper


def _card(key: str, value: Any) -> Change:
    return _tensors(lambda arrays, card: card.update({key: value}))


def _arrays(change: Callable[[Any], Any], name: str = "") -> Change:
    """A change of every array, or of those whose names hold something."""

    def tamper(arrays: dict[str, Any], card: dict[str, Any]) -> None:
        for key in list(arrays):
            if name in key:
                arrays[key] = np.ascontiguousarray(change(arrays[key]))

    return _tensors(tamper)


def _drop_last(arrays: dict[str, Any], card: dict[str, Any]) -> None:
    arrays.pop(sorted(arrays)[-1])


def _not_a_number(values: Any) -> Any:
    changed = values.copy()
    changed.reshape(-1)[0] = np.nan if values.dtype.kind == "f" else values.reshape(-1)[0]
    return changed


def _reorder(arrays: dict[str, Any], card: dict[str, Any]) -> None:
    card["emotions"] = card["emotions"][::-1]


def _use_a_tested_clip(arrays: dict[str, Any], card: dict[str, Any]) -> None:
    card["uses"]["training"].append(f"{CORPUS}/Actor_01/03-01-01-01-01-01-01")


def _model(path: str) -> dict[tuple[str, str], Change]:
    changes = {
        "no card": _tensors(lambda arrays, card: card.clear()),
        "no emotions": _card("emotions", []),
        "an unknown emotion": _card("emotions", ["neutral", "So so"]),
        "fewer emotions": _card("emotions", ["neutral", "sad"]),
        "emotions in another order": _tensors(_reorder),
        "emotions as a number": _card("emotions", 3),
        "another fold": _card("fold", 1),
        "a fold in words": _card("fold", "first"),
        "no uses": _card("uses", {}),
        "empty uses": _card("uses", {"training": []}),
        "an unknown use": _card("uses", {"training": ["x"], "fun": ["y"]}),
        "uses as a list": _card("uses", ["training"]),
        "a tested clip": _tensors(_use_a_tested_clip),
        "no last array": _tensors(_drop_last),
        "NaN": _arrays(_not_a_number),
        "other shapes": _arrays(lambda values: values[..., :-1] if values.ndim else values),
        "as numbers of 8 bits": _arrays(lambda values: values.astype(np.int8)),
    }
    return {(path, what): change for what, change in changes.items()}


def _network(path: str) -> dict[tuple[str, str], Change]:
    def layout(arrays: dict[str, Any], card: dict[str, Any]) -> None:
        card["layout"]["bands"] = 32

    changes = {
        "another seed": _card("seed", 7),
        "an unknown network": _card("network", "os.system"),
        "no settings": _card("settings", {}),
        "another layout": _tensors(layout),
        "an unknown normalisation": _card("normalization", "magic"),
        "a scale of zero": _arrays(lambda values: values * 0, "normalizer.scale"),
    }
    return {(path, what): change for what, change in changes.items()}


# Values that each kind of file may not have, by file and change


def _index(path: str) -> dict[tuple[str, str], Change]:
    cells = {
        *(("start", "-1"), ("start", "10000000"), ("start", "1.5"), ("length", "0")),
        *(("length", "-3"), ("length", "9999999999999999999999"), ("item", "x"), ("effect", "x")),
        *(("clip", ""), ("clip", f"{CORPUS}/nobody")),
    }
    changes = {(path, f"{column} is {value}"): _cell(column, value) for column, value in cells}
    return {
        **changes,
        (path, "a clip twice"): _table(_twice),
        (path, "a clip less"): _table(lambda rows: rows.pop(0)),
        (path, "two clips share rows"): _table(
            lambda rows: rows[0].update(start=rows[1]["start"], length=rows[1]["length"])
        ),
        (path, "no starts"): _without("start"),
    }


def _special() -> dict[tuple[str, str], Change]:
    layout, protocol = f"{_FEATURES}/layout.json", f"{_FOLDS}.json"
    folds, names = f"{_FOLDS}.csv", f"{_FUNCTIONALS}/names.csv"
    clips, copies = f"{_FUNCTIONALS}/clips.csv", f"data/augmented/{CORPUS}/copies.csv"
    answers, scores, facts = (
        f"{_RESULTS}/{name}.csv" for name in ("predictions", "scores", "facts")
    )
    baselines = f"metrics/baselines/{SYSTEM}.csv"
    network, linear = (
        f"models/{SYSTEM}/{part}/fold_00.safetensors" for part in ("seed_0", "linear")
    )
    packs = {
        path: {
            "NaN": _arrays(_not_a_number),
            "fewer rows": _arrays(lambda values: values[:-1]),
            "fewer columns": _arrays(lambda values: values[..., :-1]),
            "without an array": _tensors(_drop_last),
            "whole numbers": _arrays(lambda values: np.nan_to_num(values).astype(np.int64)),
        }
        for path in (f"{_FEATURES}/features.safetensors", f"{_FUNCTIONALS}/functionals.safetensors")
    }
    samples = f"data/augmented/{CORPUS}/speed.safetensors"
    packs[samples] = {
        "other samples": _arrays(lambda values: values[::-1]),
        "fewer": _arrays(lambda values: values[:-1]),
    }
    return {
        **_manifest(_MANIFEST),
        **_manifest(f"{_SPLITS}/female.csv"),
        **_manifest(f"{_SPLITS}/male.csv"),
        **_index(f"{_FEATURES}/index.csv"),
        **_model(network),
        **_model(linear),
        **_network(network),
        **{(path, what): change for path, all_ in packs.items() for what, change in all_.items()},
        ("clip", "another clip"): _write(wav()),
        ("clip", "other samples"): lambda path: path.write_bytes(path.read_bytes()[:-2] + b"\1\1"),
        ("clip", "cut by a sample"): lambda path: path.write_bytes(path.read_bytes()[:-2]),
        ("clip", "silent"): lambda path: path.write_bytes(
            path.read_bytes()[:44] + bytes(path.stat().st_size - 44)
        ),
        (f"{_CORPUS}/not_the_same.csv", "no reason"): _write(b"clip_a,clip_b\nx,y\n"),
        **{
            (layout, f"{key} is {value!r}"): _value(key, value)
            for key, value in {
                "front_end": "os.system",
                "bands": 0,
                "rows_per_second": float("nan"),
                "neighbours": "maybe",
                "layers": -1,
                "more": 1,
            }.items()
        },
        (layout, "bands is 63"): _value("bands", 63),
        (layout, "a list"): _write(b"[]"),
        (protocol, "another name"): _value("name", "leaky_random"),
        (protocol, "another kind"): _value("kind", "leaky"),
        (protocol, "more crosses"): _value("crosses", ["statement", "speaker"]),
        (protocol, "an unknown crossing"): _value("crosses", ["magic"]),
        (protocol, "validates in words"): _value("validates", "no"),
        (protocol, "deep"): _write(b"[" * 100_000),
        (folds, "an unknown role"): _cell("role", "spare"),
        (folds, "half a fold"): _cell("fold", "0.5"),
        (folds, "another role"): _cell("role", "train"),
        (folds, "a clip less"): _table(lambda rows: rows.pop(0)),
        (folds, "a clip twice"): _table(_twice),
        (folds, "an unknown clip"): _cell("clip", f"{CORPUS}/nobody"),
        (folds, "none"): _table(list.clear),
        (names, "a name twice"): _table(lambda rows: rows[0].update(name=rows[1]["name"])),
        (names, "a name less"): _table(lambda rows: rows.pop()),
        (clips, "a clip twice"): _table(lambda rows: rows[0].update(clip=rows[1]["clip"])),
        (clips, "a clip less"): _table(lambda rows: rows.pop()),
        (clips, "an unknown clip"): _cell("clip", f"{CORPUS}/nobody"),
        (copies, "an unknown clip"): _cell("clip", f"{CORPUS}/nobody"),
        (copies, "another effect"): _cell("effect", "../../evil"),
        (copies, "another name"): _cell("copy", "evil"),
        (copies, "a wrong start"): _cell("start", "99999999"),
        (copies, "a negative length"): _cell("length", "-5"),
        (copies, "another hash"): _cell("pcm_sha256", "0" * 64),
        (copies, "a copy twice"): _table(_twice),
        (answers, "a clip twice"): _table(_twice),
        (answers, "a clip less"): _table(lambda rows: rows.pop(0)),
        (answers, "an unknown emotion"): _cell("predicted", "So so"),
        (answers, "a probability of 2"): _cell("p_neutral", "2"),
        (answers, "no probability"): _cell("p_neutral", ""),
        (answers, "a confidence of 7"): _cell("confidence", "7"),
        (answers, "a fold in words"): _cell("fold", "first"),
        (scores, "a UAR of 150"): _cell("uar", "150"),
        (scores, "a UAR of -1"): _cell("uar", "-1"),
        (scores, "an infinite UAR"): _cell("uar", "inf"),
        (scores, "not of all"): _table(lambda rows: rows.pop(0)),
        (scores, "in words"): _all("uar", "good"),
        (facts, "no parameters"): _table(
            lambda rows: rows.remove(next(r for r in rows if r["fact"] == "parameters"))
        ),
        (facts, "half a clip"): _table(
            lambda rows: next(r for r in rows if r["fact"] == "n_clips").update(value="1.5")
        ),
        (facts, "NaN"): _all("value", "nan"),
        (f"{_RESULTS}/confusion.csv", "150 percent"): _cell("percent", "150"),
        (f"{_RESULTS}/confusion.csv", "an unknown emotion"): _cell("actual", "So so"),
        (f"{_RESULTS}/history.csv", "no epochs"): _table(list.clear),
        (f"{_RESULTS}/history.csv", "a UAR of 150"): _cell("uar", "150"),
        (f"{_RESULTS}/reliability.csv", "a confidence of 150"): _cell("confidence", "150"),
        **{
            (_METRICS, f"{key} is {value!r}"): _value(key, value)
            for key, value in {"uar": 150.0, "accuracy": "good", "ece": None, "UAR": 3}.items()
        },
        (_METRICS, "a negative UAR"): _value("uar", -1.0),
        (_METRICS, "a deviation of NaN"): _value("uar_deviation", float("nan")),
        (baselines, "a UAR of 150"): _cell("uar", "150"),
        (baselines, "a baseline twice"): _table(_twice),
        (baselines, "none"): _table(list.clear),
        (f"models/{SYSTEM}/seed_0/history.csv", "a UAR in words"): _cell("uar", "good"),
        (f"models/{SYSTEM}/seed_0/history.csv", "another fold"): _cell("fold", "77"),
    }


# another truth, which nothing can tell from the right one
_EITHER = {
    ("report", _METRICS, "UAR is 3"),
    ("compare", f"{_RESULTS}/predictions.csv", "a clip less"),
    ("evaluate", f"models/{SYSTEM}/seed_0/history.csv", "another fold"),
    ("systems", f"{_SPLITS}/male.csv", f"pcm_sha256 is {'0' * 64!r}"),
}


def tamperings() -> list[Tampering]:
    """All of them: what may befall any file, and values that a kind of file may not have."""
    special = _special()
    found = []
    for stage, (_, _, paths) in STAGES.items():
        for path in paths:
            own = {what: change for (where, what), change in special.items() if where == path}
            for what, change in {**_ANY, **own}.items():
                either = (stage, path, what) in _EITHER
                found.append(Tampering(stage, path, what, change, None if either else False))
    return found


def try_tampered(
    project: Path, rng: np.random.Generator, count: int, show: Callable[[str], None]
) -> Tally:
    """Tamper with a project that has been run, each time anew, and run a stage by hand.

    Args:
        count: how many of all tamperings are tried, drawn at random; 0 is all.
    """
    tally, everything = Tally("tampered files"), tamperings()
    chosen = sorted(rng.permutation(len(everything))[: count or None].tolist())
    spare = project.with_name(f"{project.name}-untouched")
    shutil.copytree(project, spare, symlinks=True)
    for one in [everything[number] for number in chosen]:
        arguments, output, _ = STAGES[one.stage]
        main = _main(one.stage)
        clip = next(path.relative_to(project) for path in (project / _CORPUS).rglob("*.wav"))
        path = str(clip) if one.path == "clip" else one.path
        _own(project / path)
        one.change(project / path)
        before = _listed(project, output)
        said = attempt(lambda main=main, given=arguments: main(*given), project)
        fault = fault_of(said, one.accept)
        if not fault and said.status and _listed(project, output) != before:
            fault = f"{output} is changed"
        if (project / "evil").exists() or Path("/tmp/evil").exists():
            fault = "code of the file was run"
        tally.add(f"{one.stage}, {one.path}: {one.what}", fault, refused=said.status != 0)
        show(tally.faults[-1] if fault else "")
        _restore(project, spare, path)
        if said.status == 0:
            _restore(project, spare, output)
    shutil.rmtree(spare)
    return tally


def _main(stage: str) -> Callable[..., object]:
    if stage == "compare":
        return lambda a, b: compare_two(a, b, flips=None, top=3)
    main: Callable[..., object] = import_module(f"stages.{stage}").main
    return main


def _own(path: Path) -> None:
    """What DVC put in place may be a link into its cache."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def _listed(project: Path, output: str) -> dict[str, tuple[int, int]]:
    found = [project / output, *(project / output).rglob("*")]
    files = [path for path in found if path.is_file() and ".partial" not in str(path)]
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def _restore(project: Path, spare: Path, name: str) -> None:
    path = project / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if (spare / name).is_dir():
        shutil.copytree(spare / name, path, symlinks=True)
    else:
        shutil.copy2(spare / name, path)
    for left in path.parent.glob(".*.partial"):
        shutil.rmtree(left, ignore_errors=True)
