"""Fold tables: mixing corpora, choosing a gender, reading and writing."""

from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.corpora import find_corpus
from ser.guards.checks import check_folds
from ser.guards.folds import (
    MIXED_FOLDS,
    ROLES,
    hash_folds,
    in_parts,
    mix_folds,
    read_folds,
    select_gender,
)
from ser.guards.mismatch import ProtocolMismatchError
from ser.splits.protocols import PROTOCOLS, assign_folds
from tests.builders import traced, write_folds
from tests.conftest import Refused, case
from tests.splits.manifests import FIVE_FOLDS, check_by_hand, known_folds, known_manifest

REAL = ("ravdess", "emodb", "emovo")
USUAL = "speaker_independent"
# those that a system of several corpora can have: of new speakers with new words, what trains in
# one half of the folds that meet is left out of the other
MIXABLE = [
    name
    for name in PROTOCOLS
    if not name.startswith("ravdess_")
    and name not in ("speaker_and_statement_open", "two_speakers")
]


def manifest_of(corpus: str, genders: dict[str, str]) -> pd.DataFrame:
    """A few clips of every speaker, in no helpful order."""
    rows = [
        {"clip": f"{corpus}/{speaker}/{number}", "speaker": speaker, "gender": gender}
        for number in range(3)
        for speaker, gender in reversed(genders.items())
    ]
    manifest = pd.DataFrame(rows).assign(corpus=corpus, sentence="1", emotion="sad")
    return manifest.assign(take_group=manifest["clip"], pcm_sha256=manifest["clip"])


@cache
def of_speakers(corpus: str) -> pd.DataFrame:
    """A few clips of every speaker of a known corpus; not to be changed."""
    return manifest_of(corpus, dict(find_corpus(corpus).expected.genders))


@cache
def usual_folds(corpus: str) -> pd.DataFrame:
    return assign_folds(of_speakers(corpus), USUAL)


def speakers(manifest: pd.DataFrame, folds: pd.DataFrame, fold: int, role: str) -> list[str]:
    clips = folds.loc[(folds["fold"] == fold) & (folds["role"] == role), "clip"]
    return sorted(manifest.loc[manifest["clip"].isin(clips), "speaker"].unique())


def check(manifest: pd.DataFrame, folds: pd.DataFrame, protocol: str = USUAL) -> None:
    check_folds(manifest, folds, PROTOCOLS[protocol])
    check_by_hand(manifest, folds, PROTOCOLS[protocol].crosses)


@pytest.fixture
def manifest() -> pd.DataFrame:
    return manifest_of("toy", {"f1": "female", "f2": "female", "m1": "male", "m2": "male"})


@pytest.fixture
def folds(manifest: pd.DataFrame) -> pd.DataFrame:
    return assign_folds(manifest, "leave_one_speaker_out")


# Several corpora


def test_a_mix_tests_every_clip_once_and_nobody_crosses() -> None:
    for corpora in (("ravdess", "emodb"), ("emodb", "emovo"), REAL, ("emovo", "ravdess")):
        manifest = pd.concat([of_speakers(name) for name in corpora], ignore_index=True)
        mixed = mix_folds([usual_folds(name) for name in corpora])
        assert sorted(mixed["fold"].unique()) == list(range(MIXED_FOLDS))
        check(manifest, mixed)
        assert (mixed.groupby("clip").size() == MIXED_FOLDS).all(), "a clip is not in every fold"


def test_every_protocol_of_a_mix_keeps_its_promise() -> None:
    corpora = ("emodb", "emovo", "synthetic_a")
    manifest = pd.concat([known_manifest(name) for name in corpora], ignore_index=True)
    for protocol in MIXABLE:
        with case(protocol):
            mixed = mix_folds([known_folds(name, protocol) for name in corpora])
            check(manifest, mixed, protocol)


def test_new_speakers_with_new_words_of_several_corpora_are_refused(refused: Refused) -> None:
    protocol = "speaker_and_statement_open"
    manifests = [known_manifest(name) for name in ("emodb", "emovo")]
    mixed = mix_folds([known_folds(name, protocol) for name in ("emodb", "emovo")])
    with refused("no train clips", "another protocol", error=ProtocolMismatchError):
        check_folds(pd.concat(manifests, ignore_index=True), mixed, PROTOCOLS[protocol])


def test_a_mix_holds_out_whom_the_corpora_hold_out() -> None:
    ravdess, emodb = of_speakers("ravdess"), of_speakers("emodb")
    mixed = mix_folds([usual_folds("ravdess"), usual_folds("emodb")])
    everyone = sorted(emodb["speaker"].unique())
    for number, (test, validation) in enumerate(FIVE_FOLDS):
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
    mixed = mix_folds([usual_folds("emovo"), usual_folds("emodb")])
    emovo = of_speakers("emovo")
    assert speakers(emovo, mixed, 0, "test") == ["f1", "m3"]
    assert speakers(emovo, mixed, 0, "validation") == ["f2"]


def test_a_clip_left_out_of_one_of_the_folds_that_meet_does_not_train() -> None:
    tables = [known_folds(name, "leave_one_statement_out") for name in ("emovo", "emodb")]
    mixed = mix_folds(tables)
    # fold 9 tests n1, whose twin n2 it leaves out; with fold 4, which trains on n2, it becomes 4
    twin = "emovo/f3/tri-f3-n2"
    assert twin not in set(tables[0].loc[tables[0]["fold"] == 9, "clip"])
    row = tables[0][(tables[0]["fold"] == 4) & (tables[0]["clip"] == twin)]
    assert row["role"].tolist() == ["train"]
    assert twin not in set(mixed.loc[mixed["fold"] == 4, "clip"])


