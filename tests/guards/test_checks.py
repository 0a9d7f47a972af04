"""The guards: of every kind of leak a split is made, and it is stopped by name.

Every protocol meets every kind, and lets through what it declares and nothing else.
"""

import pandas as pd
import pytest

from ser.core.errors import LeakError
from ser.guards.checks import Purpose, check_folds, check_reading
from ser.guards.crossings import Crossing
from ser.guards.mismatch import ProtocolMismatchError
from ser.splits.protocols import PROTOCOLS, assign_folds
from tests.builders import make_manifest
from tests.conftest import Refused, case
from tests.guards.leaks import LEAKS, SOUND, Reading
from tests.splits.manifests import UNITS, fitting_manifest, folds_of, share

HONEST = [name for name, protocol in PROTOCOLS.items() if protocol.kind != "leaky"]


def roles_of(name: str) -> tuple[str, ...]:
    """Roles that clips have under a protocol."""
    return ("train", "validation", "test") if PROTOCOLS[name].validates else ("train", "test")


def clips_with(folds: pd.DataFrame, role: str, fold: int = 0) -> list[str]:
    return sorted(folds.loc[(folds["fold"] == fold) & (folds["role"] == role), "clip"])


def at(folds: pd.DataFrame, fold: int, clip: str) -> pd.Series:
    return (folds["fold"] == fold) & (folds["clip"] == clip)


# What shares a fold: speakers, statements, takes, sound


def damaged(name: str, kind: Crossing, role: str) -> tuple[pd.DataFrame, str, str]:
    """A manifest in which a clip of `role` shares something with one that is tested in fold 0.

    Also the two clips; that which is tested, last.
    """
    manifest, folds = fitting_manifest(name), folds_of(name)
    column = manifest.set_index("clip")[UNITS[kind]]
    other = clips_with(folds, "test")[0]
    clip = next(each for each in clips_with(folds, role) if column[each] != column[other])
    return share(manifest, kind, clip, other), clip, other


@pytest.mark.parametrize("kind", UNITS)
def test_what_two_sides_share_is_refused_unless_declared(kind: Crossing, refused: Refused) -> None:
    for name, protocol in PROTOCOLS.items():
        for role in roles_of(name)[:-1]:
            if (kind, role) == (Crossing.STATEMENT, "validation"):
                continue
            with case(f"{name}, {role}"):
                manifest, clip, other = damaged(name, kind, role)
                if kind in protocol.crosses:
                    check_folds(manifest, folds_of(name), protocol)
                    continue
                unit = manifest.set_index("clip").loc[other, UNITS[kind]]
                what = (kind, unit)
                if kind is Crossing.AUDIO:
                    what = ("one recording under two names",)
                # of those who say the same words, another clip may be the first
                where = [f"{role} ({clip})"] if kind is not Crossing.STATEMENT else ["train ("]
                with refused("Fold 0 leaks", *what, *where, "test (", name, error=LeakError):
                    check_folds(manifest, folds_of(name), protocol)


def test_every_kind_is_refused_by_some_protocol_and_shown_by_another() -> None:
    for kind in Crossing:
        allowed = {name for name, protocol in PROTOCOLS.items() if kind in protocol.crosses}
        assert 0 < len(allowed) < len(PROTOCOLS), kind
        assert kind in UNITS or any(reading.excuse is kind for reading in LEAKS.values()), kind
        if kind in (Crossing.TAKE, Crossing.AUDIO):
            assert not allowed & set(HONEST), "an honest protocol lets recordings cross"
    assert any(reading.excuse is None for reading in LEAKS.values())


def test_a_clip_moved_to_another_side_is_refused(refused: Refused) -> None:
    """As when somebody edits the table: a tested clip changes place with one that is held out."""
    for name in HONEST:
        for role in roles_of(name)[:-1]:
            folds = folds_of(name)
            elsewhere = folds[
                folds["clip"].isin(clips_with(folds, "test")) & (folds["role"] == role)
            ]
            tested, home = elsewhere[["clip", "fold"]].iloc[0]
            folds.loc[at(folds, 0, tested), "role"] = role
            folds.loc[at(folds, home, tested), "role"] = "test"
            said = (" leaks: ", name, "and")
            with case(f"{name}, {role}"), refused(*said, error=LeakError):
                check_folds(fitting_manifest(name), folds, PROTOCOLS[name])


