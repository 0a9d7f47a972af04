"""The three original notebooks, run again: under their own random split, and under ours."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from ser.audio import read_canonical
from ser.augmentation import augment_corpus
from ser.clips import GENDERS, MANIFEST, clip_path, read_manifest
from ser.copies import pack_path, read_copies
from ser.dataset import FoldReader, SystemData, clips_only, load_system, training_items
from ser.evaluation.marks import protocol_fields
from ser.evaluation.predictions import IDENTITY
from ser.feature_store import INDEX, PACK
from ser.files import whole_folder, write_csv
from ser.packs import Pack, write_pack
from ser.params import Params, System
from ser.processes import spread, worker_pool
from ser.scoring import accuracy
from ser.splits.guards import Purpose
from ser.splits.protocols import find_protocol
from ser.studies.copies import with_effects
from ser.studies.notebook_network import (
    EPOCHS,
    NotebookModel,
    OptimizerName,
    Size,
    Values,
    mean_mfcc,
    start_notebook,
    train_epochs,
)
from ser.studies.trials import scores
from ser.training.system import prepare_torch

# the notebooks' own copies: dynamic value change, pitch tuning, white noise, shifting
EFFECTS = ("gain", "pitch", "noise", "shift")
_TINY = 1e-7


@dataclass(frozen=True)
class Notebook:
    """One of the three.

    Attributes:
        name: in tables and figures.
        key: in metrics.
        copies: whether it trains on augmented copies too.
    """

    name: str
    key: str
    size: Size
    optimizer: OptimizerName
    copies: bool = False

    @property
    def splits(self) -> dict[str, str]:
        """Protocols: the notebook's own, and ours."""
        own = "leaky_augment_before_split" if self.copies else "leaky_random"
        return {"own": own, "ours": "speaker_independent"}


NOTEBOOKS = (
    Notebook("1: larger, SGD", "sgd", "larger", "sgd"),
    Notebook("2: simplified, RMSprop", "rmsprop", "simplified", "rmsprop"),
    Notebook("3: the same with augmentation", "augmented", "simplified", "rmsprop", copies=True),
)


@dataclass(frozen=True)
class NotebookStudy:
    """Scores of the notebooks.

    Attributes:
        table: one row a notebook and split: `notebook`, `split` (own or ours), `protocol`, `mark`,
            `uar`, `uar_low`, `uar_high`, `uar_deviation`, `accuracy`, and `training_accuracy`, of
            the last epoch, in percent.
        history: one row a notebook, split, epoch and part (train or validation): `loss` (nats) and
            `accuracy` (percent), mean over genders, folds and seeds.
        metrics: the table by notebook and split.
    """

    table: pd.DataFrame
    history: pd.DataFrame
    metrics: dict[str, Any]


@dataclass(frozen=True)
class _Job:
    notebook: Notebook
    split: str
    data: SystemData
    fold: int
    seed: int
    epochs: int


def study_notebooks(params: Params, corpus: str, data: Path, epochs: int = EPOCHS) -> NotebookStudy:
    """Train each notebook's network on women and on men, as the notebooks did, and test it.

    Under their own split clips are dealt at random, so that every speaker is on all sides, and
    copies are made before; under ours, nobody who trains is tested, and only copies of clips that
    train do so too.

    Args:
        data: folder with `corpora` and `splits`.
    """
    with tempfile.TemporaryDirectory() as folder:
        features = {
            with_copies: write_mfccs(params, corpus, data, Path(folder), with_copies)
            for with_copies in (False, True)
        }
        jobs = [
            _Job(notebook, split, chosen, fold, seed, epochs)
            for notebook in NOTEBOOKS
            for split, protocol in notebook.splits.items()
            for gender in GENDERS
            for chosen in [
                load_system(
                    params,
                    System.model_validate(
                        {"corpus": corpus, "gender": gender, "protocol": protocol}
                    ),
                    data / "splits",
                    features[notebook.copies],
                )
            ]
            for fold in chosen.fold_numbers
            for seed in params.studies.training.seeds
        ]
        with worker_pool(params.processes) as pool:
            label = f"{corpus}: notebooks"
            done = list(tqdm(pool.map(_run, jobs), total=len(jobs), desc=label, unit="fold"))
    predictions, histories = (
        pd.concat([made[part] for made in done], ignore_index=True) for part in (0, 1)
    )
    return describe(predictions, histories)


