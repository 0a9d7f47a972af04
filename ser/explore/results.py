"""Results that are here: a system's answers clip by clip, and two results side by side."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from ser.clips.labels import ordered
from ser.core.errors import SerError
from ser.evaluation.calibration import soften
from ser.evaluation.comparison import compare, flipped_clips
from ser.evaluation.predictions import (
    PREDICTIONS,
    check_predictions,
    probability_columns,
    read_predictions,
)
from ser.reports.revisions import open_revision
from ser.splits.protocols import PROTOCOLS

SYSTEMS, STUDIES = Path("plots/systems"), Path("plots/studies/protocols")
_REVISION = re.compile(r"[A-Za-z0-9_][\w./~^+-]{0,99}", re.ASCII)


@dataclass(frozen=True)
class System:
    """A result that can be browsed.

    Attributes:
        mark: of its protocol; empty where there is none.
        heard: corpora whose clips are on this disk.
    """

    name: str
    protocol: str
    mark: str
    emotions: list[str]
    corpora: list[str]
    heard: list[str]
    clips: int
    seeds: int


@dataclass(frozen=True)
class Answered:
    """What a system answered to a clip, over its seeds.

    Attributes:
        answer: the most probable emotion, mean of the calibrated probabilities of all seeds.
        confidence: its probability, and `of_truth` that of the true emotion.
        right: share of the seeds that recognise it.
    """

    clip: str
    corpus: str
    speaker: str
    gender: str
    emotion: str
    answer: str
    confidence: float
    of_truth: float
    right: float


@dataclass(frozen=True)
class SideShown:
    """One side of a comparison; scores in percent."""

    name: str
    revision: str
    protocol: str
    mark: str
    uar: float
    deviation: float | None
    seeds: int
    clips: int


@dataclass(frozen=True)
class Flip:
    """A clip that the two sides recognise with other shares of their seeds."""

    clip: str
    corpus: str
    speaker: str
    emotion: str
    answer_a: str
    answer_b: str
    right_a: float
    right_b: float
    flip: str


@dataclass(frozen=True)
class Compared:
    """Two results side by side.

    Attributes:
        shared: clips that both answered, which alone are compared.
        difference: UAR of b minus UAR of a in percentage points, with its 95 % interval.
        flagged: whether the interval leaves out 0.
        of_trainings: whether a side has one seed, so that trainings are compared, not systems.
    """

    a: SideShown
    b: SideShown
    shared: int
    difference: float
    low: float | None
    high: float | None
    p: float | None
    flagged: bool
    of_trainings: bool
    won: int
    lost: int
    by_emotion: dict[str, tuple[int, int]]
    flips: list[Flip]


def find_tables() -> dict[str, Path]:
    """Tables of predictions in this project, by what they are called: systems first."""
    systems = {path.parent.name: path for path in sorted(SYSTEMS.glob("*/predictions.csv"))}
    studies = sorted(STUDIES.glob("*_predictions.csv"))
    names = {path: path.name.removesuffix("_predictions.csv") for path in studies}
    return {**systems, **{f"studies/{names[path]}": path for path in studies}}


def read_side(name: str, revision: str = "") -> pd.DataFrame:
    """Predictions of a system as they lie here, or as they were at a revision.

    Raises:
        SerError: if there are none, or no such revision.
    """
    path = find_tables().get(name)
    if path is None:
        raise SerError(f"There is no result of {name!r} here.")
    if not revision:
        return _at(path, path.stat().st_mtime_ns)
    if not _REVISION.fullmatch(revision):
        raise SerError(f"{revision!r} is no name of a revision; name a commit, branch or tag.")
    try:
        commit = open_revision(revision).commit
    except ModuleNotFoundError:
        raise SerError("Revisions are read by DVC, which is not installed; install it.") from None
    return _at_commit(path.as_posix(), revision, commit)


@lru_cache(maxsize=16)
def _at(path: Path, _: int) -> pd.DataFrame:
    return read_predictions(path)


@lru_cache(maxsize=16)
def _at_commit(path: str, revision: str, _: str) -> pd.DataFrame:
    text = open_revision(revision).read_text(path)
    return check_predictions(PREDICTIONS.parse(text, path), f"{path} at {revision!r}")


def describe_system(name: str, heard: list[str]) -> System:
    """What can be browsed of a system.

    Args:
        heard: corpora whose clips are on this disk.
    """
    table = read_side(name)
    protocol, mark = _protocol(table)
    corpora = sorted(set(table["corpus"]))
    return System(
        name,
        protocol,
        mark,
        [column.removeprefix("p_") for column in probability_columns(table)],
        corpora,
        [corpus for corpus in corpora if corpus in heard],
        table["clip"].nunique(),
        table["seed"].nunique(),
    )


def _protocol(table: pd.DataFrame) -> tuple[str, str]:
    """Name and mark of the protocol; empty in tables that were made before they had names."""
    names = sorted(set(table["protocol"])) if "protocol" in table else []
    known = [PROTOCOLS[name] for name in names if name in PROTOCOLS]
    return ", ".join(names), "; ".join(one.mark for one in known if one.mark)


def answers_of(name: str) -> list[Answered]:
    """Every clip with a system's answer, the surest mistakes first and the least sure right last.

    Raises:
        SerError: if there are none, or they have no probabilities.
    """
    table = read_side(name)
    columns = probability_columns(table)
    if not columns or "temperature" not in table:
        raise SerError(f"The predictions of {name} have no probabilities; run `dvc repro`.")
    softened = soften(table[columns].to_numpy(np.float64), table["temperature"].to_numpy(float))
    spread = pd.DataFrame(softened, columns=columns).groupby(table["clip"].to_numpy()).mean()
    right = (table["emotion"] == table["predicted"]).groupby(table["clip"]).mean()
    clips = table.drop_duplicates("clip").set_index("clip").loc[spread.index]
    best = spread.to_numpy().argmax(axis=1)
    found = clips.assign(
        answer=[columns[number].removeprefix("p_") for number in best],
        confidence=spread.to_numpy().max(axis=1),
        of_truth=[spread.at[clip, f"p_{clips.at[clip, 'emotion']}"] for clip in spread.index],
        right=right.loc[spread.index],
    )
    found["missed"] = found["answer"] != found["emotion"]
    order = found.reset_index().sort_values(
        ["missed", "confidence", "clip"], ascending=[False, False, True]
    )
    return [
        Answered(
            *(row.clip, row.corpus, row.speaker, row.gender, row.emotion, row.answer),
            *(round(float(value), 4) for value in (row.confidence, row.of_truth, row.right)),
        )
        for row in order.itertuples()
    ]


def compare_sides(a: tuple[str, str], b: tuple[str, str]) -> Compared:
    """Two results, on the clips that both answered.

    Args:
        a, b: system and revision; no revision is what lies here.

    Raises:
        SerError: if one is missing, or they share no clip.
    """
    before, now = read_side(*a), read_side(*b)
    both = set(before["clip"]) & set(now["clip"])
    if not both:
        raise SerError(f"{a[0]} and {b[0]} answered no clip in common; choose others.")
    counts_of = [table["clip"].nunique() for table in (before, now)]
    before, now = (table[table["clip"].isin(both)] for table in (before, now))
    found, changed = compare(before, now), flipped_clips(before, now)
    flipped = changed[changed["flip"] != ""]
    counts = {
        emotion: flipped.loc[flipped["emotion"] == emotion, "flip"]
        for emotion in ordered(flipped["emotion"])
    }
    side_a, side_b = (
        SideShown(*name, *_protocol(table), side.uar, side.deviation, side.seeds, clips)
        for name, table, side, clips in zip(
            (a, b), (before, now), (found.a, found.b), counts_of, strict=True
        )
    )
    return Compared(
        side_a,
        side_b,
        len(both),
        found.difference,
        found.interval.low if found.interval else None,
        found.interval.high if found.interval else None,
        found.p,
        found.flagged,
        found.of_trainings,
        found.won,
        found.lost,
        {name: (int((k == "won").sum()), int((k == "lost").sum())) for name, k in counts.items()},
        list(_flips(changed)),
    )


def _flips(changed: pd.DataFrame) -> Iterator[Flip]:
    for row in changed.itertuples():
        yield Flip(
            row.clip,
            row.clip.partition("/")[0],
            row.speaker,
            row.emotion,
            row.answer_a,
            row.answer_b,
            float(row.right_a),
            float(row.right_b),
            row.flip,
        )