@pytest.mark.parametrize("unit", ["speaker", "statement"])
def test_units_of_one_name_in_two_corpora_are_two(unit: str) -> None:
    name = f"leave_one_{unit}_out"
    manifests, tables = [], []
    for corpus, shift in (("synthetic_a", 0), ("synthetic_b", 1)):
        manifest = make_manifest(corpus=corpus, speakers=4, clips_each=4)
        table = assign_folds(manifest, name)
        # the first of one corpus is tested while the first of the other trains
        tables.append(table.assign(fold=(table["fold"] + shift) % 4))
        manifests.append(manifest.assign(pcm_sha256=manifest["clip"]))
    check_folds(pd.concat(manifests), pd.concat(tables), PROTOCOLS[name])


def test_takes_of_one_speaker_may_be_the_same_where_speakers_are_held_out() -> None:
    for name in ("leave_one_speaker_out", "ravdess_five_fold"):
        manifest = fitting_manifest(name)
        first, second = manifest["clip"][0], manifest["clip"][1]
        assert manifest["speaker"][0] == manifest["speaker"][1]
        for kind in (Crossing.TAKE, Crossing.AUDIO):
            manifest = share(manifest, kind, second, first)
        check_folds(manifest, folds_of(name), PROTOCOLS[name])


def test_validation_may_share_its_words_with_training() -> None:
    name = "leave_one_statement_out"
    manifest, folds = fitting_manifest(name), folds_of(name)
    said = manifest.set_index("clip")["sentence"]
    train, validation = (
        {said[clip] for clip in clips_with(folds, role)} for role in ("train", "validation")
    )
    assert train == validation
    check_folds(manifest, folds, PROTOCOLS[name])


# Coverage: these hold for every protocol, leaky ones too


def test_every_protocol_tests_each_clip_once_and_has_all_its_roles(refused: Refused) -> None:
    for name, protocol in PROTOCOLS.items():
        manifest, folds = fitting_manifest(name), folds_of(name)
        clip, number = clips_with(folds, "test")[0], int(folds["fold"].max())
        with case(name):
            check_folds(manifest, folds, protocol)
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
                dev = folds.assign(role=folds["role"].replace("train", "dev"))
                check_folds(manifest, dev, protocol)
            for role in roles_of(name)[:-1]:
                without = folds[~((folds["fold"] == number) & (folds["role"] == role))]
                with refused(f"Fold {number}", f"no {role} clips", error=ProtocolMismatchError):
                    check_folds(manifest, without, protocol)


# What is read, and for what


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


def test_a_reading_that_leaks_is_refused_unless_declared(refused: Refused) -> None:
    for name, protocol in PROTOCOLS.items():
        for leak, reading in LEAKS.items():
            if reading.role not in roles_of(name):
                continue
            with case(f"{name}, {leak}"):
                if reading.excuse in protocol.crosses:
                    read(name, reading)
                    continue
                what = f"+{reading.effect} " if reading.effect else "clip "
                said = (f"role: {reading.role}", f"for {reading.purpose}", f"protocol {name} ")
                with refused("A leak: ", what, *said, error=LeakError):
                    read(name, reading)


def test_a_sound_reading_passes() -> None:
    for name in PROTOCOLS:
        for reading in SOUND.values():
            if reading.role in roles_of(name):
                read(name, reading)


def test_the_item_that_leaks_is_named(refused: Refused) -> None:
    roles, loso = {"a": "train", "b": "test", "c": "validation"}, PROTOCOLS["leave_one_speaker_out"]
    with refused("clip b (role: test)", "training", error=LeakError):
        check_reading(items(["a", "b"], ""), roles, Purpose.TRAIN, loso)
    with refused("augmented copy c+noise (role: validation)", error=LeakError):
        copies = pd.concat([items(["a"], ""), items(["a", "c"], "noise")])
        check_reading(copies, roles, Purpose.TRAIN, loso)


FALSE_ORIGINS = (
    pd.DataFrame({"item": ["b+noise"], "clip": ["a"], "effect": ["noise"]}),
    pd.DataFrame({"item": ["b"], "clip": ["a"], "effect": [""]}),
    pd.DataFrame({"item": ["b+noise"], "clip": ["b"], "effect": [""]}),
)


def test_strangers_and_false_origins_are_never_read(refused: Refused) -> None:
    for name, protocol in PROTOCOLS.items():
        for purpose in Purpose:
            with case(f"{name}, {purpose}"):
                with refused("clip stranger (role: left out)", str(purpose), error=LeakError):
                    check_reading(items(["stranger"], ""), {"a": "train"}, purpose, protocol)
                for false in FALSE_ORIGINS:
                    with refused(false["item"][0], "its name differs", error=LeakError):
                        check_reading(false, {"a": "train", "b": "test"}, purpose, protocol)
