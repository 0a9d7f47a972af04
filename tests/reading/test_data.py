"""What a system reads: by fold and purpose, through one reader that checks every reading."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ser.clips.manifest import write_manifest
from ser.reading.data import (
    FoldReader,
    SystemData,
    check_uses,
    clips_only,
    encode,
    load_system,
    training_items,
)
from ser.core.errors import LeakError, SerError
from ser.reading.normalization import Normalizer
from ser.guards.crossings import Crossing
from ser.guards.folds import ROLES, read_folds, write_folds
from ser.guards.checks import Purpose
from ser.splits.protocols import PROTOCOLS
from ser.guards.selection import FOLDS
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
from tests.splits.manifests import UNITS, share
from tests.splits.test_guards import LEAKS, SOUND, Reading

Refused = Callable[..., AbstractContextManager[None]]

COPY_LEAKS = [name for name, each in PROTOCOLS.items() if Crossing.COPY in each.crosses]


@pytest.fixture
def data(tmp_path: Path) -> SystemData:
    return tiny_system(tmp_path, with_copies=True)


@pytest.fixture(scope="module")
def of_protocol(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], SystemData]:
    """A system of few clips, with copies, under any protocol; made once, and not changed."""

    @cache
    def make(name: str) -> SystemData:
        speakers = 24 if name.startswith("ravdess_") else 4
        return tiny_system(tmp_path_factory.mktemp(name), True, name, speakers=speakers)

    return make


def rows_of(data: SystemData, clips: pd.Series, effect: str = "") -> pd.DataFrame:
    return data.index[data.index["clip"].isin(clips) & (data.index["effect"] == effect)]


# Roles and items


def test_every_clip_has_one_role_in_every_fold(data: SystemData) -> None:
    for fold in data.fold_numbers:
        roles = [set(data.with_role(fold, role)["clip"]) for role in ROLES]
        assert sum(map(len, roles)) == len(data.clips)
        assert set.union(*roles) == set(data.clips["clip"])


def test_speakers_of_a_fold_never_mix(data: SystemData) -> None:
    for fold in data.fold_numbers:
        speakers = [set(data.with_role(fold, role)["speaker"]) for role in ROLES]
        assert all(speakers)
        assert sum(map(len, speakers)) == len(set.union(*speakers))


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name not in COPY_LEAKS])
def test_training_takes_copies_of_training_clips_only(
    of_protocol: Callable[[str], SystemData], protocol: str
) -> None:
    data = of_protocol(protocol)
    for fold in data.fold_numbers:
        training = data.with_role(fold, "train")
        items = training_items(data, fold)
        assert set(items["clip"]) == set(training["clip"])
        assert len(items) == 2 * len(training), "each clip and its copy"


@pytest.mark.parametrize("protocol", COPY_LEAKS)
def test_copies_dealt_by_themselves_cross(
    of_protocol: Callable[[str], SystemData], protocol: str
) -> None:
    data = of_protocol(protocol)
    for fold in data.fold_numbers:
        items = training_items(data, fold)
        training = set(data.with_role(fold, "train")["clip"])
        originals, copies = (items[(items["effect"] == "") == each] for each in (True, False))
        assert set(originals["clip"]) == training, "clips themselves must not cross"
        roles = copies["clip"].map(data.roles(fold))
        assert set(roles) == set(ROLES), "copies stay with their clips"
        share_kept = len(copies) / len(data.clips)
        assert 0.3 < share_kept < 0.9, f"{share_kept:.0%} of the copies train"
    everything = pd.concat([training_items(data, fold) for fold in data.fold_numbers])
    times = everything.loc[everything["effect"] != "", "item"].value_counts()
    assert set(times) == {3}, "a copy is held out from two folds of five, as a clip is"
    assert len(times) == len(data.clips)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_clip_comes_before_its_copies(
    of_protocol: Callable[[str], SystemData], protocol: str
) -> None:
    items = training_items(of_protocol(protocol), 0)
    own = items[items["effect"] == ""].drop_duplicates("clip")
    assert items["item"].is_monotonic_increasing
    assert items["item"].is_unique
    first = items.drop_duplicates("clip")
    assert set(first.loc[first["clip"].isin(own["clip"]), "effect"]) == {""}


@pytest.mark.parametrize("role", ["validation", "test"])
def test_validation_and_test_take_no_copies(data: SystemData, role: str) -> None:
    clips = data.with_role(0, role)
    assert clips_only(data, clips)["item"].tolist() == clips["clip"].tolist()


@pytest.mark.parametrize("protocol", COPY_LEAKS)
def test_without_copies_the_leak_of_copies_asks_for_an_effect(
    tmp_path: Path, protocol: str, refused: Refused
) -> None:
    with refused(f"Protocol {protocol}", "enable an effect", "params.yaml"):
        tiny_system(tmp_path, with_copies=False, protocol=protocol)


# The reader


def wrong_items(data: SystemData, reading: Reading) -> pd.DataFrame:
    return rows_of(data, data.with_role(0, reading.role)["clip"].iloc[:1], reading.effect)


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_reading_that_leaks_is_refused_before_a_feature_is_read(
    of_protocol: Callable[[str], SystemData], protocol: str, leak: str, refused: Refused
) -> None:
    data, reading = of_protocol(protocol), LEAKS[leak]
    items = wrong_items(data, reading)
    declared = reading.excuse in data.protocol.crosses
    if declared:
        reader = FoldReader(data, 0)
        assert len(reader.read(items, reading.purpose)) == 1
        assert reader.uses == {reading.purpose.value: set(items["item"])}
        return
    closed = FoldReader(replace(data, packs={CORPUS: Path("nowhere")}), 0)
    with refused(items["item"].iloc[0], str(reading.purpose), protocol, error=LeakError):
        closed.read(items, reading.purpose)
    assert closed.uses == {}, "what was refused is noted as read"


@pytest.mark.parametrize("leak", SOUND)
def test_a_sound_reading_is_noted(data: SystemData, leak: str) -> None:
    reading = SOUND[leak]
    reader, items = FoldReader(data, 0), wrong_items(data, reading)
    reader.read(items, reading.purpose)
    reader.read(items, reading.purpose)
    assert reader.uses == {reading.purpose.value: set(items["item"])}


def test_a_reader_knows_its_own_fold(data: SystemData, refused: Refused) -> None:
    items = clips_only(data, data.with_role(0, "test"))
    FoldReader(data, 0).read(items, Purpose.TEST)
    for other in (1, 2):
        with refused("testing", error=LeakError):
            FoldReader(data, other).read(items, Purpose.TEST)


SPEAKER_NORMALIZED = [
    name for name, each in PROTOCOLS.items() if Crossing.STATISTIC in each.crosses
]


@pytest.mark.parametrize("protocol", SPEAKER_NORMALIZED)
def test_each_speaker_is_brought_to_mean_0_and_deviation_1(
    of_protocol: Callable[[str], SystemData], protocol: str
) -> None:
    data = of_protocol(protocol)
    reader = FoldReader(data, 0)
    tests = data.with_role(0, "test")
    readings = [
        (clips_only(data, data.with_role(0, "train")), Purpose.TRAIN),
        (clips_only(data, tests), Purpose.TEST),
        (clips_only(data, data.with_role(0, "validation")), Purpose.CALIBRATION),
    ]
    found: dict[str, list[torch.Tensor]] = {}
    speaker = dict(zip(data.clips["clip"], data.clips["speaker"], strict=True))
    for items, purpose in readings:
        values = reader.read_normalized(items, purpose, Normalizer.by_speaker())
        for clip, each in zip(items["clip"], values, strict=True):
            found.setdefault(speaker[clip], []).append(each)
    assert set(found) == set(data.clips["speaker"])
    for who, features in found.items():
        rows = torch.cat(features)
        assert torch.allclose(rows.mean(0), torch.zeros(16), atol=1e-4), f"mean of {who}"
        assert torch.allclose(rows.std(0), torch.ones(16), atol=1e-3), f"deviation of {who}"
    assert set(tests["clip"]) <= reader.uses[Purpose.STATISTICS.value], "a use is not noted"


@pytest.mark.parametrize("protocol", ["leave_one_speaker_out", "leaky_random"])
def test_normalising_test_speakers_by_their_clips_is_refused_elsewhere(
    of_protocol: Callable[[str], SystemData], protocol: str, refused: Refused
) -> None:
    data = of_protocol(protocol)
    items = clips_only(data, data.with_role(0, "test"))
    with refused("role: ", "fitting statistics", protocol, error=LeakError):
        FoldReader(data, 0).read_normalized(items, Purpose.TEST, Normalizer.by_speaker())


def test_other_normalisers_read_no_more_than_is_asked_for(data: SystemData) -> None:
    reader = FoldReader(data, 0)
    items = clips_only(data, data.with_role(0, "test"))
    normalizer = Normalizer("train", torch.zeros(16), torch.full((16,), 2.0))
    normalised = reader.read_normalized(items, Purpose.TEST, normalizer)
    plain = FoldReader(data, 0).read(items, Purpose.TEST)
    assert all(torch.equal(2 * one, two) for one, two in zip(normalised, plain, strict=True))
    assert reader.uses == {Purpose.TEST.value: set(items["item"])}


# What a model says it was made from


def honest_uses(data: SystemData) -> dict[str, set[str]]:
    training = set(data.with_role(0, "train")["clip"])
    return {
        "training": set(training_items(data, 0)["item"]),
        "fitting statistics": training,
        "watching and choosing the epoch": set(data.with_role(0, "validation")["clip"]),
    }


def test_honest_uses_pass(data: SystemData) -> None:
    check_uses(data, 0, honest_uses(data))
    check_uses(data, 0, {})


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_use_that_leaks_is_refused_unless_declared(
    of_protocol: Callable[[str], SystemData], protocol: str, leak: str, refused: Refused
) -> None:
    data, reading = of_protocol(protocol), LEAKS[leak]
    item = str(wrong_items(data, reading)["item"].iloc[0])
    uses = {reading.purpose.value: {item}}
    if reading.excuse in data.protocol.crosses:
        check_uses(data, 0, uses)
        return
    with refused(item, str(reading.purpose), protocol, error=LeakError):
        check_uses(data, 0, uses)


def test_a_model_of_one_fold_is_refused_in_another(data: SystemData, refused: Refused) -> None:
    uses = honest_uses(data)
    for other in data.fold_numbers[1:]:
        with refused("A leak", error=LeakError):
            check_uses(data, other, uses)


def test_a_use_of_what_is_gone_is_a_sentence(data: SystemData, refused: Refused) -> None:
    with refused("made from gone/clip", "no features"):
        check_uses(data, 0, {"training": {"gone/clip"}})


def test_an_unknown_use_is_a_sentence(data: SystemData, refused: Refused) -> None:
    with refused("'guessing'", "dvc repro"):
        check_uses(data, 0, {"guessing": set()})


# Features


def read_all(data: SystemData, items: pd.DataFrame) -> list[torch.Tensor]:
    """Features of clips, each read in the fold that tests it."""
    found: dict[str, torch.Tensor] = {}
    for fold in data.fold_numbers:
        tested = items[items["clip"].isin(data.with_role(fold, "test")["clip"])]
        read = FoldReader(data, fold).read(tested, Purpose.TEST)
        found.update(zip(tested["item"], read, strict=True))
    return [found[item] for item in items["item"]]


def test_features_come_back_as_they_were_written(tmp_path: Path) -> None:
    manifest = make_manifest()
    features = separable_features(manifest)
    data = make_system(tmp_path, manifest, features)
    items = clips_only(data, data.clips)
    for clip, values in zip(items["item"], read_all(data, items), strict=True):
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


def load(folder: Path, protocol: str) -> SystemData:
    params = make_params({"systems.tiny.protocol": protocol})
    return load_system(params, params.system("tiny"), folder / "splits", folder / "features")


def test_folds_damaged_by_hand_are_not_loaded(tmp_path: Path, refused: Refused) -> None:
    tiny_system(tmp_path)
    path = tmp_path / "splits" / CORPUS / FOLDS / "leave_one_speaker_out.csv"
    table = read_folds(path)
    training = table[(table["fold"] == 0) & (table["role"] == "train")].index[0]
    table.loc[training, "role"] = "validation"
    write_folds(path, table)
    with refused("Fold 0 leaks: speaker", "leave_one_speaker_out", error=LeakError):
        load(tmp_path, "leave_one_speaker_out")


@pytest.mark.parametrize("kind", UNITS)
@pytest.mark.parametrize("protocol", ["speaker_and_statement_open", "leaky_random"])
def test_a_manifest_that_shares_across_folds_is_not_loaded(
    tmp_path: Path, protocol: str, kind: Crossing, refused: Refused
) -> None:
    data = tiny_system(tmp_path, protocol=protocol)
    tested, training = (str(data.with_role(0, role)["clip"].iloc[0]) for role in ("test", "train"))
    manifest = share(data.clips, kind, training, tested)
    for gender in ("female", "male"):
        path = tmp_path / "splits" / CORPUS / f"{gender}.csv"
        write_manifest(path, manifest[manifest["gender"] == gender])
    if kind in PROTOCOLS[protocol].crosses:
        load(tmp_path, protocol)
        return
    with refused("Fold 0 leaks", protocol, error=LeakError):
        load(tmp_path, protocol)


@pytest.mark.parametrize("gender", ["female", "male"])
def test_a_system_of_one_gender_sees_that_gender_only(tmp_path: Path, gender: str) -> None:
    params = make_params({"systems.tiny.gender": gender})
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
            "corpora": list(names),
            "systems.tiny.corpus": ".",
        }
    )
    manifest = {name: make_manifest(corpus=name) for name in names}
    manifest = {name: table.assign(pcm_sha256=table["clip"]) for name, table in manifest.items()}
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
    for row, values in zip(items.itertuples(), read_all(data, items), strict=True):
        assert np.array_equal(values.numpy(), features[row.corpus][row.item].astype(np.float32))


def test_targets_are_places_among_the_emotions(data: SystemData) -> None:
    emotions = ("sad", "happy", "neutral")
    items = data.index
    labels = dict(zip(data.clips["clip"], data.clips["emotion"], strict=True))
    targets = encode(data.clips, items, emotions).tolist()
    assert [emotions[i] for i in targets] == [labels[clip] for clip in items["clip"]]


def test_a_damaged_pack_is_a_sentence(data: SystemData, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(data.packs[CORPUS].read_bytes()[:-7])
    broken = replace(data, packs={CORPUS: damaged})
    with pytest.raises(SerError, match="is damaged"):
        read_all(broken, clips_only(broken, broken.clips))
