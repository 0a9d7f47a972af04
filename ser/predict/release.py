"""The making of the released model: everybody trains, so nobody is left to test it.

Its temperature and thresholds come from models of the same recipe that did hold speakers out: from
their answers to validation speakers.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pydantic import Field

from ser.clips.labels import ordered
from ser.core.errors import SerError
from ser.core.settings import Fraction, Name, Section, Seed, Values
from ser.evaluation.baselines import train_linear
from ser.evaluation.calibration import Float, Int, fit_temperature, soften
from ser.evaluation.out_of_fold import (
    Answering,
    load_answering,
    load_model,
    predict_validation,
)
from ser.features.settings import Features, FrontEndSettings, load_features
from ser.guards.checks import Purpose, check_crossings
from ser.guards.crossings import Crossing
from ser.guards.protocol import Protocol
from ser.models.linear import MOST_CLIPS
from ser.models.settings import Linear
from ser.models.storage import TrainedLinear, TrainedNetwork
from ser.predict.released import NOBODY, Card, Thresholds, save_released
from ser.predict.trust import distance, least_confidence
from ser.reading.data import SystemData, at_most, check_uses, load_system
from ser.reading.fingerprint import fingerprint
from ser.reading.reader import Reader
from ser.reading.settings import System
from ser.training.settings import Recipe, load_recipe, load_seeds
from ser.training.system import train_checked

# no protocol of `ser.splits`: no fold table follows it, and so no system can be tested by it
EVERYBODY = Protocol(
    "everybody_trains", frozenset({Crossing.STATEMENT}), "speaker-independent", validates=False
)
_ROOMS = ("clips", "core", "features", "guards", "models", "reading", "store", "training")
_SER = Path(__file__).parents[1]


class Release(Section):
    """`release` of params.yaml.

    Attributes:
        system: a row of `studies.protocols`, whose corpora and recipe it is trained by.
        seed: of its training.
        accuracy: share of right answers, in percent, that those have which are not called unsure.
        unlike: share of held-out clips, in percent, that are called unlike training.
    """

    system: Name
    seed: Seed
    accuracy: Annotated[Fraction, Field(gt=0, lt=1)]
    unlike: Annotated[Fraction, Field(gt=0, lt=1)]


@dataclass(frozen=True)
class Plan:
    """All that parameters say of it.

    Attributes:
        system: whose corpora train.
        recipe: by which the network is trained.
        cost: of the linear part's errors.
        seeds: of the system's models.
    """

    settings: Release
    system: System
    recipe: Recipe
    cost: float
    answering: Answering
    features: Features
    front_end: FrontEndSettings
    seeds: list[int]


def load_plan(values: Values) -> Plan:
    """What parameters say.

    Raises:
        SerError: one sentence naming the key, what was given and what is allowed.
    """
    settings = values.section("release", Release)
    return Plan(
        settings,
        values.section(f"studies.protocols.{settings.system}", System),
        load_recipe(values),
        values.section("linear", Linear).c,
        load_answering(values),
        *load_features(values),
        load_seeds(values),
    )


@dataclass(frozen=True)
class HeldOut:
    """Answers to validation speakers, by models that never heard them.

    Attributes:
        probabilities: shape (answers, emotions).
        targets: class of each, shape (answers,).
        speakers: who speaks, shape (answers,).
        distances: of validation clips from the training clips of their fold, shape (clips,).
    """

    probabilities: Float
    targets: Int
    speakers: npt.NDArray[np.str_]
    distances: Float


def everybody(data: SystemData) -> SystemData:
    """The same clips in one fold, `NOBODY`'s, in which all train.

    Raises:
        LeakError: never for honest tables; the guards see these as they see any.
    """
    folds = pd.DataFrame({"fold": NOBODY, "clip": data.clips["clip"], "role": "train"})
    check_crossings(data.clips, folds, EVERYBODY)
    return replace(data, folds=folds, protocol=EVERYBODY)


def make_release(plan: Plan, data: Path, models: Path, score: dict[str, float], out: Path) -> Card:
    """Train the released model, choose its temperature and thresholds, and write it.

    Args:
        data: folder with `splits`, `features` and `functionals`.
        models: folder with the models of the system.
        score: metrics of the system whose recipe it is.

    Raises:
        LeakError: if a model of the system heard its validation speakers.
        SerError: if something is missing or damaged.
    """
    found = load_system(plan.system, data)
    network, linear = train_release(plan, everybody(found))
    held = held_out(plan, found, models)
    card = _card(plan, found, held, fingerprint(plan.system, data), score)
    hashes = dict(zip(found.clips["clip"], found.clips["pcm_sha256"], strict=True))
    save_released(out, network, linear, card, hashes)
    return card


def train_release(plan: Plan, data: SystemData) -> tuple[TrainedNetwork, TrainedLinear]:
    """Both parts, trained on all clips of `everybody`."""
    linear = train_linear(data, NOBODY, plan.cost)
    network, _ = train_checked(plan.recipe, data, NOBODY, plan.settings.seed)
    return network, linear


def held_out(plan: Plan, data: SystemData, models: Path) -> HeldOut:
    """What models of a system's folds answer to their validation speakers."""
    torch.set_num_threads(1)
    emotions = tuple(ordered(data.clips["emotion"]))
    answers, distances = [], []
    for fold in data.fold_numbers:
        for seed in plan.seeds:
            model = load_model(models, fold, seed, plan.answering)
            if model.network.emotions != emotions:
                raise SerError(
                    f"Fold {fold} of {models} knows other emotions than its system; choose "
                    "another system for release in params.yaml."
                )
            for part in (model.network, model.linear):
                if part is not None:
                    check_uses(data, fold, part.uses)
            answers.append(predict_validation(model, data))
        distances.append(_distances(data, fold))
    if not sum(len(targets) for _, targets, _ in answers):
        raise SerError(
            f"Nobody validates in {models}, so no temperature can be chosen; choose another system "
            "for release in params.yaml."
        )
    probabilities, targets, speakers = (
        np.concatenate(parts) for parts in zip(*answers, strict=True)
    )
    return HeldOut(probabilities, targets, speakers, np.concatenate(distances))


