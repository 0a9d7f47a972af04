"""What a system is made of: its items by fold, and what a model may have come from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ser.clips.manifest import write_manifest
from ser.core.errors import LeakError
from ser.core.files import write_csv
from ser.guards.checks import Purpose
from ser.guards.crossings import Crossing
from ser.guards.folds import ROLES, read_folds
from ser.guards.selection import FOLDS
from ser.reading.data import (
    SystemData,
    at_most,
    check_uses,
    clips_only,
    encode,
    load_system,
    trained_emotions,
    training_items,
)
from ser.reading.reader import Reader
from ser.reading.settings import System
from ser.splits.protocols import PROTOCOLS
from ser.store.features import INDEX, read_index, write_layout
from tests.builders import (
    CORPUS,
    LAYOUT,
    PROTOCOL,
    honest_uses,
    make_manifest,
    make_system,
    separable_features,
    separable_functionals,
    tiny_system,
    write_corpus,
    write_folds,
)
from tests.conftest import Refused, case
from tests.guards.leaks import LEAKS, Reading
from tests.reading.conftest import OfProtocol
from tests.splits.manifests import UNITS, share

COPY_LEAKS = [name for name, each in PROTOCOLS.items() if Crossing.COPY in each.crosses]
TINY = System(corpora=[CORPUS], protocol=PROTOCOL)


def items_of(data: SystemData, reading: Reading) -> pd.DataFrame:
    """An item of the first fold that a reading is about; none if the fold has no such role."""
    clips = data.with_role(0, reading.role)["clip"].iloc[:1]
    return data.index[data.index["clip"].isin(clips) & (data.index["effect"] == reading.effect)]


# Roles and items


def test_every_clip_has_one_role_in_every_fold_and_speakers_never_mix(tiny: SystemData) -> None:
    for fold in tiny.fold_numbers:
        roles = [tiny.with_role(fold, role) for role in ROLES]
        assert sum(map(len, roles)) == len(tiny.clips)
        assert set().union(*(role["clip"] for role in roles)) == set(tiny.clips["clip"])
        speakers = [set(role["speaker"]) for role in roles]
        assert all(speakers)
        assert sum(map(len, speakers)) == len(set.union(*speakers))
        for clips in roles[1:]:
            assert clips_only(tiny, clips)["item"].tolist() == clips["clip"].tolist(), "copies"


def test_training_takes_copies_of_training_clips_only(of_protocol: OfProtocol) -> None:
    for name in PROTOCOLS:
        data = of_protocol(name)
        for fold in data.fold_numbers[:5]:
            with case(f"{name}, fold {fold}"):
                training = data.with_role(fold, "train")
                items = training_items(data, fold)
                # a clip comes before its copies
                assert items["item"].is_monotonic_increasing
                assert items["item"].is_unique
                originals = items[items["effect"] == ""]
                assert originals["clip"].tolist() == training["clip"].tolist()
                if name not in COPY_LEAKS:
                    assert set(items["clip"]) == set(training["clip"])
                    assert len(items) == 2 * len(training), "each clip and its copy"


def test_copies_dealt_by_themselves_cross(of_protocol: OfProtocol) -> None:
    for name in COPY_LEAKS:
        data = of_protocol(name)
        everything = []
        for fold in data.fold_numbers:
            items = training_items(data, fold)
            copies = items[items["effect"] != ""]
            everything.append(copies)
            assert set(copies["clip"].map(data.roles(fold))) == set(ROLES), "copies stay"
            share_kept = len(copies) / len(data.clips)
            assert 0.3 < share_kept < 0.9, f"{share_kept:.0%} of the copies train"
        times = pd.concat(everything)["item"].value_counts()
        assert set(times) == {3}, "a copy is held out from two folds of five, as a clip is"
        assert len(times) == len(data.clips)


def test_targets_are_places_among_the_emotions(tiny: SystemData) -> None:
    emotions = ("sad", "happy")
    labels = dict(zip(tiny.clips["clip"], tiny.clips["emotion"], strict=True))
    targets = encode(tiny.clips, tiny.index, emotions).tolist()
    expected = [labels[clip] for clip in tiny.index["clip"]]
    assert [(*emotions, "neutral")[i] for i in targets] == expected


def test_a_model_answers_what_its_training_clips_show(tiny: SystemData, refused: Refused) -> None:
    def with_emotions(training: list[str]) -> SystemData:
        held = ~tiny.clips["clip"].isin(tiny.with_role(0, "train")["clip"])
        return replace(tiny, clips=tiny.clips[held | tiny.clips["emotion"].isin(training)])

    assert trained_emotions(tiny, 0) == ("neutral", "happy", "sad")
    assert trained_emotions(with_emotions(["sad", "happy"]), 0) == ("happy", "sad")
    with refused("Only sad ", "fold 0", PROTOCOL, "params.yaml"):
        trained_emotions(with_emotions(["sad"]), 0)
    with refused("Only nothing ", "fold 0"):
        trained_emotions(with_emotions([]), 0)


# What a model says it was made from


def test_honest_uses_pass_and_only_in_their_fold(tiny: SystemData, refused: Refused) -> None:
    uses = honest_uses(tiny, 0)
    uses["training"] = set(training_items(tiny, 0)["item"])
    check_uses(tiny, 0, uses)
    for other in tiny.fold_numbers[1:]:
        with refused("A leak", error=LeakError):
            check_uses(tiny, other, uses)


def test_a_model_that_says_it_was_made_from_nothing_is_refused(
    tiny: SystemData, refused: Refused
) -> None:
    honest = honest_uses(tiny, 0)
    without = {purpose: used for purpose, used in honest.items() if purpose != "training"}
    for uses in ({}, {"training": set[str]()}, without, {**honest, "training": set[str]()}):
        with refused("does not say what trained it", "dvc repro"):
            check_uses(tiny, 0, uses)


def test_a_use_that_leaks_is_refused_unless_declared(
    of_protocol: OfProtocol, refused: Refused
) -> None:
    for name, protocol in PROTOCOLS.items():
        data = of_protocol(name)
        for leak, reading in LEAKS.items():
            items = set(items_of(data, reading)["item"])
            if not items:
                continue
            uses = {"training": set(data.with_role(0, "train")["clip"])}
            uses[reading.purpose.value] = uses.get(reading.purpose.value, set()) | items
            with case(f"{name}, {leak}"):
                if reading.excuse in protocol.crosses:
                    check_uses(data, 0, uses)
                    continue
                with refused(*items, str(reading.purpose), name, error=LeakError):
                    check_uses(data, 0, uses)


def test_uses_that_are_unknown_or_gone_are_sentences(tiny: SystemData, refused: Refused) -> None:
    honest = honest_uses(tiny, 0)
    with refused("made from gone/clip", "no features"):
        check_uses(tiny, 0, {"training": {*honest["training"], "gone/clip"}})
    with refused("'guessing'", "dvc repro"):
        check_uses(tiny, 0, {**honest, "guessing": set()})


# Loading


def test_every_clip_has_features_once(tmp_path: Path, refused: Refused) -> None:
    tiny_system(tmp_path, with_copies=True)
    path = tmp_path / "features" / CORPUS
    index = read_index(path)
    own = index[index["effect"] == ""]
    missing, doubled = own["item"].iloc[5], own["item"].iloc[2]
    # a copy does not stand in for its clip
    write_csv(path / INDEX, index[index["item"] != missing])
    with refused(f"Clip {missing} has no features", "dvc repro"):
        load_system(TINY, tmp_path)
    write_csv(path / INDEX, pd.concat([index, index[index["item"] == doubled]]))
    with refused(f"{doubled} has features twice", "dvc repro"):
        load_system(TINY, tmp_path)


def test_corpora_whose_layouts_differ_are_refused(tmp_path: Path, refused: Refused) -> None:
    for corpus in ("here", "there"):
        manifest = make_manifest(corpus=corpus)
        write_corpus(tmp_path, manifest.assign(pcm_sha256=manifest["clip"]))
    both = System(corpora=["here"], helpers=["there"], protocol=PROTOCOL)
    assert load_system(both, tmp_path).layout == LAYOUT
    for change in ({"bands": 8}, {"rows_per_second": 25.0}, {"front_end": "pcen"}):
        write_layout(tmp_path / "features" / "there", replace(LAYOUT, **change))
        with refused("features of there", "as those of here", "dvc repro"):
            load_system(both, tmp_path)


def test_functionals_of_corpora_must_be_the_same(tmp_path: Path, refused: Refused) -> None:
    for corpus in ("here", "there"):
        manifest = make_manifest(corpus=corpus)
        functionals = separable_functionals(manifest)
        if corpus == "there":
            functionals = functionals.rename(columns={"mfcc.0.mean": "mfcc.2.mean"})
        manifest = manifest.assign(pcm_sha256=manifest["clip"])
        write_corpus(tmp_path, manifest, functionals=functionals)
    data = load_system(System(corpora=["here", "there"], protocol=PROTOCOL), tmp_path)
    with refused("functionals in", "there", "not those in", "here", "dvc repro"):
        data.functionals  # noqa: B018
    alone = load_system(TINY.model_copy(update={"corpora": ["here"]}), tmp_path)
    assert alone.functionals["here"].clips.tolist() == alone.clips["clip"].tolist()
    without = load_system(
        TINY.model_copy(update={"corpora": ["here"]}), tmp_path, with_functionals=False
    )
    assert without.functionals == {}


def test_a_protocol_about_copies_asks_for_an_effect(tmp_path: Path, refused: Refused) -> None:
    for name in COPY_LEAKS:
        with refused(f"Protocol {name}", "enable an effect", "params.yaml"):
            tiny_system(tmp_path, with_copies=False, protocol=name)


def test_folds_damaged_by_hand_are_not_loaded(tmp_path: Path, refused: Refused) -> None:
    tiny_system(tmp_path)
    path = tmp_path / "splits" / CORPUS / FOLDS / f"{PROTOCOL}.csv"
    table = read_folds(path)
    training = table[(table["fold"] == 0) & (table["role"] == "train")].index[0]
    table.loc[training, "role"] = "validation"
    write_folds(path, table)
    with refused("Fold 0 leaks: speaker", PROTOCOL, error=LeakError):
        load_system(TINY, tmp_path)


def test_a_manifest_that_shares_across_folds_is_not_loaded(
    tmp_path: Path, refused: Refused
) -> None:
    for name in ("speaker_and_statement_open", "leaky_random"):
        system = System(corpora=[CORPUS], protocol=name)
        data = tiny_system(tmp_path, protocol=name)
        tested, training = (
            str(data.with_role(0, role)["clip"].iloc[0]) for role in ("test", "train")
        )
        for kind in UNITS:
            manifest = share(data.clips, kind, training, tested)
            for gender in ("female", "male"):
                path = tmp_path / "splits" / CORPUS / f"{gender}.csv"
                write_manifest(path, manifest[manifest["gender"] == gender])
            with case(f"{name}, {kind}"):
                if kind in PROTOCOLS[name].crosses:
                    load_system(system, tmp_path)
                    continue
                with refused("Fold 0 leaks", name, error=LeakError):
                    load_system(system, tmp_path)


def test_a_system_of_one_gender_sees_that_gender_only(tmp_path: Path) -> None:
    make_system(tmp_path, make_manifest(speakers=6))
    for gender in ("female", "male"):
        data = load_system(TINY.model_copy(update={"gender": gender}), tmp_path)
        assert set(data.clips["gender"]) == {gender}
        assert set(data.folds["clip"]) == set(data.clips["clip"])
        tested = data.folds[data.folds["role"] == "test"]["clip"]
        assert sorted(tested) == data.clips["clip"].tolist(), "each clip is tested once"


def test_a_system_of_several_corpora_reads_each_from_its_own_pack(tmp_path: Path) -> None:
    features = {}
    for corpus, sign in (("here", 1), ("there", -1)):
        manifest = make_manifest(corpus=corpus)
        own = {clip: sign * rows for clip, rows in separable_features(manifest, seed=3).items()}
        write_corpus(tmp_path, manifest.assign(pcm_sha256=manifest["clip"]), own)
        features |= own
    data = load_system(System(corpora=["here", "there"], protocol=PROTOCOL), tmp_path)
    assert sorted(clips_only(data, data.clips)["item"]) == sorted(features)
    for fold in data.fold_numbers:
        items = clips_only(data, data.with_role(fold, "test"))
        for item, values in zip(
            items["item"], Reader(data, fold).features(items, Purpose.TEST), strict=True
        ):
            assert np.array_equal(values.numpy(), features[item].astype(np.float32)), item


def test_of_too_many_clips_some_of_every_kind_are_drawn() -> None:
    emotions = ["happy"] * 70 + ["sad"] * 20 + ["angry"] * 10
    clips = pd.DataFrame({"clip": map(str, range(100)), "corpus": "one", "emotion": emotions})
    assert at_most(clips, 100) is clips
    drawn = at_most(clips, 45)
    assert drawn["emotion"].value_counts().to_dict() == {"happy": 15, "sad": 15, "angry": 10}
    assert drawn.index.is_monotonic_increasing
    assert at_most(clips, 45).equals(drawn), "the draw differs from time to time"
    assert set(at_most(clips, 2)["emotion"]) == set(emotions), "an emotion is left out"
