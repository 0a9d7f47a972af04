"""This project beside what else one would do, on one core: `python -m benchmarks.speed`.

Features, training and prediction on RAVDESS are timed for this project and for other ways that do
the same job, in turns. Scores beside the times are those of validation speakers: no test clip is
read. Results go to `docs/speed.csv` and `docs/speed.png`.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import librosa
import numpy as np
import numpy.typing as npt
import pandas as pd
import typer
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tqdm import tqdm

from benchmarks.ablation import features_for
from benchmarks.figures import draw_speed
from benchmarks.prediction import clip_files, emotions_of, functionals_of, predictor_of
from ser.clips.audio import read_canonical, trim_bounds
from ser.clips.manifest import MANIFEST
from ser.core.entry import run
from ser.core.errors import SerError
from ser.core.files import write_csv
from ser.core.scoring import unweighted_average_recall
from ser.core.settings import Values, load_values
from ser.core.workers import use_one_thread
from ser.evaluation.baselines import BaselineSettings, train_linear
from ser.evaluation.out_of_fold import Model, load_answering, predict_validation
from ser.features.front_ends import build_front_end, extract
from ser.features.settings import Features, LogMelSettings, load_features
from ser.guards.checks import Purpose
from ser.models.settings import Linear
from ser.predict.model import Predictor
from ser.reading.data import SystemData, load_system
from ser.reading.reader import Reader
from ser.reading.settings import load_system_settings
from ser.store.functionals import COVARIANCE
from ser.training.fold import train_fold
from ser.training.settings import load_recipe
from ser.training.system import prepare_torch
from studies.notebooks import EPOCHS, NOTEBOOKS

DATA = Path("data")
SYSTEM = "ravdess"
OURS, SVM, NOTEBOOK = "this project", "functionals and SVM", "notebook network"
LIBROSA, MFCC = "librosa, same numbers", "notebook, mean MFCC"
FEATURES, TRAINING, FROM_FILES, PREDICTION = (
    "features",
    "training",
    "training, from files",
    "prediction",
)
# every row of the table, in order
ROWS = (
    *((FEATURES, way) for way in (OURS, LIBROSA, MFCC)),
    *((task, way) for task in (TRAINING, FROM_FILES, PREDICTION) for way in (OURS, SVM, NOTEBOOK)),
)
_SEED = 0
_ROUNDS = 3
# what librosa resamples to if it is not told otherwise, as in many notebooks
_NOTEBOOK_RATE_HZ = 22_050

Work = Callable[[], Any]


class Fitted(Protocol):
    """A way after its training on a fold."""

    def validate(self) -> list[str]:
        """Answers to the validation clips of the fold, sorted by clip."""

    def answer(self, files: Sequence[Path]) -> list[str]:
        """The emotions of files."""


@dataclass(frozen=True)
class FittedNetwork:
    """A network of ours, and the linear part if it has one."""

    data: SystemData
    predictor: Predictor

    @classmethod
    def fit(cls, fold: int, values: Values, data: SystemData, linear: Linear) -> "FittedNetwork":
        """Train as the pipeline does."""
        network, _ = train_fold(load_recipe(values), data, fold, _SEED)
        part = train_linear(data, fold, linear.c) if linear.share else None
        model = Model(network, part, linear.share, load_answering(values).warps)
        return cls(data, predictor_of(model, values))

    def validate(self) -> list[str]:
        """As in `Fitted`."""
        probabilities, _, _ = predict_validation(self.predictor.voices[0].model, self.data)
        names = self.predictor.emotions
        return [names[number] for number in probabilities.argmax(axis=1)]

    def answer(self, files: Sequence[Path]) -> list[str]:
        """As in `Fitted`."""
        return emotions_of(self.predictor, files, SYSTEM)


@dataclass(frozen=True)
class FittedSvm:
    """A support vector machine on functionals, as the baseline `functionals_svm`."""

    data: SystemData
    reader: Reader
    fold: int
    columns: list[str]
    scaler: StandardScaler
    svm: SVC

    @classmethod
    def fit(cls, fold: int, data: SystemData, cost: float) -> "FittedSvm":
        """Train on the functionals at hand."""
        reader, clips = Reader(data, fold), data.with_role(fold, "train")
        columns = [name for name in data.functional_names if not name.startswith(COVARIANCE)]
        scaler = StandardScaler().fit(reader.functionals(clips, Purpose.STATISTICS, columns))
        svm = SVC(C=cost, gamma="scale", class_weight="balanced")
        values = reader.functionals(clips, Purpose.TRAIN, columns)
        svm.fit(scaler.transform(values), clips["emotion"].tolist())
        return cls(data, reader, fold, columns, scaler, svm)

    def validate(self) -> list[str]:
        """As in `Fitted`."""
        clips = validation_clips(self.data, self.fold)
        values = self.reader.functionals(clips, Purpose.CHECKPOINT, self.columns)
        return self.svm.predict(self.scaler.transform(values)).tolist()

    def answer(self, files: Sequence[Path]) -> list[str]:
        """As in `Fitted`."""
        rows = [functionals_of(read_canonical(path)) for path in files]
        table = pd.DataFrame(rows, columns=self.data.functional_names)[self.columns]
        return self.svm.predict(self.scaler.transform(table.to_numpy())).tolist()


@dataclass(frozen=True)
class Bench:
    """What all ways are given.

    Attributes:
        fits: how each way is trained on a fold.
    """

    data: SystemData
    values: Values
    fits: Mapping[str, Callable[[int], Fitted]]

    def files(self, clips: pd.DataFrame) -> list[Path]:
        """Sound files of clips."""
        return clip_files(DATA / "corpora", clips)


def validation_clips(data: SystemData, fold: int) -> pd.DataFrame:
    """Validation clips of a fold, in the order in which they are answered."""
    return data.with_role(fold, "validation").sort_values("clip", ignore_index=True)


def seconds(work: Work) -> float:
    """Processor time of one call: what else the machine does is not counted."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def best_of(ways: Mapping[str, Work], rounds: int = _ROUNDS) -> dict[str, float]:
    """Fewest seconds of each way; they take turns, after one round that is not counted."""
    for work in ways.values():
        work()
    taken = [{name: seconds(work) for name, work in ways.items()} for _ in range(rounds)]
    return {name: min(turn[name] for turn in taken) for name in ways}


