"""Every clip, predicted by the models that never saw its speaker."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from ser.clips.labels import ordered
from ser.clips.manifest import speaker_keys
from ser.core.errors import SerError
from ser.core.processes import spread
from ser.core.settings import Values
from ser.evaluation.calibration import Float, Int, fit_temperature, soften
from ser.evaluation.predictions import IDENTITY
from ser.guards.checks import Purpose
from ser.models.inference import predict_clip
from ser.models.linear import combine
from ser.models.settings import Linear, Prediction
from ser.models.storage import (
    TrainedLinear,
    TrainedNetwork,
    linear_folder,
    load_linear,
    load_network,
    network_path,
    seed_folder,
)
from ser.reading.data import SystemData, check_uses, clips_only, encode
from ser.reading.reader import FloatArray, Reader

# clips whose functionals are held at once
_AT_ONCE = 512


@dataclass(frozen=True)
class Model:
    """Both parts of a system's model of one fold and seed.

    Attributes:
        linear: the classifier of functionals that answers beside the network, if there is one.
        share: weight of its answer.
        warps: under which the network predicts (see `predict_clip`).
    """

    network: TrainedNetwork
    linear: TrainedLinear | None = None
    share: float = 0.0
    warps: tuple[float, ...] = ()

    @property
    def parameters(self) -> int:
        """Trained numbers of both parts."""
        linear = self.linear.model.parameters if self.linear else 0
        return self.network.network.parameters_count + linear


@dataclass(frozen=True)
class Answering:
    """How the parts of a model answer together: the weight of the linear part, and the warps."""

    share: float
    warps: tuple[float, ...]


def load_answering(values: Values, *, helped: bool = False) -> Answering:
    """What `linear` and `prediction` of params.yaml say.

    Args:
        helped: whether helping corpora train the system.

    Raises:
        SerError: one sentence naming the key, what was given and what is allowed.
    """
    linear = values.section("linear", Linear)
    share = linear.helped_share if helped else linear.share
    return Answering(share, values.section("prediction", Prediction).warps)


def load_model(models: Path, fold: int, seed: int, answering: Answering) -> Model:
    """The model of one fold and seed of a system whose models lie in `models`.

    Raises:
        SerError: if a part is missing, damaged, of another fold, seed or set of emotions.
    """
    path = network_path(seed_folder(models, seed), fold)
    network = load_network(path)
    if (network.fold, network.seed) != (fold, seed):
        raise SerError(f"{path} was trained for fold {network.fold} and seed {network.seed}.")
    if answering.share == 0:
        return Model(network, warps=answering.warps)
    path = network_path(linear_folder(models), fold)
    linear = load_linear(path)
    if (linear.fold, linear.emotions) != (fold, network.emotions):
        raise SerError(f"{path} does not go with the network of fold {fold}; run `dvc repro`.")
    return Model(network, linear, answering.share, answering.warps)


def predict_out_of_fold(
    data: SystemData, models: Path, seeds: list[int], answering: Answering
) -> pd.DataFrame:
    """One row a clip and seed, sorted by seed and clip.

    Raises:
        LeakError: if a model was made from what it would be tested on.
        SerError: if a model is missing or damaged, or nobody is tested.
    """
    if data.tested.empty:
        raise SerError(f"Protocol {data.protocol.name} tests nobody, so there is nothing to score.")
    jobs = [(fold, seed) for seed in seeds for fold in data.fold_numbers]
    work = partial(_predict_job, data=data, models=models, answering=answering)
    tables = spread(work, jobs, "folds predicted", "fold")
    return pd.concat(tables).sort_values(["seed", "clip"], ignore_index=True)


def predict_validation(model: Model, data: SystemData) -> tuple[Float, Int, npt.NDArray[np.str_]]:
    """Probabilities, classes and speakers of the validation clips of the model's fold.

    Clips of an emotion that the model does not know are left out.

    Returns:
        Arrays of shape (clips, emotions), (clips,) and (clips,).
    """
    clips = data.with_role(model.network.fold, "validation")
    clips = clips[clips["emotion"].isin(model.network.emotions)]
    items, probabilities = _predict(model, data, clips, Purpose.CALIBRATION)
    key = dict(zip(clips["clip"], speaker_keys(clips), strict=True))
    targets = encode(data.clips, items, model.network.emotions)
    return probabilities, targets.numpy(), items["clip"].map(key).to_numpy(dtype=np.str_)


def _predict_job(
    job: tuple[int, int], data: SystemData, models: Path, answering: Answering
) -> pd.DataFrame:
    torch.set_num_threads(1)
    return predict_fold(load_model(models, *job, answering), data)


def predict_fold(model: Model, data: SystemData) -> pd.DataFrame:
    """Rows of the clips that the model's fold tests, as in `predict_out_of_fold`.

    Raises:
        LeakError: if a part of the model was made from what it would be tested on.
        SerError: if it was made for other features.
    """
    network = model.network
    if network.network.layout != data.layout:
        raise SerError(
            f"The network of fold {network.fold} and seed {network.seed} was made for other "
            "features than there are now; run `dvc repro`."
        )
    for part in (network, model.linear):
        if part is not None:
            check_uses(data, network.fold, part.uses)
    # what they were made from is much, and is needed no more
    linear = model.linear and replace(model.linear, uses={})
    model = replace(model, network=replace(network, uses={}), linear=linear)
    network = model.network
    validated = predict_validation(model, data)
    # where nobody validates, confidences stay as they are; to the decimals of the table, so that
    # whoever reads it there has the same
    temperature = round(fit_temperature(*validated), 6) if len(validated[1]) else 1.0
    tested = data.with_role(network.fold, "test")
    items, probabilities = _predict(model, data, tested, Purpose.TEST)
    best = probabilities.argmax(axis=1)
    rows = (
        items[["clip"]]
        .merge(data.clips, on="clip")
        .assign(fold=network.fold, seed=network.seed, protocol=data.protocol.name)
    )
    table = rows[[*IDENTITY, "protocol", "emotion"]].assign(
        predicted=[network.emotions[number] for number in best],
        confidence=probabilities.max(axis=1),
        calibrated=soften(probabilities, temperature).max(axis=1),
        temperature=temperature,
    )
    for emotion in ordered(data.clips["emotion"]):
        known = emotion in network.emotions
        table[f"p_{emotion}"] = probabilities[:, network.emotions.index(emotion)] if known else 0.0
    return table


def _predict(
    model: Model, data: SystemData, clips: pd.DataFrame, purpose: Purpose
) -> tuple[pd.DataFrame, FloatArray]:
    """Index rows of clips, and the probabilities of each, shape (clips, emotions)."""
    items = clips_only(data, clips)
    reader = Reader(data, model.network.fold)
    features = reader.normalized(items, purpose, model.network.normalizer)
    rows = clips.set_index("clip").loc[items["clip"]].reset_index()
    answers = [np.zeros((0, len(model.network.emotions)))]
    for begin in range(0, len(rows), _AT_ONCE):
        some = rows.iloc[begin : begin + _AT_ONCE]
        values = reader.functionals(some, purpose) if model.linear else None
        heard = features[begin : begin + _AT_ONCE]
        answers.append(answer(model, heard, values, some["corpus"].tolist()))
    return items, np.concatenate(answers)


def answer(
    model: Model,
    features: Sequence[Tensor],
    functionals: FloatArray | None,
    corpora: Sequence[str],
) -> FloatArray:
    """Probabilities of clips by both parts together, shape (clips, emotions).

    Each clip is predicted by itself: what is predicted beside it changes not even the last digit.

    Args:
        features: normalised, each of shape (rows, bands).
        functionals: shape (clips, functionals); not read if there is no linear part.
        corpora: corpus of every clip, by whose training clips the linear part standardises.
    """
    network, heard = model.network.network, np.zeros((len(features), len(model.network.emotions)))
    for row, clip in zip(heard, features, strict=True):
        row[:] = predict_clip(network, clip, model.warps).numpy()
    if model.linear is None or functionals is None or not len(features):
        return heard
    return combine(heard, model.linear.model.predict(functionals, corpora), model.share)