def test_the_mix_of_one_corpus_is_that_corpus(folds: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(mix_folds([folds]), folds)


@settings(max_examples=10)
@given(st.lists(st.integers(3, 14), min_size=2, max_size=3))
def test_mixes_of_corpora_of_any_size_do_not_leak(sizes: list[int]) -> None:
    manifests = [
        manifest_of(f"c{index}", {f"{n:02d}": "male" for n in range(size)})
        for index, size in enumerate(sizes)
    ]
    tables = [assign_folds(manifest, "leave_one_speaker_out") for manifest in manifests]
    check(pd.concat(manifests, ignore_index=True), mix_folds(tables))


# One gender


def test_one_gender_keeps_every_role_and_its_clips_once() -> None:
    for corpora in [(name,) for name in REAL] + [REAL]:
        manifest = pd.concat([of_speakers(name) for name in corpora], ignore_index=True)
        mixed = mix_folds([usual_folds(name) for name in corpora])
        for gender in ("female", "male"):
            clips, folds = select_gender(manifest, mixed, gender)
            assert set(clips["gender"]) == {gender}
            assert len(clips) == (manifest["gender"] == gender).sum(), "clips are lost"
            assert set(folds["clip"]) == set(clips["clip"])
            check(clips, folds)


def test_one_gender_keeps_the_promise_of_every_protocol() -> None:
    for corpus in ("emodb", "emovo"):
        manifest = known_manifest(corpus)
        for protocol in [*MIXABLE, "speaker_and_statement_open"]:
            for gender in ("female", "male"):
                with case(f"{corpus}, {protocol}, {gender}"):
                    clips, folds = select_gender(manifest, known_folds(corpus, protocol), gender)
                    check(clips, folds, protocol)


def test_one_gender_of_ravdess_keeps_the_published_actors() -> None:
    for gender in ("female", "male"):
        clips, folds = select_gender(of_speakers("ravdess"), usual_folds("ravdess"), gender)
        odd = gender == "male"
        for number, (test, validation) in enumerate(FIVE_FOLDS):
            for role, actors in (("test", test), ("validation", validation)):
                expected = [f"{actor:02d}" for actor in actors if actor % 2 == odd]
                assert speakers(clips, folds, number, role) == expected, f"fold {number}, {role}"


def test_the_next_speaker_of_the_same_gender_validates() -> None:
    clips, folds = select_gender(of_speakers("emovo"), usual_folds("emovo"), "female")
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
    check(clips, folds)


def test_all_genders_change_nothing(manifest: pd.DataFrame, folds: pd.DataFrame) -> None:
    clips, kept = select_gender(manifest, folds, "all")
    pd.testing.assert_frame_equal(clips, manifest)
    pd.testing.assert_frame_equal(kept, folds)


def test_too_few_speakers_of_a_gender_are_refused(
    manifest: pd.DataFrame, folds: pd.DataFrame, refused: Refused
) -> None:
    clips, kept = select_gender(manifest, folds, "male")
    with refused("no train clips", error=ProtocolMismatchError):
        check_folds(clips, kept, PROTOCOLS["leave_one_speaker_out"])
    with refused("No clip of toy", "female", "params.yaml"):
        select_gender(manifest.assign(gender="male"), folds, "female")


# Files and hashes


def test_a_fold_table_is_read_as_it_was_written(tmp_path: Path, folds: pd.DataFrame) -> None:
    write_folds(tmp_path / "a.csv", folds)
    write_folds(tmp_path / "b.csv", folds.sample(frac=1, random_state=2))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    expected = folds.sort_values(["fold", "clip"], ignore_index=True)
    found = read_folds(tmp_path / "a.csv").astype({"clip": str, "role": str})
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    known = hash_folds(folds)
    assert len(known) == 64
    assert hash_folds(read_folds(tmp_path / "a.csv")) == known
    assert hash_folds(folds.sample(frac=1, random_state=1).assign(more=1)) == known


def test_a_long_fold_table_takes_little_memory(tmp_path: Path) -> None:
    clips = [f"toy/{number:020d}" for number in range(2_000)]
    rows = pd.MultiIndex.from_product([range(50), clips], names=["fold", "clip"])
    write_folds(tmp_path / "folds.csv", rows.to_frame(index=False).assign(role="train"))
    folds, held, _ = traced(lambda: read_folds(tmp_path / "folds.csv"))
    assert len(folds) == 100_000
    assert held / len(folds) < 20, "bytes a row; as texts it is about 100"


@pytest.mark.parametrize("rows", [1, 7, 10_000])
def test_parts_of_a_fold_table_are_whole_folds(
    folds: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr("ser.guards.folds._ROWS", rows)
    parts = list(in_parts(folds))
    assert sum(map(len, parts)) == len(folds)
    numbers = [number for part in parts for number in part["fold"].unique()]
    assert numbers == sorted(folds["fold"].unique()), "a fold is in two parts"
    assert (len(parts) == 1) == (rows >= len(folds))


def test_a_hash_changes_with_every_entry(folds: pd.DataFrame) -> None:
    known = hash_folds(folds)
    row = folds.index[folds["role"] == "train"][0]
    assert hash_folds(folds.drop(index=row)) != known
    for column, other in {"fold": 9, "clip": "toy/other", "role": ROLES[1]}.items():
        changed = folds[column].mask(folds.index == row, other)
        assert hash_folds(folds.assign(**{column: changed})) != known, column


def test_a_damaged_fold_table_is_named(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "folds.csv"
    with refused("The fold table", str(path), "missing"):
        read_folds(path)
    path.write_text("fold,clip,role\nzero,toy/a,test\n")
    with refused("The fold table", str(path), "whole numbers in the column fold"):
        read_folds(path)
    path.write_text("fold,clip\n0,toy/a\n")
    with refused("The fold table", str(path), "lacks the columns role"):
        read_folds(path)
