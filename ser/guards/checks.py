"""The guards: a run that would leak stops, and says what crosses where.

Each kind of crossing that the protocol does not declare is refused: speakers, statements, takes and
duplicate audio by the fold table; copies, fitted statistics and the choice of the epoch whenever
features are read, since every reading names its purpose.
"""

from collections.abc import Mapping
from enum import StrEnum

import numpy as np
import pandas as pd

from ser.core.errors import LeakError, SerError
from ser.guards.crossings import Crossing
from ser.guards.folds import ROLES, in_parts
from ser.guards.mismatch import ProtocolMismatchError
from ser.guards.protocol import Protocol


class Purpose(StrEnum):
    """What features are read for."""

    TRAIN = "training"
    STATISTICS = "fitting statistics"
    CHECKPOINT = "watching and choosing the epoch"
    CALIBRATION = "fitting the temperature"
    TEST = "testing"


_ROLE_OF = {
    Purpose.TRAIN: "train",
    Purpose.STATISTICS: "train",
    Purpose.CHECKPOINT: "validation",
    Purpose.CALIBRATION: "validation",
    Purpose.TEST: "test",
}
# by which columns of a manifest clips belong together
_UNITS = {
    Crossing.SPEAKER: ["corpus", "speaker"],
    Crossing.STATEMENT: ["corpus", "sentence"],
    Crossing.AUDIO: ["pcm_sha256"],
    Crossing.TAKE: ["take_group"],
}
# what a protocol has to declare for a purpose to reach beyond its role
_EXCUSE = {Purpose.STATISTICS: Crossing.STATISTIC, Purpose.CHECKPOINT: Crossing.CHECKPOINT}


def check_folds(manifest: pd.DataFrame, folds: pd.DataFrame, protocol: Protocol) -> None:
    """Refuse folds that leak.

    Args:
        manifest: the clips, with a column `take_group` shared by takes that are (nearly) the same.
        folds: their fold table.
        protocol: what it lets cross is not refused.

    Raises:
        LeakError: saying which speaker, statement, recording or clip stands on both sides of which
            fold.
        ProtocolMismatchError: if a fold lacks a role.
        SerError: if a clip is missing, unknown, or not tested exactly once.
    """
    _check_coverage(manifest, folds, protocol)
    check_crossings(manifest, folds, protocol)


def check_crossings(manifest: pd.DataFrame, folds: pd.DataFrame, protocol: Protocol) -> None:
    """Refuse folds in which something stands on two sides that the protocol does not let cross.

    Arguments as for `check_folds`; clips that only train need not be tested.

    Raises:
        LeakError: saying what stands on both sides of which fold.
    """
    units = {
        kind: manifest.groupby(columns, sort=False, observed=True, dropna=False).ngroup().to_numpy()
        for kind, columns in _UNITS.items()
        if kind not in protocol.crosses
    }
    clips = pd.Index(manifest["clip"])
    for part in in_parts(folds):
        places = clips.get_indexer(part["clip"])
        rows, places = part[places >= 0], places[places >= 0]
        for kind, numbers in units.items():
            crossing = _crossing(rows.assign(unit=numbers[places]), kind)
            if not crossing.empty:
                raise _leak(manifest, crossing, kind, protocol)


def _crossing(rows: pd.DataFrame, kind: Crossing) -> pd.DataFrame:
    """One row a side of every unit that stands on several sides of a fold."""
    if kind is Crossing.STATEMENT:
        # validation may share its words with training: no score of the test depends on it
        rows = rows.assign(role=rows["role"].mask(rows["role"] == "validation", "train"))
    sides = rows.drop_duplicates(["fold", "unit", "role"])
    return sides[sides.duplicated(["fold", "unit"], keep=False)]


