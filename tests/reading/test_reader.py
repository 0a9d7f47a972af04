"""The one reader: every reading names its purpose, is checked, and is kept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from ser.core.errors import LeakError
from ser.guards.checks import Purpose
from ser.guards.crossings import Crossing
from ser.reading.data import SystemData, clips_only
from ser.reading.normalization import Normalizer
from ser.reading.reader import Reader
from ser.splits.protocols import PROTOCOLS
from tests.builders import (
    CORPUS,
    make_manifest,
    make_system,
    separable_features,
    separable_functionals,
    write_functionals,
)
from tests.conftest import Refused, case
from tests.guards.leaks import LEAKS, SOUND
from tests.reading.conftest import OfProtocol
from tests.reading.test_data import items_of

SPEAKER_NORMALIZED = [
    name for name, each in PROTOCOLS.items() if Crossing.STATISTIC in each.crosses
]
# a role for each purpose
ROLE = {
    Purpose.TRAIN: "train",
    Purpose.STATISTICS: "train",
    Purpose.CHECKPOINT: "validation",
    Purpose.CALIBRATION: "validation",
    Purpose.TEST: "test",
}


def closed(data: SystemData) -> SystemData:
    """The same, where nothing can be read."""
    nowhere = Path("nowhere")
    return replace(data, packs={CORPUS: nowhere}, functional_folders={CORPUS: nowhere})


def test_features_of_every_purpose_come_back_as_they_were_written(tiny: SystemData) -> None:
    features = separable_features(make_manifest())
    for purpose, role in ROLE.items():
        reader, items = Reader(tiny, 1), clips_only(tiny, tiny.with_role(1, role))
        for clip, values in zip(items["item"], reader.features(items, purpose), strict=True):
            assert values.dtype == torch.float32
            assert np.array_equal(values.numpy(), features[clip].astype(np.float32)), clip
        assert reader.uses == {purpose.value: set(items["item"])}


def test_functionals_of_every_purpose_come_back_as_they_were_written(tiny: SystemData) -> None:
    functionals = separable_functionals(make_manifest()).astype(np.float32)
    some = ["mfcc.1.mean", "duration.speech_s"]
    for purpose, role in ROLE.items():
        reader, clips = Reader(tiny, 1), tiny.with_role(1, role)
        found = reader.functionals(clips[::-1], purpose)
        assert found.dtype == np.float64
        assert np.array_equal(found, functionals.loc[clips["clip"][::-1]].to_numpy())
        assert reader.uses == {purpose.value: set(clips["clip"])}
        found = reader.functionals(clips, purpose, some)
        assert np.array_equal(found, functionals.loc[clips["clip"], some].to_numpy())


def test_what_leaks_is_refused_before_anything_is_read(
    of_protocol: OfProtocol, refused: Refused
) -> None:
    for name, protocol in PROTOCOLS.items():
        data = of_protocol(name)
        for leak, reading in LEAKS.items():
            items = items_of(data, reading)
            if items.empty:
                continue
            ways: dict[str, Callable[[Reader], Any]] = {
                "features": lambda reader: reader.features(items, reading.purpose)  # noqa: B023
            }
            if not reading.effect:
                clips = data.clips[data.clips["clip"].isin(items["clip"])]
                ways["functionals"] = lambda reader: reader.functionals(clips, reading.purpose)  # noqa: B023
            for what, read in ways.items():
                with case(f"{name}, {leak}, {what}"):
                    if reading.excuse in protocol.crosses:
                        reader = Reader(data, 0)
                        assert len(read(reader)) == 1
                        assert set(items["item"]) <= reader.uses[reading.purpose.value]
                        continue
                    # the table of functionals is of all clips, and is read as a whole
                    reader = Reader(data if what == "functionals" else closed(data), 0)
                    said = (items["item"].iloc[0], str(reading.purpose), name)
                    with refused(*said, error=LeakError):
                        read(reader)
                    assert reader.uses == {}, "what was refused is noted as read"


def test_a_sound_reading_is_noted_once(tiny: SystemData) -> None:
    for reading in SOUND.values():
        reader, items = Reader(tiny, 0), items_of(tiny, reading)
        reader.features(items, reading.purpose)
        reader.features(items, reading.purpose)
        assert reader.uses == {reading.purpose.value: set(items["item"])}


def test_a_reader_knows_its_own_fold(tiny: SystemData, refused: Refused) -> None:
    tested = tiny.with_role(0, "test")
    Reader(tiny, 0).functionals(tested, Purpose.TEST)
    for other in (1, 2):
        with refused("testing", error=LeakError):
            Reader(tiny, other).features(clips_only(tiny, tested), Purpose.TEST)
        with refused("testing", error=LeakError):
            Reader(tiny, other).functionals(tested, Purpose.TEST)


def test_copies_train_where_their_clip_does(tiny: SystemData, refused: Refused) -> None:
    reader, trains = Reader(tiny, 0), tiny.with_role(0, "train")
    values = reader.functionals(trains, Purpose.TRAIN)
    both = np.concatenate([values, np.repeat(values, 2, axis=0)])
    assert np.array_equal(reader.learned_functionals(trains), both)
    assert reader.uses == {"training": set(trains["clip"])}
    for role in ("validation", "test"):
        with refused(f"role: {role}", "training", error=LeakError):
            reader.learned_functionals(tiny.with_role(0, role))


# Statistics of speakers


def by_speaker(
    data: SystemData, read: Callable[[Reader, pd.DataFrame, Purpose], list[torch.Tensor]]
) -> tuple[Reader, dict[str, torch.Tensor]]:
    """All that is read in the first fold, by the speaker."""
    reader, found = Reader(data, 0), {}
    for purpose in (Purpose.TRAIN, Purpose.CALIBRATION, Purpose.TEST):
        clips = data.with_role(0, ROLE[purpose])
        for who, rows in zip(clips["speaker"], read(reader, clips, purpose), strict=True):
            found.setdefault(who, []).append(rows)
    return reader, {who: torch.cat(rows) for who, rows in found.items()}


def read_features(reader: Reader, clips: pd.DataFrame, purpose: Purpose) -> list[torch.Tensor]:
    items = clips_only(reader.data, clips)
    return reader.normalized(items, purpose, Normalizer.by_speaker())


def read_functionals(reader: Reader, clips: pd.DataFrame, purpose: Purpose) -> list[torch.Tensor]:
    return list(torch.from_numpy(reader.functionals(clips, purpose)).split(1))


def test_each_speaker_is_brought_to_mean_0_and_deviation_1(of_protocol: OfProtocol) -> None:
    """Features and functionals alike: it is one mechanism."""
    for name in SPEAKER_NORMALIZED:
        data = of_protocol(name)
        for read in (read_features, read_functionals):
            reader, found = by_speaker(data, read)
            assert set(found) == set(data.clips["speaker"])
            for who, rows in found.items():
                assert rows.mean(0).abs().max() < 1e-4, f"{name}: mean of {who}"
                assert (rows.std(0) - 1).abs().max() < 1e-3, f"{name}: deviation of {who}"
            tested = set(data.with_role(0, "test")["clip"])
            assert tested <= reader.uses[Purpose.STATISTICS.value], "a use is not noted"


def test_normalising_test_speakers_by_their_clips_is_refused_elsewhere(
    of_protocol: OfProtocol, refused: Refused
) -> None:
    for name in set(PROTOCOLS) - set(SPEAKER_NORMALIZED):
        data = of_protocol(name)
        items = clips_only(data, data.with_role(0, "test"))
        with refused("role: ", "fitting statistics", name, error=LeakError):
            Reader(data, 0).normalized(items, Purpose.TEST, Normalizer.by_speaker())
        # functionals are left as they are
        reader = Reader(data, 0)
        reader.functionals(data.with_role(0, "test"), Purpose.TEST)
        assert set(reader.uses) == {Purpose.TEST.value}


def test_a_speaker_of_one_clip_has_finite_functionals(tmp_path: Path) -> None:
    manifest = make_manifest(speakers=6)
    alone = manifest[(manifest["speaker"] != "01") | (manifest["clip"].str.endswith("happy-1"))]
    data = make_system(tmp_path, alone.reset_index(drop=True), protocol="speaker_normalized")
    found = Reader(data, 0).functionals(data.with_role(0, "test"), Purpose.TEST)
    assert found.shape == (1, 7)
    assert not found.any(), "one clip is its own mean"


def test_other_normalisers_read_no_more_than_is_asked_for(tiny: SystemData) -> None:
    reader = Reader(tiny, 0)
    items = clips_only(tiny, tiny.with_role(0, "test"))
    normalizer = Normalizer("train", torch.zeros(16), torch.full((16,), 2.0))
    normalised = reader.normalized(items, Purpose.TEST, normalizer)
    plain = Reader(tiny, 0).features(items, Purpose.TEST)
    assert all(torch.equal(2 * one, two) for one, two in zip(normalised, plain, strict=True))
    assert reader.uses == {Purpose.TEST.value: set(items["item"])}


# What lies on disk


def test_what_is_damaged_or_lacks_is_a_sentence(
    tiny: SystemData, tmp_path: Path, refused: Refused
) -> None:
    tested = tiny.with_role(0, "test")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(tiny.packs[CORPUS].read_bytes()[:-7])
    with refused(str(damaged), "damaged"):
        broken = replace(tiny, packs={CORPUS: damaged})
        Reader(broken, 0).features(clips_only(tiny, tested), Purpose.TEST)
    functionals = separable_functionals(make_manifest())
    missing = tested["clip"].iloc[2]
    write_functionals(tmp_path / "functionals", functionals.drop(index=missing))
    lacking = replace(tiny, functional_folders={CORPUS: tmp_path / "functionals"})
    with refused(f"Clip {missing} has no functionals", "dvc repro"):
        Reader(lacking, 0).functionals(tested, Purpose.TEST)