def _distances(data: SystemData, fold: int) -> Float:
    reader = Reader(data, fold)
    trained, validated = (
        reader.functionals(at_most(data.with_role(fold, role), MOST_CLIPS), purpose)
        for role, purpose in (("train", Purpose.STATISTICS), ("validation", Purpose.CALIBRATION))
    )
    return distance(validated, trained.mean(axis=0), np.maximum(trained.std(axis=0), 1e-9))


def _card(
    plan: Plan, data: SystemData, held: HeldOut, inputs: dict[str, str], score: dict[str, float]
) -> Card:
    settings = plan.settings
    temperature = round(fit_temperature(held.probabilities, held.targets, held.speakers), 6)
    softened = soften(held.probabilities, temperature)
    right = softened.argmax(axis=1) == held.targets
    unsure = least_confidence(softened.max(axis=1), right.tolist(), settings.accuracy)
    return Card(
        name=settings.system,
        protocol=EVERYBODY.name,
        share=plan.answering.share,
        warps=plan.answering.warps,
        features=plan.features,
        front_end=plan.front_end.model_dump(),
        temperature=temperature,
        thresholds=Thresholds(
            unsure=float(np.floor(1e6 * unsure) / 1e6),  # the last of the sure stays sure
            unlike=round(float(np.quantile(held.distances, 1 - settings.unlike)), 6),
        ),
        chosen={
            "accuracy_of_the_sure": settings.accuracy,
            "sure": round(float((softened.max(axis=1) >= unsure).mean()), 6),
            "held_out_called_unlike": settings.unlike,
            "validation_answers": len(held.targets),
            "validation_speakers": len(set(held.speakers.tolist())),
        },
        made_from={
            "corpora": sorted(set(data.clips["corpus"])),
            "clips": len(data.clips),
            "speakers": len(set(data.clips["corpus"] + "/" + data.clips["speaker"])),
            "seed": settings.seed,
            "recipe": _hash(repr((plan.recipe, plan.cost)).encode()),
            **inputs,
            "code": _code(),
            "torch": torch.__version__.partition("+")[0],
        },
        score=score,
    )


def _code() -> str:
    """Hash of the rooms that decide the weights."""
    paths = [path for room in _ROOMS for path in (_SER / room).rglob("*.py")]
    named = sorted((path.relative_to(_SER).as_posix(), path) for path in paths)
    return _hash(b"".join(name.encode() + path.read_bytes() for name, path in named))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
