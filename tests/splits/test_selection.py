"""What the split stage writes, and what a system reads of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ser.clips import read_manifest, write_manifest
from ser.errors import LeakError
from ser.splits.folds import hash_folds, read_folds, write_folds
from ser.splits.protocols import PROTOCOLS, assign_folds
from ser.splits.selection import FOLDS, SystemClips, load_clips, split_corpus
from tests import builders
from tests.splits.manifests import UNITS

Refused = Callable[..., AbstractContextManager[None]]

LOSO = "leave_one_speaker_out"
# unknown, so that its folds are not pinned
CORPUS = "toy"


def make_manifest(corpus: str = CORPUS, **shape: Any) -> pd.DataFrame:
    return builders.make_manifest(corpus=corpus, **shape)


def actors() -> pd.DataFrame:
    """As many speakers as RAVDESS has: every protocol fits."""
    return make_manifest(speakers=24)


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    split_corpus(make_manifest(), tmp_path / CORPUS)
    return tmp_path


def load(splits: Path, protocol: str = LOSO, gender: str = "all") -> SystemClips:
    return load_clips(splits, [CORPUS], protocol, gender)


# Writing


def test_every_protocol_that_fits_has_its_table(tmp_path: Path) -> None:
    manifest = make_manifest()
    fitting = split_corpus(manifest, tmp_path / CORPUS)
    assert fitting == [name for name in PROTOCOLS if not name.startswith("ravdess_")]
    written = sorted(path.name for path in (tmp_path / CORPUS / FOLDS).iterdir())
    assert written == sorted(f"{name}.csv" for name in fitting)
    for name in fitting:
        table = read_folds(tmp_path / CORPUS / FOLDS / f"{name}.csv")
        assert hash_folds(table) == hash_folds(assign_folds(manifest, name))


def test_all_protocols_fit_the_actors_of_ravdess(tmp_path: Path) -> None:
    assert split_corpus(actors(), tmp_path / CORPUS) == list(PROTOCOLS)


def test_each_gender_has_its_manifest(splits: Path) -> None:
    manifest = make_manifest()
    for gender in ("female", "male"):
        found = read_manifest(splits / CORPUS / f"{gender}.csv")
        assert set(found["gender"]) == {gender}
        expected = manifest.loc[manifest["gender"] == gender, "clip"]
        assert found["clip"].tolist() == expected.tolist()


def test_splitting_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    manifest = make_manifest()
    split_corpus(manifest, tmp_path / "a")
    split_corpus(manifest.sample(frac=1, random_state=1), tmp_path / "b")
    first, second = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in each}
        for name in ("a", "b")
        for each in [sorted((tmp_path / name).rglob("*.csv"))]
    )
    assert first == second
    assert len(first) > 2


def test_a_corpus_of_one_speaker_is_split_by_what_fits(tmp_path: Path) -> None:
    one = make_manifest(speakers=1, clips_each=5)
    fitting = split_corpus(one, tmp_path / CORPUS)
    assert "leave_one_statement_out" in fitting
    assert LOSO not in fitting
    # of two statements of one speaker, nothing could both train and validate
    two = make_manifest(speakers=1, clips_each=2).assign(emotion="sad")
    assert "leave_one_statement_out" not in split_corpus(two, tmp_path / CORPUS)


def test_a_corpus_that_nothing_fits_is_refused(tmp_path: Path, refused: Refused) -> None:
    few = make_manifest(speakers=2, clips_each=1)
    with refused("No protocol fits toy", "too few"):
        split_corpus(few, tmp_path / CORPUS)
    assert not (tmp_path / CORPUS).exists(), "half a split is left"


def test_a_corpus_whose_take_crosses_speakers_is_not_split(
    tmp_path: Path, refused: Refused
) -> None:
    manifest = make_manifest()
    first, last = manifest["clip"].iloc[0], manifest["clip"].iloc[-1]
    manifest.loc[manifest["clip"] == last, "take_group"] = first
    with refused(f"take {first}", "leaks", error=LeakError):
        split_corpus(manifest, tmp_path / CORPUS)
    assert not (tmp_path / CORPUS).exists(), "half a split is left"


def test_folds_other_than_the_pinned_ones_are_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    pins = {("leave_one_speaker_out", CORPUS): "0" * 64}
    monkeypatch.setattr("ser.splits.pins.read_pins", lambda: pins)
    with refused("protocol leave_one_speaker_out on toy", "pinned"):
        split_corpus(make_manifest(), tmp_path / CORPUS)
    assert not (tmp_path / CORPUS).exists(), "half a split is left"


# Reading


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_was_written_is_read(tmp_path: Path, protocol: str) -> None:
    manifest = actors()
    split_corpus(manifest, tmp_path / CORPUS)
    read = load(tmp_path, protocol)
    assert read.protocol is PROTOCOLS[protocol]
    assert hash_folds(read.folds) == hash_folds(assign_folds(manifest, protocol))
    assert read.clips["clip"].tolist() == sorted(manifest["clip"])
    assert read.fold_numbers == sorted(set(read.folds["fold"]))


def test_roles_are_those_of_the_table(splits: Path) -> None:
    clips = load(splits, "speaker_and_statement_open")
    for fold in clips.fold_numbers:
        rows = clips.folds[clips.folds["fold"] == fold]
        assert clips.roles(fold) == dict(zip(rows["clip"], rows["role"], strict=True))
        for role in ("train", "validation", "test"):
            found = clips.with_role(fold, role)["clip"].tolist()
            assert found == sorted(rows.loc[rows["role"] == role, "clip"])
    assert len(clips.roles(0)) < len(clips.clips), "clips that have no part have a role"


@pytest.mark.parametrize("gender", ["female", "male"])
def test_one_gender_is_read_alone(tmp_path: Path, gender: str) -> None:
    split_corpus(make_manifest(speakers=6), tmp_path / CORPUS)
    found = load(tmp_path, gender=gender)
    assert set(found.clips["gender"]) == {gender}
    assert set(found.folds["clip"]) == set(found.clips["clip"])


def test_several_corpora_are_mixed(tmp_path: Path) -> None:
    names = ["toy", "toy_two"]
    for name in names:
        manifest = make_manifest(corpus=name)
        split_corpus(manifest.assign(pcm_sha256=manifest["clip"]), tmp_path / name)
    found = load_clips(tmp_path, names, LOSO, "all")
    assert set(found.clips["corpus"]) == set(names)
    # speakers 01 of both are two people and are tested together
    assert set(found.with_role(0, "test")["speaker"]) == {"01"}
    assert set(found.with_role(0, "test")["corpus"]) == set(names)


def test_a_recording_in_two_corpora_is_refused(tmp_path: Path, refused: Refused) -> None:
    names = ["toy", "toy_two"]
    for name in names:
        manifest = make_manifest(corpus=name)
        others = manifest["clip"].mask(manifest["clip"].str.endswith("/04/sad-1"), "both")
        speakers = {f"{n:02d}": f"{(n + (name == names[0])) % 4 + 1:02d}" for n in range(1, 5)}
        manifest["speaker"] = manifest["speaker"].map(speakers)
        split_corpus(manifest.assign(pcm_sha256=others), tmp_path / name)
    with refused("one recording under two names", "leaks", error=LeakError):
        load_clips(tmp_path, names, LOSO, "all")


def test_an_unknown_protocol_is_named(splits: Path, refused: Refused) -> None:
    with refused("'random'", *PROTOCOLS):
        load(splits, "random")


def test_a_protocol_that_does_not_fit_is_named_with_those_that_do(
    splits: Path, refused: Refused
) -> None:
    with refused("ravdess_five_fold does not fit toy", LOSO, "params.yaml"):
        load(splits, "ravdess_five_fold")


def test_a_corpus_that_was_not_split_is_a_sentence(tmp_path: Path, refused: Refused) -> None:
    with refused("manifest", "missing", "dvc repro"):
        load(tmp_path)


# Tables damaged by hand


def edit(splits: Path, protocol: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = splits / CORPUS / FOLDS / f"{protocol}.csv"
    write_folds(path, change(read_folds(path)))


def swap(folds: pd.DataFrame) -> pd.DataFrame:
    """One tested clip of fold 0 changes place with a clip that trains there."""
    first = folds[folds["fold"] == 0]
    tested, trained = (first[first["role"] == role].index[0] for role in ("test", "train"))
    clips = folds.loc[[tested, trained], "clip"].tolist()
    changed = folds.copy()
    for clip, role in zip(clips, ("train", "test"), strict=True):
        changed.loc[(folds["fold"] == 0) & (folds["clip"] == clip), "role"] = role
    home = folds[(folds["clip"] == clips[1]) & (folds["role"] == "test")].index
    changed.loc[home, "role"] = "train"
    other = (folds["clip"] == clips[0]) & (folds["fold"] == folds.loc[home[0], "fold"])
    changed.loc[other, "role"] = "test"
    return changed


@pytest.mark.parametrize(
    ("protocol", "unit"),
    [
        (LOSO, "speaker"),
        ("speaker_independent", "speaker"),
        ("speaker_normalized", "speaker"),
        ("leaky_best_epoch_on_test", "speaker"),
        ("leave_one_statement_out", "statement"),
    ],
)
def test_a_table_damaged_by_hand_is_refused(
    splits: Path, protocol: str, unit: str, refused: Refused
) -> None:
    edit(splits, protocol, swap)
    with refused(f"leaks: {unit} {CORPUS}/", protocol, error=LeakError):
        load(splits, protocol)


def test_random_folds_may_be_others(splits: Path) -> None:
    edit(splits, "leaky_random", swap)
    load(splits, "leaky_random")


def test_a_table_under_the_name_of_another_protocol_is_refused(
    splits: Path, refused: Refused
) -> None:
    tables = splits / CORPUS / FOLDS
    (tables / f"{LOSO}.csv").write_bytes((tables / "leaky_random.csv").read_bytes())
    with refused("leaks: speaker", LOSO, error=LeakError):
        load(splits)


@pytest.mark.parametrize("kind", UNITS)
def test_a_manifest_damaged_by_hand_is_refused(splits: Path, kind: str, refused: Refused) -> None:
    protocol = "speaker_and_statement_open"
    folds = load(splits, protocol)
    tested, training = (folds.with_role(0, role).iloc[0] for role in ("test", "train"))
    path = splits / CORPUS / f"{training['gender']}.csv"
    table = read_manifest(path)
    column = UNITS[kind]
    table.loc[table["clip"] == training["clip"], column] = tested[column]
    table.to_csv(path, index=False)
    with refused("Fold 0 leaks", error=LeakError):
        load(splits, protocol)


def test_a_protocol_that_leaves_a_fold_without_training_is_skipped(tmp_path: Path) -> None:
    manifest = make_manifest()
    # only one speaker says the second statement, so nobody is left to train on it
    alone = (manifest["sentence"] == "1") | (manifest["speaker"] == "01")
    fitting = split_corpus(manifest[alone].reset_index(drop=True), tmp_path / CORPUS)
    assert "leave_one_statement_out" not in fitting
    assert LOSO in fitting


# Corpora that only help to train


@pytest.fixture
def helped(splits: Path) -> Path:
    other = make_manifest("other", emotions=("happy", "sad", "angry"))
    # its recordings are its own
    split_corpus(other.assign(pcm_sha256="other " + other["pcm_sha256"]), splits / "other")
    split_corpus(make_manifest(speakers=8), splits / CORPUS)
    return splits


def load_helped(helped: Path, gender: str = "all") -> SystemClips:
    return load_clips(helped, [CORPUS], LOSO, gender, ["other"])


def test_a_helping_corpus_trains_in_every_fold_and_is_never_held_out(helped: Path) -> None:
    chosen = load_helped(helped)
    alone = load(helped)
    assert chosen.fold_numbers == alone.fold_numbers
    for fold in chosen.fold_numbers:
        for role in ("validation", "test"):
            expected = alone.with_role(fold, role)["clip"].tolist()
            assert chosen.with_role(fold, role)["clip"].tolist() == expected
        training = chosen.with_role(fold, "train")
        assert (training["corpus"] == "other").sum() == 16
        own = training.loc[training["corpus"] == CORPUS, "clip"].tolist()
        assert own == alone.with_role(fold, "train")["clip"].tolist()


def test_a_helping_corpus_brings_no_emotions_of_its_own(helped: Path) -> None:
    chosen = load_helped(helped)
    assert set(chosen.clips["emotion"]) == {"neutral", "happy", "sad"}


def test_what_is_tested_is_without_the_helpers(helped: Path) -> None:
    chosen = load_helped(helped)
    assert chosen.tested["clip"].tolist() == load(helped).clips["clip"].tolist()


def test_helpers_of_both_genders_train_a_system_of_one(helped: Path) -> None:
    chosen = load_helped(helped, "female")
    assert set(chosen.tested["gender"]) == {"female"}
    helping = chosen.clips[chosen.clips["corpus"] == "other"]
    assert set(helping["gender"]) == {"female", "male"}


def test_a_recording_that_a_helper_shares_with_a_test_is_refused(
    helped: Path, refused: Refused
) -> None:
    path = helped / "other" / "male.csv"
    stolen = read_manifest(helped / CORPUS / "male.csv").iloc[0]
    table = read_manifest(path)
    first = table["emotion"] == stolen["emotion"]
    if not first.any():
        first = table["emotion"] == "happy"
    table.loc[table[first].index[0], "pcm_sha256"] = stolen["pcm_sha256"]
    write_manifest(path, table)
    with refused("one recording under two names", error=LeakError):
        load_helped(helped)
