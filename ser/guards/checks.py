"""The guards: a run that would leak stops, and says what crosses where.

Each kind of crossing that the protocol does not declare is refused: speakers, statements, takes and
duplicate audio by the fold table; copies, fitted statistics and the choice of the epoch whenever
features are read, since every reading names its purpose.
"""

from collections.abc import Mapping
from enum import StrEnum

import pandas as pd

from ser.clips.manifest import speaker_keys
from ser.core.errors import LeakError, SerError
from ser.guards.crossings import Crossing
from ser.guards.folds import ROLES
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
    units = pd.DataFrame(
        {
            "clip": manifest["clip"],
            Crossing.SPEAKER: speaker_keys(manifest),
            Crossing.STATEMENT: manifest["corpus"] + "/" + manifest["sentence"],
            Crossing.AUDIO: manifest["pcm_sha256"],
            Crossing.TAKE: manifest["take_group"],
        }
    )
    rows = folds.merge(units, on="clip", validate="m:1")
    for kind in (Crossing.SPEAKER, Crossing.STATEMENT, Crossing.AUDIO, Crossing.TAKE):
        if kind not in protocol.crosses:
            _check_unit(rows, kind, protocol)


def _check_unit(rows: pd.DataFrame, kind: Crossing, protocol: Protocol) -> None:
    if kind is Crossing.STATEMENT:
        # validation may share its words with training: no score of the test depends on it
        rows = rows.assign(role=rows["role"].replace("validation", "train"))
    sides = rows.drop_duplicates(["fold", kind, "role"])
    crossing = sides[sides.duplicated(["fold", kind])].sort_values(["fold", kind])
    if crossing.empty:
        return
    fold, unit = crossing.iloc[0][["fold", kind]]
    clips = sides[(sides["fold"] == fold) & (sides[kind] == unit)].sort_values("role")
    where = " and ".join(f"{row.role} ({row.clip})" for row in clips.itertuples())
    what = {Crossing.AUDIO: "one recording under two names"}.get(kind, f"{kind} {unit}")
    raise LeakError(
        f"Fold {fold} leaks: {what} is in {where}, which protocol {protocol.name} does not allow; "
        "correct the folds."
    )


def _check_coverage(manifest: pd.DataFrame, folds: pd.DataFrame, protocol: Protocol) -> None:
    doubled = folds[folds.duplicated(["fold", "clip"])]
    if not doubled.empty:
        row = doubled.iloc[0]
        raise LeakError(f"Fold {row['fold']} leaks: clip {row['clip']} has more than one role.")
    strange = sorted(set(folds["role"]) - set(ROLES))
    if strange:
        raise SerError(f"The folds hold the unknown role {strange[0]!r}.")
    odd = sorted(set(folds["clip"]) ^ set(manifest["clip"]))
    if odd:
        raise SerError(f"Clip {odd[0]} is in the manifest or in the folds, but not in both.")
    tests = folds[folds["role"] == "test"].groupby("clip").size()
    wrong = [clip for clip in manifest["clip"] if tests.get(clip, 0) != 1]
    if wrong:
        count = tests.get(wrong[0], 0)
        raise SerError(f"Clip {wrong[0]} is tested in {count} folds instead of exactly one.")
    for number, fold in folds.groupby("fold"):
        needed = [role for role in ROLES if role != "validation" or protocol.validates]
        lacking = [role for role in needed if role not in set(fold["role"])]
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
    role = items["clip"].map(dict(roles)).fillna("left out")
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