def _leak(
    manifest: pd.DataFrame, crossing: pd.DataFrame, kind: Crossing, protocol: Protocol
) -> LeakError:
    """What is said of the first that crosses, by fold and clip."""
    crossing = crossing.astype({"clip": str, "role": str}).sort_values(["fold", "clip"])
    clip, fold, unit = crossing.iloc[0][["clip", "fold", "unit"]]
    clips = crossing[(crossing["fold"] == fold) & (crossing["unit"] == unit)].sort_values("role")
    where = " and ".join(f"{row.role} ({row.clip})" for row in clips.itertuples())
    if kind is Crossing.AUDIO:
        what = "one recording under two names"
    else:
        own = manifest.loc[manifest["clip"] == clip, _UNITS[kind]].iloc[0]
        what = f"{kind} {'/'.join(own)}"
    return LeakError(
        f"Fold {fold} leaks: {what} is in {where}, which protocol {protocol.name} does not allow; "
        "correct the folds."
    )


def _check_coverage(manifest: pd.DataFrame, folds: pd.DataFrame, protocol: Protocol) -> None:
    clips, tests = pd.Index(manifest["clip"]), np.zeros(len(manifest), np.int64)
    seen = np.zeros(len(manifest), bool)
    odd: set[str] = set()
    for part in in_parts(folds):
        doubled = part[part.duplicated(["fold", "clip"])]
        if not doubled.empty:
            row = doubled.iloc[0]
            raise LeakError(f"Fold {row['fold']} leaks: clip {row['clip']} has more than one role.")
        places = clips.get_indexer(part["clip"])
        odd.update(part.loc[places < 0, "clip"])
        seen[places[places >= 0]] = True
        np.add.at(tests, places[(places >= 0) & (part["role"] == "test").to_numpy()], 1)
    strange = sorted(set(folds["role"].unique()) - set(ROLES))
    if strange:
        raise SerError(f"The folds hold the unknown role {strange[0]!r}.")
    odd.update(manifest.loc[~seen, "clip"])
    if odd:
        raise SerError(f"Clip {min(odd)} is in the manifest or in the folds, but not in both.")
    if (wrong := np.flatnonzero(tests != 1)).size:
        clip, count = clips[wrong[0]], tests[wrong[0]]
        raise SerError(f"Clip {clip} is tested in {count} folds instead of exactly one.")
    needed = [role for role in ROLES if role != "validation" or protocol.validates]
    for part in in_parts(folds):
        found = set(part[["fold", "role"]].drop_duplicates().itertuples(index=False, name=None))
        for number in part["fold"].unique():
            lacking = [role for role in needed if (number, role) not in found]
            if lacking:
                raise ProtocolMismatchError(
                    f"Fold {number} has no {lacking[0]} clips; choose another protocol."
                )


def check_reading(
    items: pd.DataFrame, roles: Mapping[str, str], purpose: Purpose, protocol: Protocol
) -> None:
    """Refuse a reading of clips or copies that are held out from its purpose.

    Args:
        items: what is about to be read, with columns `item` (clip, or copy of it), `clip` (its
            source) and `effect` (empty for the clip itself).
        roles: role of every clip that takes part in the fold.
        purpose: what it is read for.
        protocol: what it lets cross is not refused.

    Raises:
        LeakError: naming the clip or copy that has no business there, and why.
    """
    _check_origins(items)
    found = [roles.get(clip, "left out") for clip in items["clip"]]
    role = pd.Series(found, items.index, dtype=str)
    is_copy = items["effect"] != ""
    if purpose is Purpose.TRAIN:
        misplaced = role != "train"
        if Crossing.COPY in protocol.crosses:
            misplaced &= ~is_copy
    else:
        allowed = role == _ROLE_OF[purpose]
        if _EXCUSE.get(purpose) in protocol.crosses:
            allowed |= role.isin(ROLES)
        misplaced = ~allowed | is_copy
    if not misplaced.any():
        return
    item, held = items.loc[misplaced, "item"].iloc[0], role[misplaced].iloc[0]
    what = f"augmented copy {item}" if is_copy[misplaced].iloc[0] else f"clip {item}"
    raise LeakError(
        f"A leak: {what} (role: {held}) would be read for {purpose}, which protocol "
        f"{protocol.name} does not allow."
    )


def _check_origins(items: pd.DataFrame) -> None:
    if items.empty:  # where nobody validates, nothing is read for it
        return
    source = items["item"].str.partition("+")
    wrong = items[(source[0] != items["clip"]) | (source[2] != items["effect"])]
    if not wrong.empty:
        row = wrong.iloc[0]
        raise LeakError(f"{row['item']} claims to come from {row['clip']}, but its name differs.")
