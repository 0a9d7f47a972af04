"""What stands on both sides: counted here, refused by the guards that our own folds pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ser.core.errors import LeakError
from ser.guards.checks import check_crossings
from ser.guards.crossings import Crossing
from ser.guards.protocol import Protocol
from ser.splits.takes import ALIKE

# one clip under one name; the others are kinds that the guards know
CLIP = "clip"


@dataclass(frozen=True)
class Side:
    """One kind of thing on both sides of the folds.

    Attributes:
        kind: clip, speaker, sentence or recording.
        tested: how many different ones are tested.
        crossing: how many of those train (or validate) in a fold that tests them.
        clips: tested clips, counted in each fold that tests them.
        clips_crossing: those of them whose thing trains.
        leaks: whether a test that this crosses into is too easy, by the guards.
        examples: the first of what crosses, by name.
    """

    kind: str
    tested: int
    crossing: int
    clips: int
    clips_crossing: int
    leaks: bool
    examples: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Of the tested clips, in percent."""
        return 100 * self.clips_crossing / max(1, self.clips)


def count_sides(
    clips: pd.DataFrame, folds: pd.DataFrame, recordings: "pd.Series[str] | None"
) -> dict[str, Side]:
    """What stands on both sides, by kind; only kinds that can be known.

    Args:
        clips: one row a clip with `clip`, `corpus`, `speaker` and `sentence`, empty if unknown.
        folds: who trains, validates and tests. Validation counts as training: the epoch and the
            settings are chosen there.
        recordings: what each clip is a recording of, in the order of `clips`; None if unknown.
    """
    units: dict[str, pd.Series[Any]] = {CLIP: clips["clip"]}
    for kind, column in ((Crossing.SPEAKER, "speaker"), (Crossing.STATEMENT, "sentence")):
        if (clips[column] != "").any():
            whole = clips["corpus"] + "/" + clips[column]
            units[kind] = whole.where(clips[column] != "")
    if recordings is not None:
        units[Crossing.TAKE] = recordings
    sided = folds.assign(role=folds["role"].replace("validation", "train"))
    if not (sided["role"] == "train").any():
        return {}
    refused = _refusals(clips, sided, units)
    return {
        str(kind): _count(
            sided, pd.Series(unit.to_numpy(), index=clips["clip"]), str(kind), refused[str(kind)]
        )
        for kind, unit in units.items()
    }


def _count(sided: pd.DataFrame, unit: "pd.Series[Any]", kind: str, refused: bool) -> Side:
    rows = sided[["fold", "role"]].assign(unit=sided["clip"].map(unit).to_numpy()).dropna()
    tests = rows[rows["role"] == "test"]
    trains = rows.loc[rows["role"] == "train", ["fold", "unit"]].drop_duplicates()
    crossing = tests.merge(trains, on=["fold", "unit"])
    names = [str(name) for name in sorted(crossing["unit"].unique())]
    return Side(
        kind=kind,
        tested=int(tests["unit"].nunique()),
        crossing=len(names),
        clips=len(tests),
        clips_crossing=len(crossing),
        leaks=(bool(names) if kind == CLIP else refused) and kind != Crossing.STATEMENT,
        examples=tuple(names[:3]),
    )


def _refusals(
    clips: pd.DataFrame, sided: pd.DataFrame, units: Mapping[str, "pd.Series[Any]"]
) -> dict[str, bool]:
    """Whether the guards refuse each kind, on folds without roles but training and testing."""

    def known(kind: str) -> "pd.Series[Any]":
        # what is unknown is taken to stand alone: nothing is refused without a reason
        alone = "unknown of " + clips["clip"]
        return units[kind].fillna(alone) if kind in units else alone

    manifest = pd.DataFrame(
        {
            "clip": clips["clip"],
            "corpus": "",
            "speaker": known(Crossing.SPEAKER),
            "sentence": known(Crossing.STATEMENT),
            "pcm_sha256": "of " + clips["clip"],
            "take_group": known(Crossing.TAKE),
        }
    )
    found = {CLIP: False}
    for kind in (Crossing.SPEAKER, Crossing.STATEMENT, Crossing.TAKE):
        everything_else = Protocol("audited", frozenset(Crossing) - {kind}, "leaky")
        try:
            check_crossings(manifest, sided, everything_else)
            found[str(kind)] = False
        except LeakError:
            found[str(kind)] = True
    return found


def group_recordings(clips: "pd.Series[str]", pairs: pd.DataFrame) -> list[str]:
    """For every clip, the first clip of those that are the same recording.

    Args:
        pairs: as `find_pairs` lists them; those that only look alike do not count.
    """
    same = pairs[pairs["what"] != ALIKE]
    place = {clip: number for number, clip in enumerate(clips)}
    ends = [same[column].map(place).to_numpy(dtype=np.int64) for column in ("clip_a", "clip_b")]
    graph = coo_array((np.ones(len(same)), (ends[0], ends[1])), shape=(len(clips), len(clips)))
    _, group = connected_components(graph, directed=False)
    names = clips.to_numpy()
    first = pd.Series(names).groupby(group).transform("first")
    return [str(name) for name in first]
