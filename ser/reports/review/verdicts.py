"""Can a run be trusted: do its results come from its code, and do its folds keep speakers apart?"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from ser.clips.manifest import speaker_keys
from ser.guards.protocol import NO_MARK
from ser.reports.review.changes import flat, is_data, lock_entries
from ser.reports.revisions import WORKSPACE, Files

# what `dvc.lock` calls a folder
_FOLDER = ".dir"
GUARDS = ("ser/guards", "ser/splits")
# the stage that checks the folds of every system
_CHECKS = "systems"


@dataclass(frozen=True)
class Verdict:
    """An answer to one question; "in part" leaves the results under review as they are.

    Attributes:
        question: what is asked.
        reason: one sentence.
    """

    question: str
    answer: Literal["yes", "no", "in part"]
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


@dataclass(frozen=True)
class Lock:
    """`dvc.lock` of a revision against the files of that revision."""

    files: Files
    _known: dict[tuple[str, bool], str | None] = field(default_factory=dict, repr=False)

    @cached_property
    def stages(self) -> dict[str, Any]:
        """What each stage ran with, by its name."""
        return dict(self.files.read_table("dvc.lock").get("stages", {}))

    @cached_property
    def stale(self) -> dict[str, str]:
        """Stages that ran with something else than the revision has, and the first such thing."""
        made = lock_entries({"stages": self.stages}, "outs")
        reasons = {}
        for name, stage in self.stages.items():
            odd = [entry["path"] for entry in stage.get("deps", []) if self._differs(entry, made)]
            odd += self._odd_params(stage.get("params", {}))
            if odd:
                reasons[name] = odd[0]
        return reasons

    @cached_property
    def changed_results(self) -> list[str]:
        """Outputs that git tracks and that are not what their stage wrote."""
        outs = [entry for stage in self.stages.values() for entry in stage.get("outs", [])]
        # what DVC keeps is found by its hash, so it cannot be another
        return sorted(
            entry["path"]
            for entry in outs
            if not is_data(entry["path"]) and self._hash(entry) != entry.get("md5")
        )

    def needed_for(self, system: str) -> set[str]:
        """Stages that the results of a system come from; none if they are not of the graph."""
        makers = {
            entry["path"]: name
            for name, stage in self.stages.items()
            for entry in stage.get("outs", [])
        }
        todo, found = [f"evaluate@{system}"], set[str]()
        while todo:
            name = todo.pop()
            if name in found or name not in self.stages:
                continue
            found.add(name)
            stage = self.stages[name]
            wanted = [entry["path"] for entry in stage.get("deps", [])] + [*stage.get("params", {})]
            todo += [
                maker
                for path, maker in makers.items()
                if any(_overlap(path, dependency) for dependency in wanted)
            ]
        return found

    def _differs(self, entry: dict[str, Any], made: dict[str, str]) -> bool:
        path, md5 = entry["path"], str(entry.get("md5", ""))
        if path in made:
            return made[path] != md5
        # models are an output each, and what depends on all of them a folder that only DVC has
        return not is_data(path) and self._hash(entry) != md5

    def _hash(self, entry: dict[str, Any]) -> str | None:
        key = entry["path"], str(entry.get("md5", "")).endswith(_FOLDER)
        if key not in self._known:
            self._known[key] = content_hash(self.files, *key)
        return self._known[key]

    def _odd_params(self, params: dict[str, Any]) -> list[str]:
        odd = []
        for file, values in params.items():
            # what DVC keeps need not be here; stages that made it are looked at themselves
            if is_data(file):
                continue
            now = dict(flat(self.files.read_table(file)))
            for key, value in values.items():
                odd += [name for name, written in flat(value, key) if now.get(name) != written]
        return odd


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def reproducible(lock: Lock, reviewed: Collection[str], others: Collection[str]) -> list[Verdict]:
    """Whether results of a revision come from its code, data and parameters.

    Args:
        reviewed: systems that the review is about.
        others: all other systems of the revision.
    """
    return [
        _own(lock, reviewed),
        _verdict_of_results(lock.changed_results),
        _verdict_of_others(lock, reviewed, others),
        _verdict_of_commit(lock.files),
    ]


def _own(lock: Lock, reviewed: Collection[str]) -> Verdict:
    question = "Were the results under review made by code, data and parameters of this revision?"
    for system in reviewed:
        for stage in sorted(lock.needed_for(system) & lock.stale.keys()):
            reason = f"`{lock.stale[stage]}` is not what `{stage}` ran with; run `dvc repro`."
            return Verdict(question, "no", reason)
    names = ", ".join(f"`{name}`" for name in reviewed)
    return Verdict(question, "yes", f"All that {names} come from is as dvc.lock holds it.")


def _verdict_of_others(lock: Lock, reviewed: Collection[str], others: Collection[str]) -> Verdict:
    question = "Was all else run again that the change concerns?"
    behind = [name for name in others if lock.needed_for(name) & lock.stale.keys()]
    about = set().union(*(lock.needed_for(name) for name in (*reviewed, *others)))
    rest = sorted(lock.stale.keys() - about)
    if not behind and not rest:
        return Verdict(question, "yes", "Every stage ran with what this revision has.")
    parts = [("these systems were", behind), ("these stages were", rest)]
    text = "; ".join(
        f"{what} not run again: {', '.join(f'`{name}`' for name in names)}"
        for what, names in parts
        if names
    )
    hint = "`dvc repro` brings them up to date. The results under review do not depend on them."
    return Verdict(question, "in part", f"{text[0].upper()}{text[1:]}. {hint}")


def _verdict_of_results(wrong: list[str]) -> Verdict:
    question = "Are the tracked results those that the run wrote?"
    if not wrong:
        return Verdict(question, "yes", "All have the hashes that dvc.lock holds.")
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return Verdict(question, "no", f"`{wrong[0]}`{more} differ from dvc.lock; run `dvc repro`.")


def _verdict_of_commit(files: Files) -> Verdict:
    question = "Is the revision committed, so that others can have it?"
    if files.name == WORKSPACE:
        return Verdict(question, "no", "This is the workspace; commit it.")
    return Verdict(question, "yes", f"It is commit {files.commit[:12]}.")


def guards_ran(lock: Lock, system: str) -> Verdict:
    """Whether the guards ran on the folds that a system's results come from, by a `dvc.lock`."""
    question = "Did the guards of the graph run on this system?"
    if _CHECKS in lock.needed_for(system):
        reason = f"The stage `{_CHECKS}`, which refuses folds that leak, stands before all it uses."
        return Verdict(question, "yes", reason)
    return Verdict(question, "no", "It was not trained and evaluated by the graph.")


