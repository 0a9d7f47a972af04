"""The guards: of every kind of leak a split is made, and it is stopped by name.

Every protocol meets every kind, and lets through what it declares and nothing else.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cache
from typing import NamedTuple

import pandas as pd
import pytest

from ser.errors import LeakError
from ser.splits.crossings import Crossing
from ser.splits.guards import Purpose, check_folds, check_reading
from ser.splits.mismatch import ProtocolMismatchError
from ser.splits.protocols import PROTOCOLS, Protocol, assign_folds
from tests.builders import make_manifest
from tests.splits.manifests import UNITS, ravdess_like, share

Refused = Callable[..., AbstractContextManager[None]]

HONEST = [name for name, protocol in PROTOCOLS.items() if protocol.kind != "leaky"]


@cache
def _folds_of(name: str) -> pd.DataFrame:
    return assign_folds(ravdess_like(), name)


def folds_of(name: str) -> pd.DataFrame:
    return _folds_of(name).copy()


def clips_with(folds: pd.DataFrame, role: str, fold: int = 0) -> list[str]:
    return sorted(folds.loc[(folds["fold"] == fold) & (folds["role"] == role), "clip"])


def at(folds: pd.DataFrame, fold: int, clip: str) -> pd.Series:
    return (folds["fold"] == fold) & (folds["clip"] == clip)


# What shares a fold: speakers, statements, takes, sound


def damaged(name: str, kind: Crossing, role: str) -> tuple[pd.DataFrame, str, str]:
    """A manifest in which a clip of `role` shares something with one that is tested in fold 0.

    Also the two clips; that which is tested, last.
    """
    manifest, folds = ravdess_like(), folds_of(name)
    column = manifest.set_index("clip")[UNITS[kind]]
    other = clips_with(folds, "test")[0]
    clip = next(each for each in clips_with(folds, role) if column[each] != column[other])
    return share(manifest, kind, clip, other), clip, other


SIDES = [
    (kind, role)
    for kind in UNITS
    for role in ("train", "validation")
    if (kind, role) != (Crossing.STATEMENT, "validation")
]


@pytest.mark.parametrize(("kind", "role"), SIDES)
@pytest.mark.parametrize("name", PROTOCOLS)
def test_what_two_sides_share_is_refused_unless_declared(
    name: str, kind: Crossing, role: str, refused: Refused
) -> None:
    manifest, clip, other = damaged(name, kind, role)
    folds, protocol = folds_of(name), PROTOCOLS[name]
    if kind in protocol.crosses:
        check_folds(manifest, folds, protocol)
        return
    unit = manifest.set_index("clip").loc[other, UNITS[kind]]
    what = "one recording under two names" if kind is Crossing.AUDIO else f"{kind} "
    said = [] if kind is Crossing.AUDIO else [unit]
    names_role = "train" if kind is Crossing.STATEMENT else role
    with refused("Fold 0 leaks", what, *said, f"{names_role} (", "test (", name, error=LeakError):
        check_folds(manifest, folds, protocol)
    if kind is not Crossing.STATEMENT:
        with refused(f"{role} ({clip})", error=LeakError):
            check_folds(manifest, folds, protocol)


@pytest.mark.parametrize("kind", UNITS)
def test_every_kind_is_refused_by_some_protocol_and_allowed_by_another(kind: Crossing) -> None:
    allowed = {name for name, protocol in PROTOCOLS.items() if kind in protocol.crosses}
    assert 0 < len(allowed) < len(PROTOCOLS)
    if kind in (Crossing.TAKE, Crossing.AUDIO):
        assert not allowed & set(HONEST), "an honest protocol lets recordings cross"


@pytest.mark.parametrize("role", ["train", "validation"])
@pytest.mark.parametrize("name", HONEST)
def test_a_clip_moved_to_another_side_is_refused(name: str, role: str, refused: Refused) -> None:
    """As when somebody edits the table: a tested clip changes place with one that is held out."""
    folds = folds_of(name)
    elsewhere = folds[folds["clip"].isin(clips_with(folds, "test")) & (folds["role"] == role)]
    tested, home = elsewhere[["clip", "fold"]].iloc[0]
    folds.loc[at(folds, 0, tested), "role"] = role
    folds.loc[at(folds, home, tested), "role"] = "test"
    with refused(" leaks: ", name, "and", error=LeakError):
        check_folds(ravdess_like(), folds, PROTOCOLS[name])


def test_speakers_of_one_name_in_two_corpora_are_two_people() -> None:
    manifests, tables = [], []
    for corpus, shift in (("synthetic_a", 0), ("synthetic_b", 1)):
        manifest = make_manifest(corpus=corpus)
        table = assign_folds(manifest, "leave_one_speaker_out")
        # 01 of one corpus is tested while 01 of the other trains
        tables.append(table.assign(fold=(table["fold"] + shift) % 4))
        manifests.append(manifest.assign(pcm_sha256=manifest["clip"]))
    loso = PROTOCOLS["leave_one_speaker_out"]
    check_folds(pd.concat(manifests), pd.concat(tables), loso)


def test_statements_of_one_name_in_two_corpora_are_two_statements() -> None:
    manifests, tables = [], []
    for corpus, shift in (("synthetic_a", 0), ("synthetic_b", 1)):
        manifest = make_manifest(corpus=corpus, clips_each=3)
        table = assign_folds(manifest, "leave_one_statement_out")
        tables.append(table.assign(fold=(table["fold"] + shift) % 3))
        manifests.append(manifest.assign(pcm_sha256=manifest["clip"]))
    check_folds(pd.concat(manifests), pd.concat(tables), PROTOCOLS["leave_one_statement_out"])


@pytest.mark.parametrize("name", ["leave_one_speaker_out", "ravdess_five_fold"])
def test_takes_of_one_speaker_may_be_the_same_where_speakers_are_held_out(name: str) -> None:
    manifest = ravdess_like()
    first, second = manifest["clip"][0], manifest["clip"][1]
    assert manifest["speaker"][0] == manifest["speaker"][1]
    for kind in (Crossing.TAKE, Crossing.AUDIO):
        manifest = share(manifest, kind, second, first)
    check_folds(manifest, folds_of(name), PROTOCOLS[name])


def test_validation_may_share_its_words_with_training() -> None:
    manifest = ravdess_like()
    folds = folds_of("leave_one_statement_out")
    said = manifest.set_index("clip")["sentence"]
    train, validation = (
        {said[clip] for clip in clips_with(folds, role)} for role in ("train", "validation")
    )
    assert train == validation
    check_folds(manifest, folds, PROTOCOLS["leave_one_statement_out"])


# Coverage: these hold for every protocol, leaky ones too


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_tests_each_clip_once_and_has_all_roles(name: str, refused: Refused) -> None:
    manifest, folds, protocol = ravdess_like(), folds_of(name), PROTOCOLS[name]
    check_folds(manifest, folds, protocol)
    clip, number = clips_with(folds, "test")[0], int(folds["fold"].max())
    extra = pd.DataFrame({"fold": [0], "clip": [clip], "role": ["train"]})
    with refused("Fold 0 leaks", f"clip {clip}", "more than one role", error=LeakError):
        check_folds(manifest, pd.concat([folds, extra]), protocol)
    with refused(clip, "tested in 0 folds"):
        check_folds(manifest, folds[~at(folds, 0, clip)], protocol)
    again = folds[folds["fold"] == 0].assign(fold=number + 1)
    with refused("tested in 2 folds"):
        check_folds(manifest, pd.concat([folds, again]), protocol)
    with refused(clip, "not in both"):
        check_folds(manifest, folds[folds["clip"] != clip], protocol)
    with refused(clip, "not in both"):
        check_folds(manifest[manifest["clip"] != clip], folds, protocol)
    with refused("unknown role 'dev'"):
        dev = folds.assign(role=folds["role"].replace("validation", "dev"))
        check_folds(manifest, dev, protocol)
    for role in ("train", "validation"):
        without = folds[~((folds["fold"] == number) & (folds["role"] == role))]
        with refused(f"Fold {number}", f"no {role} clips", error=ProtocolMismatchError):
            check_folds(manifest, without, protocol)


# What is read, and for what


class Reading(NamedTuple):
    """A reading that has no business there, unless a protocol declares it."""

    purpose: Purpose
    role: str
    effect: str
    excuse: Crossing | None


LEAKS: Mapping[str, Reading] = {
    "training on a test clip": Reading(Purpose.TRAIN, "test", "", None),
    "training on a validation clip": Reading(Purpose.TRAIN, "validation", "", None),
    "copy of a test clip": Reading(Purpose.TRAIN, "test", "noise", Crossing.COPY),
    "copy of a validation clip": Reading(Purpose.TRAIN, "validation", "noise", Crossing.COPY),
    "statistic of test": Reading(Purpose.STATISTICS, "test", "", Crossing.STATISTIC),
    "statistic of validation": Reading(Purpose.STATISTICS, "validation", "", Crossing.STATISTIC),
    "statistic of a test copy": Reading(Purpose.STATISTICS, "test", "noise", None),
    "epoch chosen by test": Reading(Purpose.CHECKPOINT, "test", "", Crossing.CHECKPOINT),
    "epoch chosen by training": Reading(Purpose.CHECKPOINT, "train", "", Crossing.CHECKPOINT),
    "epoch chosen by a copy": Reading(Purpose.CHECKPOINT, "validation", "noise", None),
    "temperature of test": Reading(Purpose.CALIBRATION, "test", "", None),
    "temperature of training": Reading(Purpose.CALIBRATION, "train", "", None),
    "temperature of a copy": Reading(Purpose.CALIBRATION, "validation", "noise", None),
    "testing a training clip": Reading(Purpose.TEST, "train", "", None),
    "testing a validation clip": Reading(Purpose.TEST, "validation", "", None),
    "testing a copy": Reading(Purpose.TEST, "test", "noise", None),
}
SOUND: Mapping[str, Reading] = {
    "training": Reading(Purpose.TRAIN, "train", "", None),
    "training on a copy": Reading(Purpose.TRAIN, "train", "noise", None),
    "statistic": Reading(Purpose.STATISTICS, "train", "", None),
    "epoch": Reading(Purpose.CHECKPOINT, "validation", "", None),
    "temperature": Reading(Purpose.CALIBRATION, "validation", "", None),
    "testing": Reading(Purpose.TEST, "test", "", None),
}


def items(clips: list[str], effect: str) -> pd.DataFrame:
    names = [f"{clip}+{effect}" if effect else clip for clip in clips]
    return pd.DataFrame({"item": names, "clip": clips, "effect": effect})


def read(name: str, reading: Reading) -> str:
    """Check a reading in which one item has no business there; return it."""
    folds = folds_of(name)
    rows = folds[folds["fold"] == 0]
    roles = dict(zip(rows["clip"], rows["role"], strict=True))
    home = {
        Purpose.CHECKPOINT: "validation",
        Purpose.CALIBRATION: "validation",
        Purpose.TEST: "test",
    }.get(reading.purpose, "train")
    sound = items([clip for clip, role in roles.items() if role == home][:3], "")
    odd = items([clip for clip, role in roles.items() if role == reading.role][-1:], reading.effect)
    check_reading(pd.concat([sound, odd]), roles, reading.purpose, PROTOCOLS[name])
    return str(odd["item"].iloc[0])


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_reading_that_leaks_is_refused_unless_declared(
    name: str, leak: str, refused: Refused
) -> None:
    reading = LEAKS[leak]
    if reading.excuse in PROTOCOLS[name].crosses:
        read(name, reading)
        return
    what = "augmented copy" if reading.effect else "clip"
    with refused(
        f"A leak: {what} ",
        f"+{reading.effect} " if reading.effect else "",
        f"role: {reading.role}",
        f"for {reading.purpose}",
        f"protocol {name} ",
        error=LeakError,
    ):
        read(name, reading)


@pytest.mark.parametrize("leak", SOUND)
@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_sound_reading_passes(name: str, leak: str) -> None:
    read(name, SOUND[leak])


def test_the_item_that_leaks_is_named(refused: Refused) -> None:
    roles = {"a": "train", "b": "test", "c": "validation"}
    with refused("clip b (role: test)", "training", error=LeakError):
        check_reading(items(["a", "b"], ""), roles, Purpose.TRAIN, loso())
    with refused("augmented copy c+noise (role: validation)", error=LeakError):
        copies = pd.concat([items(["a"], ""), items(["a", "c"], "noise")])
        check_reading(copies, roles, Purpose.TRAIN, loso())


def loso() -> Protocol:
    return PROTOCOLS["leave_one_speaker_out"]


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_clip_that_has_no_part_in_the_fold_is_never_read(
    name: str, purpose: Purpose, refused: Refused
) -> None:
    with refused("clip stranger (role: left out)", str(purpose), error=LeakError):
        check_reading(items(["stranger"], ""), {"a": "train"}, purpose, PROTOCOLS[name])


@pytest.mark.parametrize("name", PROTOCOLS)
def test_an_item_that_is_not_made_from_its_source_is_refused(name: str, refused: Refused) -> None:
    roles = {"a": "train", "b": "test"}
    for false in (
        pd.DataFrame({"item": ["b+noise"], "clip": ["a"], "effect": ["noise"]}),
        pd.DataFrame({"item": ["b"], "clip": ["a"], "effect": [""]}),
        pd.DataFrame({"item": ["b+noise"], "clip": ["b"], "effect": [""]}),
    ):
        for purpose in Purpose:
            with refused(false["item"][0], "its name differs", error=LeakError):
                check_reading(false, roles, purpose, PROTOCOLS[name])


@pytest.mark.parametrize("excuse", [None, *Crossing])
def test_every_crossing_has_a_protocol_that_shows_it(excuse: Crossing | None) -> None:
    if excuse is not None:
        assert any(excuse in protocol.crosses for protocol in PROTOCOLS.values())
    assert any(reading.excuse is excuse for reading in LEAKS.values()) or excuse in UNITS
