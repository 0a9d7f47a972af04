"""Training of a system with one seed: every fold, spread over the cores."""

import hashlib
import os
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from ser.core.files import resumable_folder, write_csv
from ser.core.processes import spread
from ser.core.progress import tick
from ser.core.tables import Table, csv_texts
from ser.models.storage import TrainedNetwork, network_path, save_network, seed_folder
from ser.reading.data import SystemData
from ser.store.packs import find_shards
from ser.training.fold import EpochScore, n_epochs, train_fold
from ser.training.settings import Recipe

HISTORY = "history.csv"
_SER = Path(__file__).parents[1]
_HISTORY = Table(
    "The history",
    {
        "fold": int,
        "seed": int,
        "epoch": int,
        "part": str,
        "loss": float,
        "accuracy": float,
        "uar": float,
    },
)


@dataclass(frozen=True)
class _Work:
    recipe: Recipe
    data: SystemData
    seed: int
    folder: Path


def train_seed(recipe: Recipe, data: SystemData, seed: int, models: Path, label: str) -> None:
    """Train every fold with one seed; write a model for each, and the history.

    A fold that an earlier run finished before it was stopped is not trained again, if code, recipe
    and what is read are the same.

    Args:
        models: folder of the system; gets `seed_<seed>`, whole or not at all.
        label: what the progress bar says.
    """
    out = seed_folder(models, seed)
    key = _key(recipe, data)
    names = [network_path(out, fold).name for fold in data.fold_numbers]
    with resumable_folder(out, key, expected=[*names, HISTORY]) as folder:
        work = _Work(recipe, data, seed, folder)
        to_do = [fold for fold in data.fold_numbers if not _is_done(folder, fold)]
        epochs = sum(n_epochs(recipe, len(data.with_role(fold, "train"))) for fold in to_do)
        spread(partial(_train, work), to_do, label, "epoch", total=epochs, note=_note)
        parts = [read_history(_part(folder, fold)) for fold in data.fold_numbers]
        write_csv(folder / HISTORY, pd.concat(parts), decimals=4)
        for fold in data.fold_numbers:
            _part(folder, fold).unlink()


def _note(scores: list[EpochScore]) -> str:
    last = scores[-1]
    return f"fold {last.fold}: {last.part} UAR {last.uar:.1f} %"


def _part(folder: Path, fold: int) -> Path:
    return folder / f"history_{fold:02d}.csv"


def _key(recipe: Recipe, data: SystemData) -> str:
    """Stands for all that decides the bytes of a model, but for fold and seed."""
    protocol = data.protocol.name, sorted(data.protocol.crosses)
    whole = hashlib.sha256(f"{torch.__version__} {recipe} {protocol} {data.layout}".encode())
    for table in (data.clips, data.folds, data.index):
        for text in csv_texts([table]):
            whole.update(text)
    rooms = ("core", "clips", "guards", "store", "reading", "models", "training")
    code = [path for room in rooms for path in (_SER / room).rglob("*.py")]
    packs = [shard for pack in data.packs.values() for shard in find_shards(pack)]
    for path in sorted([*code, *packs]):
        with path.open("rb") as file:
            whole.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def _is_done(folder: Path, fold: int) -> bool:
    return network_path(folder, fold).is_file() and _part(folder, fold).is_file()


def _train(work: _Work, fold: int) -> list[EpochScore]:
    model, scores = train_checked(work.recipe, work.data, fold, work.seed)
    save_network(network_path(work.folder, fold), model)
    rows = pd.DataFrame([asdict(score) for score in scores])
    write_csv(_part(work.folder, fold), rows, decimals=4)  # last: with it, the fold is done
    return scores


def read_history(path: Path) -> pd.DataFrame:
    """Scores by epoch, in percent and nats, as they were written.

    Raises:
        SerError: if it is missing or damaged.
    """
    return _HISTORY.read(path)


def train_checked(
    recipe: Recipe, data: SystemData, fold: int, seed: int
) -> tuple[TrainedNetwork, list[EpochScore]]:
    """`train_fold` in a process that is prepared for it, with its progress shown."""
    prepare_torch()
    return train_fold(recipe, data, fold, seed, tick)


def prepare_torch() -> None:
    """One thread, deterministic algorithms, and no denormals (which slow a CPU down 100 times)."""
    torch.set_num_threads(1)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # or CUDA is not deterministic
    torch.use_deterministic_algorithms(True)
    # nothing here reads memory before it is written; filling it took 4 % of the time
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_flush_denormal(True)
