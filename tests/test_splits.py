"""Protocols, and the guards: each clip is tested once, nobody stands on two sides."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.corpora import find_corpus
from ser.errors import LeakError
from ser.splits import (
    MIXED_FOLDS,
    PROTOCOLS,
    ROLES,
    assign_folds,
    check_folds,
    clips_of,
    leave_one_speaker_out,
    mix_folds,
    ravdess_five_fold,
    read_folds,
    select_gender,
    write_folds,
)

Refused = Callable[..., AbstractContextManager[None]]

# As published: test actors of Luna-Jimenez et al. (2021), validation actors of Krasnoproshin &
# Vashkevich (2026).
PUBLISHED_FOLDS = [
    ([2, 5, 14, 15, 16], [3, 6]),
    ([3, 6, 7, 13, 18], [10, 11]),
    ([10, 11, 12, 19, 20], [8, 17]),
    ([8, 17, 21, 23, 24], [1, 14]),
    ([1, 4, 9, 22], [2, 5]),
]
PROTOCOL_OF = {
    "ravdess": "ravdess_five_fold",
    "emodb": "leave_one_speaker_out",
    "emovo": "leave_one_speaker_out",
}
CLIPS_A_SPEAKER = 3


def manifest_of(corpus: str, genders: dict[str, str]) -> pd.DataFrame:
    """A few clips of every speaker, in no helpful order."""
    rows = [
        {
            "clip": f"{corpus}/{speaker}/{number}",
            "corpus": corpus,
            "speaker": speaker,
            "gender": gender,
            "take_group": f"{corpus}/{speaker}/{number}",
        }
        for number in range(CLIPS_A_SPEAKER)
        for speaker, gender in reversed(genders.items())
    ]
    return pd.DataFrame(rows)


def real_manifest(corpus: str) -> pd.DataFrame:
    return manifest_of(corpus, dict(find_corpus(corpus).expected.genders))


def real_folds(corpus: str) -> pd.DataFrame:
    return assign_folds(real_manifest(corpus), PROTOCOL_OF[corpus])


def speakers(manifest: pd.DataFrame, folds: pd.DataFrame, fold: int, role: str) -> list[str]:
    clips = clips_of(folds, fold, role)
    return sorted(manifest.loc[manifest["clip"].isin(clips), "speaker"].unique())


def check_by_hand(manifest: pd.DataFrame, folds: pd.DataFrame) -> None:
    """What `check_folds` promises, counted in another way."""
    tested = folds.loc[folds["role"] == "test", "clip"]
    assert sorted(tested) == sorted(manifest["clip"]), "a clip is not tested exactly once"
    who = dict(zip(manifest["clip"], manifest["corpus"] + "/" + manifest["speaker"], strict=True))
    for fold in folds["fold"].unique():
        sides = [{who[clip] for clip in clips_of(folds, fold, role)} for role in ROLES]
        assert all(sides), f"fold {fold} lacks a role"
        everyone = set().union(*sides)
        assert sum(map(len, sides)) == len(everyone), f"fold {fold}: a speaker has two roles"
        assert not folds[folds["fold"] == fold].duplicated("clip").any()


@pytest.fixture
def manifest() -> pd.DataFrame:
    genders = {"f1": "female", "m1": "male", "f2": "female", "m2": "male"}
    return manifest_of("toy", dict(sorted(genders.items())))


@pytest.fixture
def folds(manifest: pd.DataFrame) -> pd.DataFrame:
    return assign_folds(manifest, "leave_one_speaker_out")


# Protocols


def test_ravdess_folds_are_the_published_ones() -> None:
    manifest = real_manifest("ravdess")
    folds = assign_folds(manifest, "ravdess_five_fold")
    assert sorted(folds["fold"].unique()) == [0, 1, 2, 3, 4]
    actors = set(range(1, 25))
    for number, (test, validation) in enumerate(PUBLISHED_FOLDS):
        train = sorted(actors - {*test, *validation})
        for role, expected in zip(ROLES, (train, validation, test), strict=True):
            found = speakers(manifest, folds, number, role)
            assert found == [f"{actor:02d}" for actor in expected], f"fold {number}, {role}"


@pytest.mark.parametrize("corpus", PROTOCOL_OF)
def test_each_clip_is_in_every_fold_and_tested_once(corpus: str) -> None:
    manifest, folds = real_manifest(corpus), real_folds(corpus)
    assert (folds.groupby("clip").size() == folds["fold"].nunique()).all()
    check_by_hand(manifest, folds)
    check_folds(manifest, folds)


@pytest.mark.parametrize("corpus", ["emodb", "emovo"])
def test_one_speaker_is_left_out_and_the_next_one_validates(corpus: str) -> None:
    manifest, folds = real_manifest(corpus), real_folds(corpus)
    everyone = sorted(manifest["speaker"].unique())
    assert folds["fold"].nunique() == len(everyone)
    for number, speaker in enumerate(everyone):
        following = everyone[(number + 1) % len(everyone)]
        assert speakers(manifest, folds, number, "test") == [speaker]
        assert speakers(manifest, folds, number, "validation") == [following]


def test_folds_do_not_depend_on_the_order_of_the_manifest(
    manifest: pd.DataFrame, tmp_path: Path
) -> None:
    for name, rows in (("a.csv", manifest), ("b.csv", manifest.sample(frac=1, random_state=1))):
        write_folds(tmp_path / name, assign_folds(rows, "leave_one_speaker_out"))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


@settings(deadline=None, max_examples=25)
@given(st.sets(st.text("abcdefgh0123", min_size=1, max_size=4), min_size=3, max_size=12))
def test_any_three_speakers_can_be_left_out_one_by_one(names: set[str]) -> None:
    manifest = manifest_of("toy", dict.fromkeys(sorted(names), "female"))
    folds = assign_folds(manifest, "leave_one_speaker_out")
    check_by_hand(manifest, folds)
    check_folds(manifest, folds)


def test_a_protocol_that_does_not_fit_is_refused(refused: Refused) -> None:
    with refused("leave_one_speaker_out", "three"):
        leave_one_speaker_out(["a", "b"])
    actors = [f"{actor:02d}" for actor in range(1, 25)]
    assert len(ravdess_five_fold(actors)) == 5
    for some in (actors[:-1], [*actors, "25"], [*actors[:-1], "99"], []):
        with refused("ravdess_five_fold", "24 actors"):
            ravdess_five_fold(some)


def test_an_unknown_protocol_is_named_with_those_known(
    manifest: pd.DataFrame, refused: Refused
) -> None:
    with refused("'random'", *PROTOCOLS):
        assign_folds(manifest, "random")


# The guard


def test_sound_folds_pass(manifest: pd.DataFrame, folds: pd.DataFrame) -> None:
    check_folds(manifest, folds)


def at(folds: pd.DataFrame, fold: int, clip: str) -> pd.Series:
    return (folds["fold"] == fold) & (folds["clip"] == clip)


# In fold 0 speaker f1 tests, f2 validates, m1 and m2 train.


@pytest.mark.parametrize("role", ["train", "test"])
def test_a_speaker_of_validation_on_another_side_is_named(
    manifest: pd.DataFrame, folds: pd.DataFrame, refused: Refused, role: str
) -> None:
    folds.loc[at(folds, 0, "toy/f2/1"), "role"] = role
    if role == "test":
        # tested here instead of in its own fold, so that it is still tested once
        folds.loc[at(folds, 1, "toy/f2/1"), "role"] = "train"
    with refused("Fold 0 leaks", "speaker toy/f2", role, "validation", error=LeakError):
        check_folds(manifest, folds)


@pytest.mark.parametrize("role", ["train", "validation"])
def test_a_tested_speaker_on_another_side_is_named(
    manifest: pd.DataFrame, folds: pd.DataFrame, refused: Refused, role: str
) -> None:
    # clip f1/1 is tested in fold 2 instead, where f1 trains: two crossings, the first is named
    folds.loc[at(folds, 0, "toy/f1/1"), "role"] = role
    folds.loc[at(folds, 2, "toy/f1/1"), "role"] = "test"
    with refused("Fold 0 leaks", "speaker toy/f1", role, "test", error=LeakError):
        check_folds(manifest, folds)


def test_a_speaker_who_crosses_in_the_last_fold_is_named(
    manifest: pd.DataFrame, folds: pd.DataFrame, refused: Refused
) -> None:
    folds.loc[at(folds, 3, "toy/f2/0"), "role"] = "validation"
    with refused("Fold 3 leaks", "speaker toy/f2", "train and validation", error=LeakError):
        check_folds(manifest, folds)


@pytest.mark.parametrize("partner", ["toy/f2/2", "toy/m1/2"])
def test_a_take_on_two_sides_is_named(
    manifest: pd.DataFrame, folds: pd.DataFrame, refused: Refused, partner: str
) -> None:
    # one recording under two speakers' names: no speaker crosses, the take does
    manifest.loc[manifest["clip"] == partner, "take_group"] = "toy/f1/0"
    with refused("leaks", "take toy/f1/0", error=LeakError):
        check_folds(manifest, folds)


def test_takes_of_one_speaker_may_be_the_same(manifest: pd.DataFrame, folds: pd.DataFrame) -> None:
    manifest.loc[manifest["clip"] == "toy/f1/1", "take_group"] = "toy/f1/0"
    check_folds(manifest, folds)


def test_speakers_of_one_name_in_two_corpora_are_two_people(manifest: pd.DataFrame) -> None:
    other = manifest_of("other", {"m1": "male", "m2": "male", "f1": "female", "f2": "female"})
    tables = []
    for rows, shift in ((manifest, 0), (other, 1)):
        table = assign_folds(rows, "leave_one_speaker_out")
        # f1 of one corpus is tested while f1 of the other trains
        tables.append(table.assign(fold=(table["fold"] + shift) % 4))
    check_folds(pd.concat([manifest, other]), pd.concat(tables))


def test_a_clip_with_two_roles_is_named(
    manifest: pd.DataFrame, folds: pd.DataFrame, refused: Refused
) -> None:
    extra = pd.DataFrame({"fold": [0], "clip": ["toy/f1/1"], "role": ["train"]})
    with refused("Fold 0 leaks", "clip toy/f1/1", error=LeakError):
        check_folds(manifest, pd.concat([folds, extra]))


def test_a_clip_that_is_never_tested_is_named(
    manifest: pd.DataFrame, folds: pd.DataFrame, refused: Refused
) -> None:
    with refused("toy/f1/1", "tested in 0 folds"):
        check_folds(manifest, folds[~at(folds, 0, "toy/f1/1")])


def test_a_clip_that_is_tested_twice_is_named(
    manifest: pd.DataFrame, folds: pd.DataFrame, refused: Refused
) -> None:
    again = folds[folds["fold"] == 0].assign(fold=4)
    with refused("toy/f1/", "tested in 2 folds"):
        check_folds(manifest, pd.concat([folds, again]))


def test_a_clip_without_folds_is_named(
    manifest: pd.DataFrame, folds: pd.DataFrame, refused: Refused
) -> None:
    with refused("toy/m2/2", "not in both"):
        check_folds(manifest, folds[folds["clip"] != "toy/m2/2"])
    with refused("toy/m2/2", "not in both"):
        check_folds(manifest[manifest["clip"] != "toy/m2/2"], folds)


def test_an_unknown_role_is_named(
    manifest: pd.DataFrame, folds: pd.DataFrame, refused: Refused
) -> None:
    folds.loc[folds["role"] == "validation", "role"] = "dev"
    with refused("'dev'"):
        check_folds(manifest, folds)


@pytest.mark.parametrize("role", ["train", "validation"])
def test_a_fold_without_a_role_is_named(
    manifest: pd.DataFrame, folds: pd.DataFrame, refused: Refused, role: str
) -> None:
    without = folds[~((folds["fold"] == 2) & (folds["role"] == role))]
    with refused("Fold 2", f"no {role} clips"):
        check_folds(manifest, without)


# Several corpora


@pytest.mark.parametrize(
    "corpora",
    [["ravdess", "emodb"], ["emodb", "emovo"], ["ravdess", "emodb", "emovo"], ["emovo", "ravdess"]],
)
def test_a_mix_tests_every_clip_once_and_nobody_crosses(corpora: list[str]) -> None:
    manifest = pd.concat([real_manifest(name) for name in corpora])
    mixed = mix_folds([real_folds(name) for name in corpora])
    assert sorted(mixed["fold"].unique()) == list(range(MIXED_FOLDS))
    check_by_hand(manifest, mixed)
    check_folds(manifest, mixed)
    assert (mixed.groupby("clip").size() == MIXED_FOLDS).all(), "a clip is missing from a fold"


def test_a_mix_holds_out_whom_the_corpora_hold_out() -> None:
    manifest = pd.concat([real_manifest(name) for name in ("ravdess", "emodb")])
    mixed = mix_folds([real_folds("ravdess"), real_folds("emodb")])
    ravdess, emodb = (manifest[manifest["corpus"] == name] for name in ("ravdess", "emodb"))
    everyone = sorted(emodb["speaker"].unique())
    for number, (test, validation) in enumerate(PUBLISHED_FOLDS):
        found = speakers(ravdess, mixed, number, "test")
        assert found == [f"{actor:02d}" for actor in test]
        found = speakers(ravdess, mixed, number, "validation")
        assert found == [f"{actor:02d}" for actor in validation]
        # folds k and k + 5 of the ten left-out speakers
        assert speakers(emodb, mixed, number, "test") == [everyone[number], everyone[number + 5]]
    # fold 4 tests speakers 4 and 9; 5 and 0 follow them
    assert speakers(emodb, mixed, 4, "validation") == [everyone[0], everyone[5]]


def test_a_speaker_held_out_twice_is_tested() -> None:
    # of six speakers, folds 0 and 5 meet: the sixth is tested, and the first follows the sixth
    manifest = pd.concat([real_manifest("emovo"), real_manifest("emodb")])
    mixed = mix_folds([real_folds("emovo"), real_folds("emodb")])
    emovo = manifest[manifest["corpus"] == "emovo"]
    assert speakers(emovo, mixed, 0, "test") == ["f1", "m3"]
    assert speakers(emovo, mixed, 0, "validation") == ["f2"]


def test_the_mix_of_one_corpus_is_that_corpus(folds: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(mix_folds([folds]), folds)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(3, 14), min_size=2, max_size=3))
def test_mixes_of_corpora_of_any_size_do_not_leak(sizes: list[int]) -> None:
    manifests = [
        manifest_of(f"c{index}", {f"{n:02d}": "male" for n in range(size)})
        for index, size in enumerate(sizes)
    ]
    tables = [assign_folds(manifest, "leave_one_speaker_out") for manifest in manifests]
    manifest, mixed = pd.concat(manifests), mix_folds(tables)
    check_by_hand(manifest, mixed)
    check_folds(manifest, mixed)


# One gender


@pytest.mark.parametrize("gender", ["female", "male"])
@pytest.mark.parametrize("corpus", PROTOCOL_OF)
def test_one_gender_keeps_every_role_and_its_clips_once(corpus: str, gender: str) -> None:
    manifest = real_manifest(corpus)
    clips, folds = select_gender(manifest, real_folds(corpus), gender)
    assert set(clips["gender"]) == {gender}
    assert len(clips) == (manifest["gender"] == gender).sum(), "clips of this gender are lost"
    assert set(folds["clip"]) == set(clips["clip"])
    check_by_hand(clips, folds)
    check_folds(clips, folds)


@pytest.mark.parametrize("gender", ["female", "male"])
def test_one_gender_of_ravdess_keeps_the_published_actors(gender: str) -> None:
    clips, folds = select_gender(real_manifest("ravdess"), real_folds("ravdess"), gender)
    odd = gender == "male"
    for number, (test, validation) in enumerate(PUBLISHED_FOLDS):
        for role, actors in (("test", test), ("validation", validation)):
            expected = [f"{actor:02d}" for actor in actors if actor % 2 == odd]
            assert speakers(clips, folds, number, role) == expected, f"fold {number}, {role}"


def test_the_next_speaker_of_the_same_gender_validates() -> None:
    clips, folds = select_gender(real_manifest("emovo"), real_folds("emovo"), "female")
    found = {
        speakers(clips, folds, number, "test")[0]: speakers(clips, folds, number, "validation")
        for number in sorted(folds["fold"].unique())
    }
    assert found == {"f1": ["f2"], "f2": ["f3"], "f3": ["f1"]}


def test_a_tested_speaker_never_validates_for_want_of_another() -> None:
    genders = dict.fromkeys("abcd", "female") | dict.fromkeys("xy", "male")
    manifest = manifest_of("toy", genders)
    # after the last of the tested women, d, comes a: tested as well
    held_out = [({"a", "d"}, "x"), ({"b", "c"}, "x"), ({"x", "y"}, "a")]
    tables = []
    for number, (test, validation) in enumerate(held_out):
        roles = dict.fromkeys(test, "test") | {validation: "validation"}
        role = manifest["speaker"].map(roles).fillna("train")
        tables.append(pd.DataFrame({"fold": number, "clip": manifest["clip"], "role": role}))
    clips, folds = select_gender(manifest, pd.concat(tables), "female")
    assert speakers(clips, folds, 0, "validation") == ["b"]
    assert speakers(clips, folds, 1, "validation") == ["d"]
    check_by_hand(clips, folds)


@pytest.mark.parametrize("gender", ["female", "male"])
def test_one_gender_of_a_mix_keeps_every_role(gender: str) -> None:
    manifest = pd.concat([real_manifest(name) for name in PROTOCOL_OF], ignore_index=True)
    mixed = mix_folds([real_folds(name) for name in PROTOCOL_OF])
    clips, folds = select_gender(manifest, mixed, gender)
    check_by_hand(clips, folds)
    check_folds(clips, folds)


def test_all_genders_change_nothing(manifest: pd.DataFrame, folds: pd.DataFrame) -> None:
    clips, kept = select_gender(manifest, folds, "all")
    pd.testing.assert_frame_equal(clips, manifest)
    pd.testing.assert_frame_equal(kept, folds)


def test_two_speakers_of_a_gender_are_too_few(
    manifest: pd.DataFrame, folds: pd.DataFrame, refused: Refused
) -> None:
    clips, kept = select_gender(manifest, folds, "male")
    with refused("no train clips"):
        check_folds(clips, kept)


# Files


def test_a_fold_table_is_read_as_it_was_written(tmp_path: Path, folds: pd.DataFrame) -> None:
    write_folds(tmp_path / "folds.csv", folds.sample(frac=1, random_state=2))
    expected = folds.sort_values(["fold", "clip"], ignore_index=True)
    pd.testing.assert_frame_equal(read_folds(tmp_path / "folds.csv"), expected, check_dtype=False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "missing"),
        (b"", "not a readable CSV"),
        (b"fold,clip,role\nzero,toy/a,test\n", "not a readable CSV"),
        (b"clip,role\ntoy/a,test\n", "lacks the columns fold"),
        (b"fold,clip\n0,toy/a\n", "lacks the columns role"),
        (b"fold,clip,role\n0,\xff\xfe,test\n", "not a readable CSV"),
    ],
    ids=["missing", "empty", "number in words", "no folds", "no roles", "not UTF-8"],
)
def test_a_damaged_fold_table_is_named(
    tmp_path: Path, refused: Refused, content: bytes | None, words: str
) -> None:
    path = tmp_path / "folds.csv"
    if content is not None:
        path.write_bytes(content)
    with refused(str(path), words):
        read_folds(path)