def mean_mfcc(path: Path) -> npt.NDArray[Any]:
    """MFCCs of a file, averaged over time, as notebooks compute them: shape (40,)."""
    samples, rate = librosa.load(path, sr=_NOTEBOOK_RATE_HZ)
    return librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=40).mean(axis=1)


def librosa_features(path: Path, features: Features, settings: LogMelSettings) -> npt.NDArray[Any]:
    """Log-mel of one file by librosa, shape (frames, n_mels)."""
    samples, rate = librosa.load(path, sr=None)
    start, stop = trim_bounds(samples, features.trim_db)
    margin = round(features.trim_margin_ms * rate / 1000)
    mel = librosa.feature.melspectrogram(
        y=samples[max(0, start - margin) : stop + margin],
        sr=rate,
        n_fft=settings.n_fft,
        win_length=round(settings.window_ms * rate / 1000),
        hop_length=round(settings.hop_ms * rate / 1000),
        n_mels=settings.n_mels,
        fmin=settings.fmin_hz,
        fmax=settings.fmax_hz,
    )
    log_mel = np.log(mel + 1e-10).T
    return np.maximum(log_mel, log_mel.max() - settings.top_db * np.log(10) / 10)


def extractors(values: Values) -> dict[str, Callable[[Path], Any]]:
    """Features of one file, by way."""
    features, settings = load_features(values)
    front_end = build_front_end(features, settings)
    return {
        OURS: lambda path: extract(read_canonical(path), front_end, features),
        LIBROSA: partial(librosa_features, features=features, settings=settings),
        MFCC: mean_mfcc,
    }


def on_all(work: Callable[[Path], Any], files: Sequence[Path]) -> Work:
    """One call that works on every file in turn."""
    return lambda: [work(path) for path in files]