def same_guards(base: Files, head: Files) -> Verdict:
    """Whether the guards are those that the base has."""
    question = "Are the protocols and guards those of the base?"
    names = " and ".join(f"`{room}`" for room in GUARDS)
    before, now = (
        [content_hash(files, room, is_folder=True) for room in GUARDS] for files in (base, head)
    )
    if before == now:
        return Verdict(question, "yes", f"{names} are the same on both sides.")
    return Verdict(question, "no", f"{names} changed; read that change first.")


def guarded(predictions: pd.DataFrame, mark: str) -> list[Verdict]:
    """What predictions themselves say about leaks; the guards of the graph saw the rest.

    Args:
        mark: of their protocol, or "none".
    """
    return [_one_fold_each(predictions), _speakers_apart(predictions), _unmarked(mark)]


def _one_fold_each(predictions: pd.DataFrame) -> Verdict:
    question = "Is every clip tested exactly once with every seed?"
    counts = Counter(zip(predictions["clip"], predictions["seed"], strict=True))
    cells = predictions["clip"].nunique() * predictions["seed"].nunique()
    if len(counts) == cells and max(counts.values()) == 1:
        return Verdict(question, "yes", f"{len(counts)} answers, none twice.")
    return Verdict(question, "no", "Answers are missing or repeat; run `dvc repro`.")


def _speakers_apart(predictions: pd.DataFrame) -> Verdict:
    question = "Is every speaker tested in one fold only?"
    folds = predictions.groupby(speaker_keys(predictions))["fold"].nunique()
    if folds.max() == 1:
        return Verdict(question, "yes", f"{len(folds)} speakers, each in one fold.")
    who = f"`{folds.idxmax()}`"
    return Verdict(question, "no", f"Speaker {who} is tested in {folds.max()} folds: others train.")


def _unmarked(mark: str) -> Verdict:
    question = "Is the protocol one that needs no warning?"
    if mark != NO_MARK:
        return Verdict(question, "no", f"Its results are marked: {mark}.")
    return Verdict(question, "yes", "Nothing crosses from test to training by intent.")
