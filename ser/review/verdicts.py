"""Can a run be trusted: do its results come from its code, and do its folds keep speakers apart?"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from ser.clips import speaker_keys
from ser.review.changes import flat, is_code, is_data, read_yaml
from ser.revisions import WORKSPACE, Files
from ser.splits.protocols import PROTOCOLS

# what `dvc.lock` calls a folder
_FOLDER = ".dir"
GUARDS = "ser/splits"


@dataclass(frozen=True)
class Verdict:
    """An answer to one question.

    Attributes:
        question: what is asked.
        answer: yes or no.
        reason: one sentence.
    """

    question: str
    answer: Literal["yes", "no"]
    reason: str


def content_hash(files: Files, path: str, is_folder: bool) -> str | None:
    """Hash of a file or folder as DVC writes it into `dvc.lock`; None if there is none."""
    if not is_folder:
        content = files.read(path)
        return None if content is None else hashlib.md5(content, usedforsecurity=False).hexdigest()
    entries = []
    for name in files.list(path):
        content = files.read(name) or b""
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        entries.append({"md5": md5, "relpath": name.removeprefix(f"{path}/")})
    if not entries:
        return None
    text = json.dumps(sorted(entries, key=lambda entry: entry["relpath"]), sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + _FOLDER


def reproducible(files: Files) -> list[Verdict]:
    """Whether code, parameters and results of a revision are those of its `dvc.lock`."""
    lock = read_yaml(files, "dvc.lock").get("stages", {})
    known: dict[str, str | None] = {}
    wrong: dict[str, set[str]] = {"deps": set(), "outs": set()}
    for stage in lock.values():
        for part in ("deps", "outs"):
            for entry in stage.get(part, []):
                path, md5 = entry["path"], str(entry.get("md5", ""))
                # what DVC keeps is found by its hash, so it cannot be another
                if not is_code(path) if part == "deps" else is_data(path):
                    continue
                if path not in known:
                    known[path] = content_hash(files, path, md5.endswith(_FOLDER))
                if known[path] != md5:
                    wrong[part].add(path)
    return [
        _verdict_of_files(
            "Were the results made by the code of this revision?",
            sorted(wrong["deps"]),
            "files of code",
        ),
        _verdict_of_files(
            "Are the tracked results those that the run wrote?",
            sorted(wrong["outs"]),
            "tracked results",
        ),
        _verdict_of_params(files, lock),
        _verdict_of_commit(files),
    ]


def _verdict_of_files(question: str, wrong: list[str], what: str) -> Verdict:
    if not wrong:
        return Verdict(question, "yes", f"All {what} have the hashes that dvc.lock holds.")
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return Verdict(question, "no", f"{wrong[0]}{more} differ from dvc.lock; run `dvc repro`.")


def _verdict_of_params(files: Files, lock: dict[str, Any]) -> Verdict:
    question = "Were they made with the parameters of this revision?"
    now = dict(flat(read_yaml(files, "params.yaml")))
    wrong = set()
    for stage in lock.values():
        for key, value in stage.get("params", {}).get("params.yaml", {}).items():
            for name, written in flat(value, key):
                if now.get(name) != written:
                    wrong.add(name)
    if not wrong:
        return Verdict(question, "yes", "All parameters are those that dvc.lock holds.")
    return Verdict(question, "no", f"{min(wrong)} differs from dvc.lock; run `dvc repro`.")


def _verdict_of_commit(files: Files) -> Verdict:
    question = "Is the revision committed, so that others can have it?"
    if files.name == WORKSPACE:
        return Verdict(question, "no", "This is the workspace; commit it.")
    return Verdict(question, "yes", f"It is commit {files.commit[:12]}.")


def guards_ran(lock: dict[str, Any], system: str) -> Verdict:
    """Whether the stages that hold the guards ran on a system, by a `dvc.lock`."""
    question = "Did the guards of the graph run on this system?"
    stages = lock.get("stages", {})
    if all(f"{stage}@{system}" in stages for stage in ("train", "evaluate")):
        reason = "The stages that train and evaluate it refuse leaks, and both are in dvc.lock."
        return Verdict(question, "yes", reason)
    return Verdict(question, "no", "It was not trained and evaluated by the graph.")


def same_guards(base: Files, head: Files) -> Verdict:
    """Whether the guards are those that the base has."""
    question = "Are the protocols and guards those of the base?"
    before, now = (content_hash(files, GUARDS, is_folder=True) for files in (base, head))
    if before == now:
        return Verdict(question, "yes", f"{GUARDS} is the same on both sides.")
    return Verdict(question, "no", f"{GUARDS} changed; read that change first.")


def guarded(predictions: pd.DataFrame) -> list[Verdict]:
    """What predictions themselves say about leaks; the guards of the graph saw the rest."""
    names = sorted(set(predictions.get("protocol", [])))
    marks = [PROTOCOLS[name].mark for name in names if name in PROTOCOLS]
    return [_one_fold_each(predictions), _speakers_apart(predictions, names), _unmarked(marks)]


def _one_fold_each(predictions: pd.DataFrame) -> Verdict:
    question = "Is every clip tested exactly once with every seed?"
    counts = Counter(zip(predictions["clip"], predictions["seed"], strict=True))
    cells = predictions["clip"].nunique() * predictions["seed"].nunique()
    if len(counts) == cells and max(counts.values()) == 1:
        return Verdict(question, "yes", f"{len(counts)} answers, none twice.")
    return Verdict(question, "no", "Answers are missing or repeat; run `dvc repro`.")


def _speakers_apart(predictions: pd.DataFrame, protocols: list[str]) -> Verdict:
    question = "Is every speaker tested in one fold only?"
    folds = predictions.groupby(speaker_keys(predictions))["fold"].nunique()
    if folds.max() == 1:
        return Verdict(question, "yes", f"{len(folds)} speakers, each in one fold.")
    who = folds.idxmax()
    where = f" (protocol {', '.join(protocols)})" if protocols else ""
    return Verdict(
        question, "no", f"Speaker {who} is tested in {folds.max()} folds{where}: others train."
    )


def _unmarked(marks: list[str]) -> Verdict:
    question = "Is the protocol one that needs no warning?"
    found = [mark for mark in marks if mark]
    if found:
        return Verdict(question, "no", f"Its results are marked: {found[0]}.")
    return Verdict(question, "yes", "Nothing crosses from test to training by intent.")
