"""Whatever is slipped into training, a held-out clip stops it; leaky protocols do what they say."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor

from ser.core.errors import LeakError
from ser.guards.checks import Purpose
from ser.guards.crossings import Crossing
from ser.models.storage import TrainedNetwork, save_network
from ser.reading.data import SystemData, clips_only, training_items
from ser.reading.reader import Reader
from ser.splits.protocols import PROTOCOLS
from ser.training import fold as training
from ser.training.fold import train_fold
from tests.builders import make_manifest, make_recipe, make_system, separable_features
from tests.conftest import Refused

# those that fit a corpus of few speakers, and hold validation clips out
HONEST = [
    name
    for name, protocol in PROTOCOLS.items()
    if protocol.kind != "leaky" and protocol.validates and not name.startswith("ravdess_")
]
LOSO = "leave_one_speaker_out"
# speakers of a small corpus that a protocol fits
SPEAKERS = {"two_speakers": 2, "ravdess_five_fold": 24, "ravdess_emobox_six_fold": 24}
ONE_EPOCH = make_recipe({"training.epochs": 1})
Slip = Callable[[SystemData, int], pd.DataFrame]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], SystemData]:
    """A system of a protocol, with a copy of every clip; made once each. Read only."""
    folder, made = tmp_path_factory.mktemp("leaks"), {}

    def of(protocol: str) -> SystemData:
        if protocol not in made:
            manifest = make_manifest(SPEAKERS.get(protocol, 4))
            features, noisy = (separable_features(manifest, seed=seed) for seed in (0, 1))
            copies = {f"{clip}+noise": values for clip, values in noisy.items()}
            made[protocol] = make_system(
                folder / protocol, manifest, features, copies, protocol=protocol
            )
        return made[protocol]

    return of


def train(data: SystemData, fold: int = 0) -> TrainedNetwork:
    return train_fold(ONE_EPOCH, data, fold, 0)[0]


def items(data: SystemData, role: str, effect: str) -> pd.DataFrame:
    clips = data.with_role(0, role)["clip"]
    return data.index[data.index["clip"].isin(clips) & (data.index["effect"] == effect)]


# What honest protocols refuse


@pytest.mark.parametrize("effect", ["", "noise"], ids=["clip", "copy"])
@pytest.mark.parametrize("role", ["validation", "test"])
@pytest.mark.parametrize("protocol", HONEST)
def test_a_held_out_clip_or_copy_among_those_that_train_is_refused(
    system: Callable[[str], SystemData],
    monkeypatch: pytest.MonkeyPatch,
    protocol: str,
    role: str,
    effect: str,
    refused: Refused,
) -> None:
    data = system(protocol)
    odd = items(data, role, effect).iloc[[0]]
    # where statistics of held-out clips are declared, it is not they that are noticed first
    alone = not effect and Crossing.STATISTIC in data.protocol.crosses
    slipped = odd if alone else pd.concat([training_items(data, 0), odd])
    monkeypatch.setattr(training, "training_items", lambda data, fold: slipped)
    with refused(odd["item"].iloc[0], f"role: {role}", protocol, error=LeakError):
        train(data)


@pytest.mark.parametrize("role", ["validation", "test"])
def test_training_on_all_but_one_role_is_refused(
    tiny: SystemData, monkeypatch: pytest.MonkeyPatch, role: str, refused: Refused
) -> None:
    other = {"validation": "test", "test": "validation"}[role]
    held_out = items(tiny, other, "")["clip"]
    slipped = tiny.index[~tiny.index["clip"].isin(held_out)]
    monkeypatch.setattr(training, "training_items", lambda data, fold: slipped)
    with refused("A leak: clip", f"role: {role}", error=LeakError):
        train(tiny)


@pytest.mark.parametrize("role", ["validation", "test"])
def test_a_held_out_copy_that_claims_another_source_is_refused(
    tiny: SystemData, role: str, refused: Refused
) -> None:
    training_clip = tiny.with_role(0, "train")["clip"].iloc[0]
    copy = items(tiny, role, "noise").iloc[[0]].assign(clip=training_clip)
    rest = tiny.index[~tiny.index["item"].isin(copy["item"])]
    leaking = replace(tiny, index=pd.concat([rest, copy], ignore_index=True))
    with refused(copy["item"].iloc[0], "its name differs", error=LeakError):
        train(leaking)


def with_copies(data: SystemData, clips: pd.DataFrame) -> pd.DataFrame:
    return data.index[data.index["clip"].isin(clips["clip"])]


@pytest.mark.parametrize("protocol", HONEST)
def test_watching_the_test_or_copies_is_refused(
    system: Callable[[str], SystemData],
    monkeypatch: pytest.MonkeyPatch,
    protocol: str,
    refused: Refused,
) -> None:
    data = system(protocol)
    tested = items(data, "test", "")
    watching = "watching and choosing the epoch"
    monkeypatch.setattr(training, "clips_only", lambda data, clips: tested)
    with refused("role: test", watching, protocol, error=LeakError):
        train(data)
    monkeypatch.setattr(training, "clips_only", with_copies)
    with refused("augmented copy", "+noise", watching, error=LeakError):
        train(data)


class Fitting(Reader):
    """Reads what it is told to where the training clips are asked for."""

    def __init__(self, data: SystemData, fold: int, others: Slip) -> None:
        super().__init__(data, fold)
        self.others = others(data, fold)

    def features(self, items: pd.DataFrame, purpose: Purpose) -> list[Tensor]:
        return super().features(self.others if purpose is Purpose.STATISTICS else items, purpose)


def all_clips(data: SystemData, fold: int) -> pd.DataFrame:
    return clips_only(data, data.clips)


@pytest.mark.parametrize(
    ("protocol", "others", "what"),
    [
        (LOSO, all_clips, "clip "),
        ("leave_one_statement_out", all_clips, "clip "),
        ("leaky_random", all_clips, "clip "),
        (LOSO, training_items, "augmented copy"),
    ],
)
def test_a_normaliser_of_other_clips_than_those_that_train_is_refused(
    system: Callable[[str], SystemData],
    monkeypatch: pytest.MonkeyPatch,
    protocol: str,
    others: Slip,
    what: str,
    refused: Refused,
) -> None:
    monkeypatch.setattr(training, "Reader", partial(Fitting, others=others))
    with refused(what, "fitting statistics", protocol, error=LeakError):
        train(system(protocol))


# What protocols do


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_model_notes_what_crossed_and_repeats_to_the_byte(
    system: Callable[[str], SystemData], tmp_path: Path, protocol: str
) -> None:
    data = system(protocol)
    model, again = train(data), train(data)
    for name, each in (("one", model), ("two", again)):
        save_network(tmp_path / name, each)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    tested, trained = (set(data.with_role(0, role)["clip"]) for role in ("test", "train"))
    crosses, uses = data.protocol.crosses, model.uses
    copies = {item for item in uses["training"] if item.partition("+")[0] in tested}
    assert bool(copies) == (Crossing.COPY in crosses)
    assert not uses["training"] & tested, "test clips themselves train"
    beyond = uses["fitting statistics"] - trained
    assert bool(beyond) == (Crossing.STATISTIC in crosses)
    held_out = "test" if Crossing.CHECKPOINT in crosses else "validation"
    watched = set(data.with_role(0, held_out)["clip"])
    assert uses.get("watching and choosing the epoch", set()) == watched
    assert bool(watched) == (data.protocol.validates or held_out == "test")


@pytest.mark.parametrize("protocol", ["leaky_best_epoch_on_test", "leaky_everything"])
def test_the_epoch_best_on_test_is_kept(system: Callable[[str], SystemData], protocol: str) -> None:
    data = system(protocol)
    changes = {"training.epochs": 12, "training.schedule": "constant"}
    model, history = train_fold(make_recipe(changes), data, 0, 0)
    assert {row.part for row in history} == {"train", "test"}
    tested = [row for row in history if row.part == "test"]
    best = max(tested, key=lambda row: (row.uar, -row.epoch))
    assert best.epoch < 12, "the last epoch is the best one: this shows nothing"
    shorter = make_recipe({**changes, "training.epochs": best.epoch})
    alone, _ = train_fold(shorter, data, 0, 0)
    for name, value in model.network.state_dict().items():
        assert torch.equal(value, alone.network.state_dict()[name]), name


def test_speaker_normalization_is_the_same_whether_declared_or_not(
    system: Callable[[str], SystemData],
) -> None:
    names = ("speaker_normalized", "leaky_undeclared_speaker_normalization")
    declared, undeclared, plain = (train(system(name)) for name in (*names, LOSO))
    assert declared.uses == undeclared.uses
    for name, value in declared.network.state_dict().items():
        assert torch.equal(value, undeclared.network.state_dict()[name]), name
    weights = [model.network.classifier.weight for model in (declared, plain)]
    assert not torch.equal(*weights), "nothing is normalised by speaker"


def test_copies_of_held_out_clips_change_the_model(
    system: Callable[[str], SystemData],
) -> None:
    models = [train(system(name)) for name in ("leaky_random", "leaky_augment_before_split")]
    weights = [model.network.classifier.weight for model in models]
    assert not torch.equal(*weights), "the copies that crossed were not trained on"