def write_mfccs(params: Params, corpus: str, data: Path, folder: Path, with_copies: bool) -> Path:
    """Mean MFCCs of clips, and of copies, as a pack of features with one row a clip.

    Returns:
        A folder with a folder per corpus, as the featurize stage writes them.
    """
    built = data / "corpora" / corpus
    manifest = read_manifest(built / MANIFEST)
    name = "with_copies" if with_copies else "alone"
    copied, out = folder / name / "augmented", folder / name / "features"
    effects = with_effects(params.augmentation, EFFECTS if with_copies else ())
    augment_corpus(manifest, built, copied, effects, params.processes)
    copies = read_copies(copied)
    items = [(clip_path(built, clip), 0, 0) for clip in manifest["clip"]]
    items += [
        (pack_path(copied, effect), int(start), int(length))
        for effect, start, length in zip(
            copies["effect"], copies["start"], copies["length"], strict=True
        )
    ]
    values = spread(_mfcc_of, items, params.processes, f"{corpus}: mean MFCCs", "clip")
    with whole_folder(out / corpus) as aside:
        starts = write_pack(aside / PACK, [one[np.newaxis].astype(np.float32) for one in values])
        index = pd.DataFrame(
            {
                "item": [*manifest["clip"], *copies["copy"]],
                "clip": [*manifest["clip"], *copies["clip"]],
                "effect": [*[""] * len(manifest), *copies["effect"]],
                "start": starts,
                "length": 1,
            }
        )
        write_csv(aside / INDEX, index)
    return out


def _mfcc_of(item: tuple[Path, int, int]) -> Values:
    path, start, length = item
    return mean_mfcc(_open_pack(path).rows(start, length) if length else read_canonical(path))


@lru_cache
def _open_pack(path: Path) -> Pack:
    """A pack, opened once a worker."""
    return Pack(path)


def _run(job: _Job) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of the tested clips of a fold, and the history of its training."""
    prepare_torch()
    reader, data = FoldReader(job.data, job.fold), job.data
    emotion = dict(zip(data.clips["clip"], data.clips["emotion"], strict=True))
    items = training_items(data, job.fold)
    originals = items[items["effect"] == ""]
    watched = clips_only(data, data.with_role(job.fold, "validation"))

    def read(rows: pd.DataFrame, purpose: Purpose) -> tuple[Values, list[str]]:
        values = np.concatenate([clip.numpy() for clip in reader.read(rows, purpose)])
        return values, rows["clip"].map(emotion).tolist()

    fitted_on, _ = read(originals, Purpose.STATISTICS)
    values, targets = read(items, Purpose.TRAIN)
    parts = {
        "train": read(originals, Purpose.TRAIN),
        "validation": read(watched, Purpose.CHECKPOINT),
    }
    model = start_notebook(fitted_on, targets, job.notebook.size, job.seed)
    history = []
    steps = train_epochs(model, values, targets, job.notebook.optimizer, job.epochs)
    for epoch, _ in enumerate(steps, start=1):
        for part, (clips, actual) in parts.items():
            loss, share = _score(model, clips, actual)
            history.append({"epoch": epoch, "part": part, "loss": loss, "accuracy": share})
    tested = clips_only(data, data.with_role(job.fold, "test"))
    clips, _ = read(tested, Purpose.TEST)
    identity = {"notebook": job.notebook.key, "split": job.split}
    rows = tested[["clip"]].merge(data.clips, on="clip").assign(fold=job.fold, seed=job.seed)
    predictions = rows[[*IDENTITY, "emotion"]].assign(predicted=model.predict(clips), **identity)
    return predictions, pd.DataFrame(history).assign(**identity)


def _score(model: NotebookModel, values: Values, actual: Sequence[str]) -> tuple[float, float]:
    """Cross-entropy in nats and accuracy in percent."""
    probabilities = model.probabilities(values)
    classes = np.array([model.emotions.index(emotion) for emotion in actual])
    right = probabilities[np.arange(len(classes)), classes]
    loss = float(-np.log(np.maximum(right, _TINY)).mean())
    predicted = [model.emotions[number] for number in probabilities.argmax(axis=1)]
    return loss, accuracy(list(actual), predicted)


def describe(predictions: pd.DataFrame, histories: pd.DataFrame) -> NotebookStudy:
    """Scores of every notebook under both splits."""
    rows: list[dict[str, Any]] = []
    metrics: dict[str, Any] = {}
    history = histories.groupby(["notebook", "split", "epoch", "part"], as_index=False, sort=False)[
        ["loss", "accuracy"]
    ].mean()
    for notebook in NOTEBOOKS:
        for split, protocol in notebook.splits.items():
            own = predictions[
                (predictions["notebook"] == notebook.key) & (predictions["split"] == split)
            ]
            past = history[(history["notebook"] == notebook.key) & (history["split"] == split)]
            last = past[past["epoch"] == past["epoch"].max()].set_index("part")["accuracy"]
            found = {
                **protocol_fields(protocol, find_protocol(protocol).mark),
                **scores(own),
                "training_accuracy": float(last["train"]),
            }
            metrics.setdefault(notebook.key, {})[split] = found
            rows.append({"notebook": notebook.name, "split": split, **found})
    names = {notebook.key: notebook.name for notebook in NOTEBOOKS}
    return NotebookStudy(
        pd.DataFrame(rows), history.assign(notebook=history["notebook"].map(names)), metrics
    )
