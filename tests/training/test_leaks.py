"""Whatever is slipped into training, a held-out clip stops it; leaky protocols do what they say."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor

from ser.reading.data import FoldReader, SystemData, clips_only, training_items
from ser.core.errors import LeakError
from ser.models.storage import TrainedModel, model_path, save_model
from ser.guards.crossings import Crossing
from ser.guards.checks import Purpose
from ser.splits.protocols import PROTOCOLS
from ser.training import fold as training
from ser.training.fold import train_fold
from tests.builders import make_params, one_torch_thread, tiny_system

Refused = Callable[..., AbstractContextManager[None]]

HONEST = [name for name, protocol in PROTOCOLS.items() if protocol.kind != "leaky"]
# those that fit a corpus of few speakers
SMALL = [name for name in HONEST if not name.startswith("ravdess_")]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


def system(folder: Path, protocol: str) -> SystemData:
    return tiny_system(folder, with_copies=True, protocol=protocol)


def train(data: SystemData, fold: int = 0) -> TrainedModel:
    return train_fold(make_params(), data, fold, 0)[0]


def items(data: SystemData, role: str, effect: str) -> pd.DataFrame:
    clips = data.with_role(0, role)["clip"]
    return data.index[data.index["clip"].isin(clips) & (data.index["effect"] == effect)]


# What honest protocols refuse


@pytest.mark.parametrize("effect", ["", "noise"])
@pytest.mark.parametrize("role", ["validation", "test"])
@pytest.mark.parametrize("protocol", SMALL)
def test_a_held_out_clip_or_copy_among_those_that_train_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    protocol: str,
    role: str,
    effect: str,
    refused: Refused,
) -> None:
    data = system(tmp_path, protocol)
    train(data)
    odd = items(data, role, effect).iloc[[0]]
    monkeypatch.setattr(
        training, "training_items", lambda data, fold: pd.concat([training_items(data, fold), odd])
    )
    if not effect and Crossing.STATISTIC in data.protocol.crosses:
        monkeypatch.setattr(training, "training_items", lambda data, fold: odd)
    with refused(odd["item"].iloc[0], f"role: {role}", protocol, error=LeakError):
        train(data)


@pytest.mark.parametrize("role", ["validation", "test"])
def test_training_on_everything_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str, refused: Refused
) -> None:
    data = system(tmp_path, "leave_one_speaker_out")
    held_out = items(data, role, "")
    monkeypatch.setattr(training, "training_items", lambda data, fold: data.index)
    with refused("A leak: clip", "role: ", error=LeakError):
        train(data)
    without = data.index[~data.index["clip"].isin(held_out["clip"])]
    monkeypatch.setattr(training, "training_items", lambda data, fold: without)
    other = {"validation": "test", "test": "validation"}[role]
    with refused(f"role: {other}", error=LeakError):
        train(data)


@pytest.mark.parametrize("role", ["validation", "test"])
def test_a_held_out_copy_that_claims_another_source_is_refused(
    tmp_path: Path, role: str, refused: Refused
) -> None:
    data = system(tmp_path, "leave_one_speaker_out")
    training_clip = data.with_role(0, "train")["clip"].iloc[0]
    copy = items(data, role, "noise").iloc[[0]].assign(clip=training_clip)
    rest = data.index[~data.index["item"].isin(copy["item"])]
    leaking = replace(data, index=pd.concat([rest, copy], ignore_index=True))
    with refused(copy["item"].iloc[0], "its name differs", error=LeakError):
        train(leaking)


@pytest.mark.parametrize("protocol", SMALL)
def test_watching_the_test_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str, refused: Refused
) -> None:
    data = system(tmp_path, protocol)
    tested = items(data, "test", "")
    monkeypatch.setattr(training, "clips_only", lambda data, clips: tested)
    with refused("role: test", "watching and choosing the epoch", protocol, error=LeakError):
        train(data)


@pytest.mark.parametrize("protocol", SMALL)
def test_watching_copies_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str, refused: Refused
) -> None:
    data = system(tmp_path, protocol)
    monkeypatch.setattr(
        training,
        "clips_only",
        lambda data, clips: data.index[data.index["clip"].isin(clips["clip"])],
    )
    with refused("augmented copy", "+noise", "watching", error=LeakError):
        train(data)


class _FitsOnAll(FoldReader):
    """Reads all clips of the system where the training clips are asked for."""

    def read(self, items: pd.DataFrame, purpose: Purpose) -> list[Tensor]:
        if purpose is Purpose.STATISTICS:
            items = clips_only(self.data, self.data.clips)
        return super().read(items, purpose)


class _FitsOnCopies(FoldReader):
    """Reads copies too where the mean and scale are fitted."""

    def read(self, items: pd.DataFrame, purpose: Purpose) -> list[Tensor]:
        if purpose is Purpose.STATISTICS:
            items = training_items(self.data, 0)
        return super().read(items, purpose)


@pytest.mark.parametrize("protocol", [*HONEST[:1], "leave_one_statement_out", "leaky_random"])
def test_a_normaliser_of_all_clips_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str, refused: Refused
) -> None:
    data = system(tmp_path, protocol)
    monkeypatch.setattr(training, "FoldReader", _FitsOnAll)
    with refused("clip ", "fitting statistics", protocol, error=LeakError):
        train(data)


def test_a_normaliser_of_copies_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.setattr(training, "FoldReader", _FitsOnCopies)
    with refused("augmented copy", "fitting statistics", error=LeakError):
        train(system(tmp_path, "leave_one_speaker_out"))


# What leaky protocols do


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_model_notes_what_crossed(tmp_path: Path, protocol: str) -> None:
    shape = {"speakers": 24} if protocol.startswith("ravdess_") else {}
    data = tiny_system(tmp_path, with_copies=True, protocol=protocol, **shape)
    uses = train(data).uses
    tested, trained = (set(data.with_role(0, role)["clip"]) for role in ("test", "train"))
    crosses = data.protocol.crosses
    copies = {item for item in uses["training"] if item.partition("+")[0] in tested}
    assert bool(copies) == (Crossing.COPY in crosses)
    assert not uses["training"] & tested, "test clips themselves train"
    beyond = uses["fitting statistics"] - trained
    assert bool(beyond) == (Crossing.STATISTIC in crosses)
    watched = uses["watching and choosing the epoch"]
    held_out = "test" if Crossing.CHECKPOINT in crosses else "validation"
    assert watched == set(data.with_role(0, held_out)["clip"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_models_of_every_protocol_repeat_to_the_byte(tmp_path: Path, protocol: str) -> None:
    shape = {"speakers": 24} if protocol.startswith("ravdess_") else {}
    data = tiny_system(tmp_path, with_copies=True, protocol=protocol, **shape)
    written = []
    for name in ("one", "two"):
        save_model(tmp_path / name, train(data))
        written.append(model_path(tmp_path / name, 0, 0).read_bytes())
    assert written[0] == written[1]
    assert b"fitting statistics" in written[0], "the card does not say what the model is made from"


@pytest.mark.parametrize("protocol", ["leaky_best_epoch_on_test", "leaky_everything"])
def test_the_epoch_best_on_test_is_kept(tmp_path: Path, protocol: str) -> None:
    data = system(tmp_path, protocol)
    changes = {"training.epochs": 12, "training.schedule": "constant"}
    model, history = train_fold(make_params(changes), data, 0, 0)
    assert {row.part for row in history} == {"train", "test"}
    tested = [row for row in history if row.part == "test"]
    best = max(tested, key=lambda row: (row.uar, -row.epoch))
    assert best.epoch < 12, "the last epoch is the best one: this shows nothing"
    shorter = make_params({**changes, "training.epochs": best.epoch})
    alone, _ = train_fold(shorter, data, 0, 0)
    for name, value in model.networks[0].state_dict().items():
        assert torch.equal(value, alone.networks[0].state_dict()[name]), name
    last, _ = train_fold(make_params(changes), system(tmp_path / "other", HONEST[0]), 0, 0)
    assert not torch.equal(last.networks[0].classifier.weight, model.networks[0].classifier.weight)


def test_speaker_normalization_is_the_same_whether_declared_or_not(tmp_path: Path) -> None:
    written = []
    for protocol in ("speaker_normalized", "leaky_undeclared_speaker_normalization"):
        data = system(tmp_path / protocol, protocol)
        models = tmp_path / protocol / "models"
        for fold in data.fold_numbers:
            save_model(models, train(data, fold))
        written.append({path.name: path.read_bytes() for path in sorted(models.iterdir())})
    assert written[0] == written[1]
    assert len(written[0]) == 4


def test_copies_of_held_out_clips_change_the_model(tmp_path: Path) -> None:
    models = [
        train(system(tmp_path / name, name))
        for name in ("leaky_random", "leaky_augment_before_split")
    ]
    weights = [model.networks[0].classifier.weight for model in models]
    assert not torch.equal(*weights), "the copies that crossed were not trained on"
