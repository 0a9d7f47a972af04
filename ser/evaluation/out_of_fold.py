"""Every clip, predicted by the models that never saw its speaker."""

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from ser.clips import speaker_keys
from ser.dataset import FoldReader, SystemData, check_uses, clips_only, encode
from ser.errors import SerError
from ser.evaluation.calibration import Float, Int, fit_temperature, soften
from ser.evaluation.predictions import IDENTITY
from ser.functional_reader import FunctionalsReader
from ser.models.inference import predict_probabilities
from ser.models.linear import combine
from ser.models.storage import TrainedModel, load_model, model_path
from ser.processes import spread
from ser.splits.guards import Purpose


def predict_out_of_fold(
    data: SystemData, models: Path, seeds: list[int], processes: int
) -> pd.DataFrame:
    """One row a clip and seed, sorted by seed and clip.

    Raises:
        LeakError: if a model was made from what it would be tested on.
        SerError: if a model is missing or damaged.
    """
    jobs = [(fold, seed) for seed in seeds for fold in data.fold_numbers]
    work = partial(_predict_fold, data=data, models=models)
    tables = spread(work, jobs, processes, "folds predicted", "fold")
    return pd.concat(tables).sort_values(["seed", "clip"], ignore_index=True)


def predict_validation(
    model: TrainedModel, data: SystemData, fold: int
) -> tuple[Float, Int, npt.NDArray[np.str_]]:
    """Probabilities, classes and speakers of the validation clips of a fold.

    Returns:
        Arrays of shape (clips, emotions), (clips,) and (clips,).
    """
    clips = data.with_role(fold, "validation")
    items, probabilities = _predict(model, data, fold, clips, Purpose.CALIBRATION)
    key = dict(zip(clips["clip"], speaker_keys(clips), strict=True))
    targets = encode(data.clips, items, model.emotions)
    return probabilities.numpy(), targets.numpy(), items["clip"].map(key).to_numpy(dtype=np.str_)


def _predict_fold(job: tuple[int, int], data: SystemData, models: Path) -> pd.DataFrame:
    fold, seed = job
    torch.set_num_threads(1)
    model = load_model(model_path(models, fold, seed))
    if (model.fold, model.seed) != (fold, seed):
        raise SerError(f"The model of fold {fold} and seed {seed} was trained for another.")
    return predict_fold(model, data)


def predict_fold(model: TrainedModel, data: SystemData) -> pd.DataFrame:
    """Rows of the clips that the model's fold tests, as in `predict_out_of_fold`.

    Raises:
        LeakError: if the model was made from what it would be tested on.
    """
    fold, seed = model.fold, model.seed
    check_uses(data, fold, model.uses)
    temperature = fit_temperature(*predict_validation(model, data, fold))
    tested = data.with_role(fold, "test")
    items, probabilities = _predict(model, data, fold, tested, Purpose.TEST)
    confidence, best = probabilities.max(1)
    rows = (
        items[["clip"]]
        .merge(data.clips, on="clip")
        .assign(fold=fold, seed=seed, protocol=data.protocol.name)
    )
    table = rows[[*IDENTITY, "protocol", "emotion"]].assign(
        predicted=[model.emotions[i] for i in best.tolist()],
        confidence=confidence.tolist(),
        calibrated=soften(probabilities.numpy(), temperature).max(axis=1),
        temperature=temperature,
    )
    for number, emotion in enumerate(model.emotions):
        table[f"p_{emotion}"] = probabilities[:, number].tolist()
    return table


def _predict(
    model: TrainedModel, data: SystemData, fold: int, clips: pd.DataFrame, purpose: Purpose
) -> tuple[pd.DataFrame, Tensor]:
    """Index rows of clips, and the probabilities of each, shape (clips, emotions)."""
    items = clips_only(data, clips)
    features = FoldReader(data, fold).read_normalized(items, purpose, model.normalizer)
    heard = predict_probabilities(model.networks, features)
    if model.linear is None:
        return items, heard
    rows = clips.set_index("clip").loc[items["clip"]].reset_index()
    values = FunctionalsReader(data, data.functionals, fold).read(rows, purpose)
    described = model.linear.predict(values, rows["corpus"].tolist())
    both = combine(heard.double().numpy(), described, model.linear_share)
    return items, torch.from_numpy(both)