def feature_rows(bench: Bench, files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Rows of the task `features`."""
    ways = extractors(bench.values)
    taken = best_of({name: on_all(work, files) for name, work in ways.items()})
    for name, value in taken.items():
        yield row(FEATURES, name, value, len(files))


def train_all(bench: Bench, folds: Sequence[int]) -> tuple[pd.DataFrame, dict[str, Fitted]]:
    """Train every way on folds, in turns.

    Returns:
        One row a validation clip, with `way`, `fold`, `seconds` of the fold's training, `actual`
        and `predicted`; and the ways as trained on the first fold.
    """
    tables, first = [], {}
    for fold in tqdm(folds, desc="training", unit="fold"):
        clips = validation_clips(bench.data, fold)
        for name, fit in bench.fits.items():
            begun = time.process_time()
            fitted = fit(fold)
            taken = time.process_time() - begun
            first.setdefault(name, fitted)
            columns = {"way": name, "fold": fold, "seconds": taken, "actual": clips["emotion"]}
            tables.append(pd.DataFrame({**columns, "predicted": fitted.validate()}))
    return pd.concat(tables, ignore_index=True), first


def preparations(bench: Bench) -> dict[str, Callable[[Path], Any]]:
    """What each way computes of every file before it can train."""
    ours = extractors(bench.values)[OURS]
    return {
        OURS: lambda path: (ours(path), functionals_of(read_canonical(path))),
        SVM: lambda path: functionals_of(read_canonical(path)),
        NOTEBOOK: mean_mfcc,
    }


def training_rows(
    bench: Bench, answers: pd.DataFrame, folds: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Rows of both training tasks; what comes before training is timed on the first fold."""
    clips = np.mean([len(bench.data.with_role(fold, "train")) for fold in folds])
    files = bench.files(bench.data.with_role(folds[0], "train"))
    before = {name: seconds(on_all(work, files)) for name, work in preparations(bench).items()}
    for task in (TRAINING, FROM_FILES):
        for name, own in answers.groupby("way", sort=False):
            taken = own.groupby("fold")["seconds"].first().mean()
            taken += before[name] if task == FROM_FILES else 0.0
            uar = unweighted_average_recall(own["actual"].tolist(), own["predicted"].tolist())
            yield row(task, name, taken, float(clips), uar)


def prediction_rows(
    fitted: Mapping[str, Fitted], files: Sequence[Path]
) -> Iterator[dict[str, Any]]:
    """Rows of the task `prediction`: from sound files to their answers, all in one call."""
    taken = best_of({name: partial(way.answer, files) for name, way in fitted.items()})
    for name, value in taken.items():
        yield row(PREDICTION, name, value, len(files))


def row(
    task: str, way: str, taken: float, clips: float, uar: float | None = None
) -> dict[str, Any]:
    """One row of the table, without its comparison."""
    return {
        "task": task,
        "way": way,
        "seconds": taken,
        "clips_per_second": clips / taken,
        "validation_uar": uar,
    }


def compare(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The table; `relative_to_ours` is how many times as long as this project a way takes."""
    table = pd.DataFrame(rows)
    ours = table[table["way"] == OURS].set_index("task")["seconds"]
    table.insert(4, "relative_to_ours", table["seconds"] / table["task"].map(ours))
    return table.astype({"validation_uar": float})


def measure(bench: Bench, folds: Sequence[int], sample: int) -> pd.DataFrame:
    """All tasks, all ways."""
    training = bench.data.with_role(folds[0], "train")
    drawn = training.sample(min(sample, len(training)), random_state=_SEED)
    held_out = validation_clips(bench.data, folds[0])
    heard = held_out.sample(min(sample, len(held_out)), random_state=_SEED)
    rows = list(feature_rows(bench, bench.files(drawn)))
    answers, fitted = train_all(bench, folds)
    rows += training_rows(bench, answers, folds)
    rows += prediction_rows(fitted, bench.files(heard))
    return compare(rows)


def load_bench(folder: Path) -> Bench:
    """Everything that the pipeline has made of RAVDESS; the notebook's features go to a folder.

    Raises:
        SerError: if the corpus is not there.
    """
    if not (DATA / "corpora" / SYSTEM / MANIFEST).is_file():
        raise SerError(f"There is no {SYSTEM} in {DATA / 'corpora'}; run `dvc repro`.")
    values = load_values()
    system, linear = load_system_settings(values, SYSTEM), values.section("linear", Linear)
    # the first notebook, on its own features
    as_notebook = NOTEBOOKS[0].settings(
        values.changed({"features.front_end": "mean_mfcc", "features.trim_db": None}), EPOCHS
    )
    features = features_for(as_notebook, system.all_corpora, folder)
    data = load_system(system, DATA)
    other = load_system(system, DATA, features=features)
    alone = linear.model_copy(update={"share": 0.0})
    cost = values.section("baselines", BaselineSettings).svm_c
    fits: dict[str, Callable[[int], Fitted]] = {
        OURS: partial(FittedNetwork.fit, values=values, data=data, linear=linear),
        SVM: partial(FittedSvm.fit, data=data, cost=cost),
        NOTEBOOK: partial(FittedNetwork.fit, values=as_notebook, data=other, linear=alone),
    }
    return Bench(data, values, fits)


def main(
    folds: int = typer.Option(0, min=0, help="How many folds to train; 0 is every fold."),
    sample: int = typer.Option(200, min=1, help="Clips whose features and answers are timed."),
    out: Path = typer.Option(Path("docs/speed.csv"), help="Table; the figure stands beside it."),
) -> None:
    """Time all ways, print the table, write and draw it."""
    use_one_thread()
    prepare_torch()
    with tempfile.TemporaryDirectory() as folder:
        bench = load_bench(Path(folder))
        table = measure(bench, bench.data.fold_numbers[: folds or None], sample)
    print(table.round(2).to_string(index=False, na_rep=""))
    write_csv(out, table, decimals=3)
    draw_speed(table, out.with_suffix(".png"))


if __name__ == "__main__":
    run(main)
