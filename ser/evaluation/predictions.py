"""Out-of-fold predictions: every clip, predicted by the models that never saw its speaker."""

from functools import partial
from pathlib import Path

import pandas as pd
import torch

from ser.dataset import SystemData, check_held_out_items, clips_only, read_features
from ser.errors import SerError
from ser.models.inference import predict_probabilities
from ser.models.storage import load_model, model_path
from ser.processes import spread

# What says which clip a row is about; then come emotion, predicted, confidence and p_<emotion>.
IDENTITY = ("clip", "corpus", "language", "speaker", "gender", "intensity", "fold", "seed")


def predict_out_of_fold(
    data: SystemData, models: Path, seeds: list[int], processes: int = 2
) -> pd.DataFrame:
    """One row a clip and seed, sorted by seed and clip.

    Raises:
        SerError: if a model is missing or damaged.
    """
    jobs = [(int(fold), seed) for seed in seeds for fold in sorted(data.folds["fold"].unique())]
    work = partial(_predict_fold, data=data, models=models)
    tables = spread(work, jobs, processes, "folds predicted", "fold")
    return pd.concat(tables).sort_values(["seed", "clip"], ignore_index=True)


def _predict_fold(job: tuple[int, int], data: SystemData, models: Path) -> pd.DataFrame:
    fold, seed = job
    torch.set_num_threads(1)
    model = load_model(model_path(models, fold, seed))
    if (model.fold, model.seed) != (fold, seed):
        raise SerError(f"The model of fold {fold} and seed {seed} was trained for another.")
    clips = data.with_role(fold, "test")
    items = clips_only(data, clips)
    check_held_out_items(items)
    normalised = [model.normalizer(clip) for clip in read_features(data, items)]
    probabilities = predict_probabilities(model.network, normalised)
    rows = items[["clip"]].merge(clips, on="clip").assign(fold=fold, seed=seed)
    confidence, best = probabilities.max(1)
    table = rows[[*IDENTITY, "emotion"]].assign(
        predicted=[model.emotions[i] for i in best.tolist()], confidence=confidence.tolist()
    )
    for number, emotion in enumerate(model.emotions):
        table[f"p_{emotion}"] = probabilities[:, number].tolist()
    return table


def check_complete(predictions: pd.DataFrame, data: SystemData, seeds: list[int]) -> None:
    """Check that every clip is predicted exactly once for every seed.

    Raises:
        SerError: naming the first clip that is not.
    """
    counts = predictions.groupby(["seed", "clip"]).size()
    for seed in seeds:
        for clip in data.clips["clip"]:
            if counts.get((seed, clip), 0) != 1:
                raise SerError(f"Clip {clip} is not predicted exactly once with seed {seed}.")


def read_predictions(path: Path) -> pd.DataFrame:
    """Read a table of predictions.

    Raises:
        SerError: if it is missing.
    """
    try:
        return pd.read_csv(path, dtype={"speaker": str, "intensity": str}, keep_default_na=False)
    except FileNotFoundError:
        raise SerError(f"The predictions {path} are missing; run `dvc repro`.") from None
