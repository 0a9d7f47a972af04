"""Training of a whole system: every fold and seed, spread over the cores."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import as_completed
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

from ser.dataset import SystemData
from ser.errors import SerError
from ser.files import whole_folder, write_csv, write_json
from ser.models.storage import TrainedModel, save_model
from ser.params import Params
from ser.processes import worker_pool
from ser.training.fold import EpochScore, train_fold


def train_system(params: Params, data: SystemData, name: str, out: Path, history: Path) -> float:
    """Train every fold with every seed; write models to `out` and scores per epoch to `history`.

    Returns:
        Seconds it took.
    """
    begun = time.perf_counter()
    seeds = params.seeds_of(params.system(name))
    jobs = [(fold, seed) for seed in seeds for fold in data.fold_numbers]
    with whole_folder(out) as aside:
        scores = list(_train_all(params, data, name, aside, jobs))
        rows = pd.DataFrame([asdict(score) for job in scores for score in job])
        write_csv(history, rows, decimals=4)
    return time.perf_counter() - begun


def _train_all(
    params: Params, data: SystemData, name: str, out: Path, jobs: list[tuple[int, int]]
) -> Iterator[list[EpochScore]]:
    with worker_pool(min(params.processes, len(jobs))) as pool:
        waiting = [pool.submit(_train_job, params, data, out, *job) for job in jobs]
        bar = tqdm(as_completed(waiting), total=len(jobs), desc=f"{name}: training", unit="fold")
        try:
            for done in bar:
                last = done.result()[-1]
                bar.set_postfix_str(f"fold {last.fold}: {last.part} UAR {last.uar:.1f} %")
        except BaseException:
            pool.shutdown(cancel_futures=True)  # an error should not wait for the other folds
            raise
        for job in waiting:
            yield job.result()


def _train_job(
    params: Params, data: SystemData, out: Path, fold: int, seed: int
) -> list[EpochScore]:
    model, scores = train_checked(params, data, fold, seed)
    save_model(out, model)
    return scores


def train_checked(
    params: Params, data: SystemData, fold: int, seed: int
) -> tuple[TrainedModel, list[EpochScore]]:
    """`train_fold` in a process that is prepared for it.

    Raises:
        SerError: if the weights do not stay finite.
    """
    prepare_torch()
    model, scores = train_fold(params, data, fold, seed)
    weights = (weight for network in model.networks for weight in network.parameters())
    if not all(torch.isfinite(weight).all() for weight in weights):
        raise SerError(
            f"Training diverged in fold {fold} with seed {seed}; lower optimizers."
            f"{params.optimizer}.lr in params.yaml."
        )
    return model, scores


def prepare_torch() -> None:
    """One thread, deterministic algorithms, and no denormals (which slow a CPU down 100 times)."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    # nothing here reads memory before it is written; filling it took 4 % of the time
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_flush_denormal(True)


def log_seconds(path: Path, name: str, seconds: float) -> None:
    """Keep the time a training took; git and DVC ignore it, because it differs on every run."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    write_json(path, {**known, name: round(seconds, 1)})
