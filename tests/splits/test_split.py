"""What the split stage writes: whole and the same every time, or nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ser.clips.manifest import GENDERS, MANIFEST, UNKNOWN, read_manifest, write_manifest
from ser.core.errors import LeakError, SerError
from ser.core.tables import read_json
from ser.guards.folds import hash_folds, read_folds
from ser.guards.protocol import read_protocol
from ser.guards.selection import FOLDS, NOT_FITTING
from ser.splits.protocols import PROTOCOLS, assign_folds, each_fold
from ser.splits.split import split_corpus
from tests import builders
from tests.conftest import Refused
from tests.splits.manifests import no_pairs, pairs_of

LOSO = "leave_one_speaker_out"
# unknown, so that its folds are not pinned
CORPUS = "toy"


def make_manifest(**shape: Any) -> pd.DataFrame:
    return builders.make_manifest(corpus=CORPUS, **shape).drop(columns="take_group")


def split(manifest: pd.DataFrame, out: Path, pairs: pd.DataFrame | None = None) -> list[str]:
    built = out.with_name(f"{out.name}-built")
    write_manifest(built / MANIFEST, manifest)
    return split_corpus(built, no_pairs() if pairs is None else pairs, out)


def test_every_protocol_that_fits_has_its_table_and_others_their_reason(tmp_path: Path) -> None:
    manifest, out = make_manifest(), tmp_path / CORPUS
    fitting = split(manifest, out)
    others = ["ravdess_five_fold", "ravdess_emobox_six_fold", "two_speakers"]
    assert fitting == [name for name in PROTOCOLS if name not in others]
    written = sorted(path.name for path in (out / FOLDS).iterdir())
    assert written == sorted(f"{name}.{end}" for name in fitting for end in ("csv", "json"))
    grouped = manifest.assign(take_group=manifest["clip"])
    for name in fitting:
        table = read_folds(out / FOLDS / f"{name}.csv")
        assert hash_folds(table) == hash_folds(assign_folds(grouped, name))
        assert read_protocol(out / FOLDS / f"{name}.json") == PROTOCOLS[name]
    reasons = read_json(out / NOT_FITTING, "The list of protocols")
    assert sorted(reasons) == sorted(others)
    assert "24 actors" in reasons["ravdess_five_fold"]


def test_each_gender_has_its_manifest_and_so_have_those_not_told(tmp_path: Path) -> None:
    manifest = make_manifest()
    manifest["gender"] = manifest["gender"].mask(manifest["speaker"] == "04", UNKNOWN)
    split(manifest, tmp_path / CORPUS)
    for gender in (*GENDERS, UNKNOWN):
        found = read_manifest(tmp_path / CORPUS / f"{gender}.csv")
        assert set(found["gender"]) == {gender}
        expected = manifest.loc[manifest["gender"] == gender, "clip"]
        assert found["clip"].tolist() == expected.tolist()
        assert found["take_group"].tolist() == found["clip"].tolist()


def test_splitting_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    manifest = make_manifest()
    clips = manifest["clip"].tolist()
    pairs = pairs_of([(clips[0], clips[1])])
    split(manifest, tmp_path / "a", pairs)
    split(manifest.sample(frac=1, random_state=1).sort_values("clip"), tmp_path / "b", pairs)
    first, second = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in sorted((tmp_path / name).rglob("*"))
            if path.is_file()
        }
        for name in ("a", "b")
    )
    assert first == second
    assert len(first) > 20


def test_a_corpus_of_few_speakers_is_split_by_what_fits(tmp_path: Path) -> None:
    one = make_manifest(speakers=1, clips_each=5)
    fitting = split(one, tmp_path / CORPUS)
    assert "leave_one_statement_out" in fitting
    assert LOSO not in fitting
    # of two statements of one speaker, nothing could both train and validate
    two = make_manifest(speakers=1, clips_each=2).assign(emotion="sad")
    assert "leave_one_statement_out" not in split(two, tmp_path / CORPUS)
    assert "two_speakers" in split(make_manifest(speakers=2), tmp_path / CORPUS)


def test_a_protocol_that_leaves_a_fold_without_training_is_left_out(tmp_path: Path) -> None:
    manifest = make_manifest()
    # only one speaker says the second statement, so nobody is left to train on it
    alone = (manifest["sentence"] == "1") | (manifest["speaker"] == "01")
    fitting = split(manifest[alone].reset_index(drop=True), tmp_path / CORPUS)
    assert "leave_one_statement_out" not in fitting
    assert LOSO in fitting


def test_what_cannot_be_split_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    out, manifest = tmp_path / CORPUS, make_manifest()
    with refused("No protocol fits toy", "too few"):
        split(make_manifest(speakers=1, clips_each=1), out)
    first, last = manifest["clip"].iloc[0], manifest["clip"].iloc[-1]
    with refused("different speakers are one recording", first, last, "ser/corpora/toy.py"):
        split(manifest, out, pairs_of([(first, last)]))
    monkeypatch.setattr("ser.splits.pins.read_pins", lambda: {(CORPUS, LOSO): "0" * 64})
    with refused(f"protocol {LOSO} on toy", "pinned"):
        split(manifest, out)
    assert not out.exists(), "half a split is left"


def in_training(one: pd.DataFrame) -> pd.DataFrame:
    return one[one["role"] == "train"][-1:]


FAULTS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "tested in 0 folds": lambda one: one.assign(
        role=one["role"].mask(one.index == one.index[0], "train")
    ),
    "more than one role": lambda one: pd.concat([one, in_training(one)]),
    "not in both": lambda one: pd.concat([one, in_training(one).assign(clip="toy/unknown")]),
    "Fold 0 leaks: speaker": lambda one: one.assign(
        role=one["role"].mask(one.index == in_training(one).index[0], "validation")
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_protocol_is_no_reason_to_leave_it_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused, fault: str
) -> None:
    def faulty(manifest: pd.DataFrame, name: str) -> Iterator[pd.DataFrame]:
        return map(FAULTS[fault], each_fold(manifest, name))

    monkeypatch.setattr("ser.splits.split.each_fold", faulty)
    error = SerError if "tested" in fault or "both" in fault else LeakError
    with refused(fault, error=error):
        split(make_manifest(), tmp_path / CORPUS)


def test_one_recording_under_two_names_is_named_before_anything_is_written(
    tmp_path: Path, refused: Refused
) -> None:
    manifest = make_manifest()
    first, other = (manifest.index[manifest["speaker"] == speaker][0] for speaker in ("01", "03"))
    manifest.loc[other, "pcm_sha256"] = manifest.loc[first, "pcm_sha256"]
    named = (manifest.loc[first, "clip"], manifest.loc[other, "clip"])
    with refused("leaks: one recording under two names", *named, error=LeakError):
        split(manifest, tmp_path / CORPUS)
    assert not (tmp_path / CORPUS).exists()
