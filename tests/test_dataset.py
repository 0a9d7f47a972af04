"""What a system reads, and the guards that keep held-out clips and copies out of training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ser.dataset import (
    SystemData,
    check_held_out_items,
    check_training_items,
    clips_only,
    encode,
    load_system,
    read_features,
    with_copies,
)
from ser.errors import LeakError, SerError
from tests.builders import (
    CORPUS,
    make_manifest,
    make_params,
    make_system,
    separable_features,
    tiny_system,
    write_features,
    write_splits,
)


@pytest.fixture
def data(tmp_path: Path) -> SystemData:
    return tiny_system(tmp_path, with_copies=True)


def test_every_clip_has_one_role_in_every_fold(data: SystemData) -> None:
    for fold in data.folds["fold"].unique():
        roles = [
            set(data.with_role(fold, role)["clip"]) for role in ("train", "validation", "test")
        ]
        assert sum(map(len, roles)) == len(data.clips)
        assert set.union(*roles) == set(data.clips["clip"])


def test_speakers_of_a_fold_never_mix(data: SystemData) -> None:
    for fold in data.folds["fold"].unique():
        speakers = [
            set(data.with_role(fold, role)["speaker"]) for role in ("train", "validation", "test")
        ]
        assert all(speakers)
        assert sum(map(len, speakers)) == len(set.union(*speakers))


def test_training_takes_copies_of_training_clips_only(data: SystemData) -> None:
    training = data.with_role(0, "train")
    items = with_copies(data, training)
    assert set(items["clip"]) == set(training["clip"])
    assert len(items) == 2 * len(training), "each clip and its copy"
    check_training_items(items, training)


def test_validation_and_test_take_no_copies(data: SystemData) -> None:
    for role in ("validation", "test"):
        clips = data.with_role(0, role)
        items = clips_only(data, clips)
        assert items["item"].tolist() == clips["clip"].tolist()
        check_held_out_items(items)


@pytest.mark.parametrize("role", ["validation", "test"])
@pytest.mark.parametrize("effect", ["", "noise"])
def test_a_held_out_clip_or_copy_may_not_train(data: SystemData, role: str, effect: str) -> None:
    training = data.with_role(0, "train")
    held_out = data.with_role(0, role).iloc[[0]]
    strange = with_copies(data, held_out)
    items = pd.concat([with_copies(data, training), strange[strange["effect"] == effect]])
    with pytest.raises(LeakError) as caught:
        check_training_items(items, training)
    assert held_out.iloc[0]["clip"] in str(caught.value), "the sentence must name the clip"
    assert ("copy" in str(caught.value)) == bool(effect)


@pytest.mark.parametrize("effect", ["", "noise"])
def test_an_item_that_is_not_made_from_its_source_may_not_train(
    data: SystemData, effect: str
) -> None:
    training, held_out = data.with_role(0, "train"), data.with_role(0, "test").iloc[0]["clip"]
    items = with_copies(data, training)
    name = f"{held_out}+{effect}" if effect else held_out
    row = items[items["effect"] == effect].index[0]
    items.loc[row, "item"] = name
    with pytest.raises(LeakError, match="its name differs") as caught:
        check_training_items(items, training)
    assert name in str(caught.value), "the sentence must name the copy"


def test_a_copy_may_not_be_scored(data: SystemData) -> None:
    items = with_copies(data, data.with_role(0, "test"))
    with pytest.raises(LeakError) as caught:
        check_held_out_items(items)
    assert "+noise" in str(caught.value)


def test_features_come_back_as_they_were_written(tmp_path: Path) -> None:
    manifest = make_manifest()
    features = separable_features(manifest)
    data = make_system(tmp_path, manifest, features)
    items = clips_only(data, data.clips)
    for clip, values in zip(items["item"], read_features(data, items), strict=True):
        assert values.dtype == torch.float32
        assert np.array_equal(values.numpy(), features[clip].astype(np.float32)), clip


def test_a_clip_without_features_is_named(tmp_path: Path) -> None:
    manifest = make_manifest()
    features = separable_features(manifest)
    missing = manifest["clip"][5]
    del features[missing]
    with pytest.raises(SerError, match=f"Clip {missing} has no features in .*run `dvc repro`"):
        make_system(tmp_path, manifest, features)


def test_a_copy_does_not_stand_in_for_its_missing_clip(tmp_path: Path) -> None:
    manifest = make_manifest()
    features = separable_features(manifest)
    missing = manifest["clip"][0]
    copies = {f"{missing}+noise": features.pop(missing)}
    with pytest.raises(SerError, match=f"Clip {missing} has no features"):
        make_system(tmp_path, manifest, features, copies)


def test_folds_that_leak_are_not_loaded(tmp_path: Path) -> None:
    manifest = make_manifest()
    write_splits(manifest, tmp_path / "splits" / CORPUS)
    write_features(tmp_path / "features" / CORPUS, separable_features(manifest))
    folds = tmp_path / "splits" / CORPUS / "folds.csv"
    table = pd.read_csv(folds)
    training = table[(table["fold"] == 0) & (table["role"] == "train")].index[0]
    table.loc[training, "role"] = "validation"
    table.to_csv(folds, index=False)
    params = make_params()
    with pytest.raises(LeakError, match="Fold 0 leaks"):
        load_system(params, params.system("tiny"), tmp_path / "splits", tmp_path / "features")


@pytest.mark.parametrize("gender", ["female", "male"])
def test_a_system_of_one_gender_sees_that_gender_only(tmp_path: Path, gender: str) -> None:
    params = make_params({"systems": {"tiny": {"corpus": CORPUS, "gender": gender}}})
    manifest = make_manifest(speakers=6)
    data = make_system(tmp_path, manifest, separable_features(manifest), params=params)
    assert set(data.clips["gender"]) == {gender}
    assert set(data.folds["clip"]) == set(data.clips["clip"])
    tested = data.folds[data.folds["role"] == "test"]["clip"]
    assert sorted(tested) == data.clips["clip"].tolist(), "each clip is tested once"


def test_a_system_of_all_corpora_reads_each_from_its_own_pack(tmp_path: Path) -> None:
    names = ("synthetic_a", "synthetic_b")
    params = make_params(
        {
            "corpora": {name: {"protocol": "leave_one_speaker_out"} for name in names},
            "systems": {"tiny": {"corpus": ".", "gender": "all"}},
        }
    )
    manifest = {name: make_manifest(corpus=name) for name in names}
    features = {name: separable_features(table, seed=3) for name, table in manifest.items()}
    features["synthetic_b"] = {clip: -values for clip, values in features["synthetic_b"].items()}
    for name in names:
        write_splits(manifest[name], tmp_path / "splits" / name)
        write_features(tmp_path / "features" / name, features[name])
    data = load_system(params, params.system("tiny"), tmp_path / "splits", tmp_path / "features")
    items = clips_only(data, data.clips)
    assert sorted(items["item"]) == sorted(
        [*manifest["synthetic_a"]["clip"], *manifest["synthetic_b"]["clip"]]
    )
    for row, values in zip(items.itertuples(), read_features(data, items), strict=True):
        assert np.array_equal(values.numpy(), features[row.corpus][row.item].astype(np.float32))


def test_targets_are_places_among_the_emotions(data: SystemData) -> None:
    emotions = ("sad", "happy", "neutral")
    items = with_copies(data, data.clips)
    labels = dict(zip(data.clips["clip"], data.clips["emotion"], strict=True))
    targets = encode(data.clips, items, emotions).tolist()
    assert [emotions[i] for i in targets] == [labels[clip] for clip in items["clip"]]


def test_a_damaged_pack_is_a_sentence(data: SystemData, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(data.packs[CORPUS].read_bytes()[:-7])
    broken = replace(data, packs={CORPUS: damaged})
    with pytest.raises(SerError, match="is damaged"):
        read_features(broken, clips_only(broken, broken.clips))
