"""This project beside what else one would do, on one core: `python -m benchmarks.speed`.

Features, training and prediction on RAVDESS are timed for this project and for other ways that do
the same job, in turns. Scores beside the times are those of validation speakers: no test clip is
read. Results go to `docs/speed.csv` and `docs/speed.png`.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import typer
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tqdm import tqdm

from benchmarks.features import librosa_features, seconds
from benchmarks.figures import draw_speed
from benchmarks.notebook import NotebookModel, mean_mfcc, train_notebook
from benchmarks.prediction import Predictor, functional_spectra
from ser.audio import read_canonical
from ser.clips import MANIFEST, clip_path
from ser.dataset import SystemData, load_system
from ser.entry import run
from ser.errors import SerError
from ser.evaluation.out_of_fold import predict_validation
from ser.features import build_front_end, extract
from ser.files import write_csv
from ser.functional_reader import FunctionalsReader
from ser.functional_store import COVARIANCE
from ser.functionals import describe
from ser.models.storage import TrainedModel
from ser.params import Features, Params, load_params
from ser.processes import use_one_thread
from ser.scoring import unweighted_average_recall
from ser.splits.guards import Purpose
from ser.training.fold import train_fold
from ser.training.system import prepare_torch

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

Work = Callable[[], Any]


@dataclass(frozen=True)
class Bench:
    """What all ways are given.

    Attributes:
        mfcc: one row a clip, the notebook's input; read through the same guard as functionals.
        corpora: folder with a folder of clips for each corpus.
    """

    params: Params
    data: SystemData
    mfcc: pd.DataFrame
    corpora: Path

    def files(self, clips: pd.DataFrame) -> list[Path]:
        """Sound files of clips."""
        return clip_files(self.corpora, clips)

    @property
    def statistics(self) -> pd.DataFrame:
        """The functionals that the SVM sees: all but covariances, as in `ser.evaluation.floors`."""
        table = self.data.functionals
        return table[[name for name in table.columns if not name.startswith(COVARIANCE)]]


class Fitted(Protocol):
    """A way after its training."""

    def validate(self, bench: Bench, fold: int) -> list[str]:
        """Answers to the validation clips of a fold, in the order of the fold's table."""

    def answer(self, files: Sequence[Path]) -> list[str]:
        """The emotions of files."""


@dataclass(frozen=True)
class FittedOurs:
    """This project's model."""

    model: TrainedModel
    predictor: Predictor
    corpus: str

    @classmethod
    def fit(cls, bench: Bench, fold: int) -> "FittedOurs":
        """Train as the train stage does."""
        model, _ = train_fold(bench.params, bench.data, fold, _SEED)
        corpus = str(bench.data.clips["corpus"].iloc[0])
        return cls(model, Predictor(model, bench.params.features), corpus)

    def validate(self, bench: Bench, fold: int) -> list[str]:
        """As in `Fitted`."""
        probabilities, _, _ = predict_validation(self.model, bench.data, fold)
        return [self.model.emotions[number] for number in probabilities.argmax(axis=1)]

    def answer(self, files: Sequence[Path]) -> list[str]:
        """As in `Fitted`."""
        return self.predictor.answer(files, self.corpus)


@dataclass(frozen=True)
class FittedSvm:
    """A support vector machine on functionals, as the floor `functionals_svm`."""

    scaler: StandardScaler
    svm: SVC
    kept: npt.NDArray[np.bool_]

    @classmethod
    def fit(cls, bench: Bench, fold: int) -> "FittedSvm":
        """Train on the functionals at hand."""
        reader = FunctionalsReader(bench.data, bench.statistics, fold)
        clips = bench.data.with_role(fold, "train")
        scaler = StandardScaler().fit(reader.read(clips, Purpose.STATISTICS))
        svm = SVC(C=bench.params.floors.svm_c, gamma="scale", class_weight="balanced")
        svm.fit(scaler.transform(reader.read(clips, Purpose.TRAIN)), clips["emotion"].tolist())
        names = bench.data.functionals.columns
        kept = np.array([not name.startswith(COVARIANCE) for name in names])
        return cls(scaler, svm, kept)

    def validate(self, bench: Bench, fold: int) -> list[str]:
        """As in `Fitted`."""
        reader = FunctionalsReader(bench.data, bench.statistics, fold)
        values = reader.read(validation_clips(bench.data, fold), Purpose.CHECKPOINT)
        return self.svm.predict(self.scaler.transform(values)).tolist()

    def answer(self, files: Sequence[Path]) -> list[str]:
        """As in `Fitted`."""
        described = np.stack([functionals_of(path) for path in files])[:, self.kept]
        return self.svm.predict(self.scaler.transform(described)).tolist()


@dataclass(frozen=True)
class FittedNotebook:
    """The network of many notebooks."""

    model: NotebookModel

    @classmethod
    def fit(cls, bench: Bench, fold: int) -> "FittedNotebook":
        """Train on the MFCCs at hand."""
        reader = FunctionalsReader(bench.data, bench.mfcc, fold)
        clips = bench.data.with_role(fold, "train")
        fitted_on = reader.read(clips, Purpose.STATISTICS)
        values = reader.read(clips, Purpose.TRAIN)
        return cls(train_notebook(fitted_on, values, clips["emotion"].tolist(), _SEED))

    def validate(self, bench: Bench, fold: int) -> list[str]:
        """As in `Fitted`."""
        reader = FunctionalsReader(bench.data, bench.mfcc, fold)
        return self.model.predict(
            reader.read(validation_clips(bench.data, fold), Purpose.CHECKPOINT)
        )

    def answer(self, files: Sequence[Path]) -> list[str]:
        """As in `Fitted`."""
        return self.model.predict(np.stack([mean_mfcc(path) for path in files]))


WAYS: Mapping[str, Callable[[Bench, int], Fitted]] = {
    OURS: FittedOurs.fit,
    SVM: FittedSvm.fit,
    NOTEBOOK: FittedNotebook.fit,
}


_SPECTRA = functional_spectra()


def functionals_of(path: Path) -> npt.NDArray[np.float64]:
    """Functionals of a file, shape (functionals,)."""
    return np.array(list(describe(read_canonical(path), _SPECTRA).values()))


def clip_files(corpora: Path, clips: pd.DataFrame) -> list[Path]:
    """Sound files of clips, under the folder of all corpora."""
    return [
        clip_path(corpora / corpus, clip)
        for corpus, clip in zip(clips["corpus"], clips["clip"], strict=True)
    ]


def validation_clips(data: SystemData, fold: int) -> pd.DataFrame:
    """Validation clips of a fold, in the order in which `predict_validation` answers."""
    return data.with_role(fold, "validation").sort_values("clip", ignore_index=True)


def mfcc_table(corpora: Path, clips: pd.DataFrame) -> pd.DataFrame:
    """Mean MFCCs, one row a clip."""
    files = tqdm(clip_files(corpora, clips), desc="mean MFCCs", unit="clip")
    return pd.DataFrame([mean_mfcc(path) for path in files], index=pd.Index(clips["clip"]))


def best_of(ways: Mapping[str, Work], rounds: int = _ROUNDS) -> dict[str, float]:
    """Fewest seconds of each way; they take turns, after one round that is not counted."""
    for work in ways.values():
        work()
    taken = [{name: seconds(work) for name, work in ways.items()} for _ in range(rounds)]
    return {name: min(turn[name] for turn in taken) for name in ways}


def extractors(settings: Features) -> dict[str, Callable[[Path], Any]]:
    """Features of one file, by way."""
    front_end = build_front_end(settings)
    return {
        OURS: lambda path: extract(read_canonical(path), front_end, settings),
        LIBROSA: partial(librosa_features, settings=settings),
        MFCC: mean_mfcc,
    }


def on_all(work: Callable[[Path], Any], files: Sequence[Path]) -> Work:
    """One call that works on every file in turn."""
    return lambda: [work(path) for path in files]


def feature_rows(bench: Bench, files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Rows of the task `features`."""
    ways = extractors(bench.params.features)
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
        for name, fit in WAYS.items():
            begun = time.perf_counter()
            fitted = fit(bench, fold)
            taken = time.perf_counter() - begun
            first.setdefault(name, fitted)
            columns = {"way": name, "fold": fold, "seconds": taken, "actual": clips["emotion"]}
            tables.append(pd.DataFrame({**columns, "predicted": fitted.validate(bench, fold)}))
    return pd.concat(tables, ignore_index=True), first


def preparations(bench: Bench) -> dict[str, Callable[[Path], Any]]:
    """What each way computes of every file before it can train."""
    ours = extractors(bench.params.features)[OURS]
    return {
        OURS: lambda path: (ours(path), functionals_of(path)),
        SVM: functionals_of,
        NOTEBOOK: mean_mfcc,
    }


def training_rows(
    bench: Bench, answers: pd.DataFrame, folds: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Rows of both training tasks; what comes before training is timed on the first fold."""
    trained = [len(bench.data.with_role(fold, "train")) for fold in folds]
    files = bench.files(bench.data.with_role(folds[0], "train"))
    before = {name: seconds(on_all(work, files)) for name, work in preparations(bench).items()}
    for task in (TRAINING, FROM_FILES):
        for name in WAYS:
            own = answers[answers["way"] == name]
            taken = own.groupby("fold")["seconds"].first().mean()
            taken += before[name] if task == FROM_FILES else 0.0
            uar = unweighted_average_recall(own["actual"].tolist(), own["predicted"].tolist())
            yield row(task, name, taken, float(np.mean(trained)), uar)


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


def load_bench(data: Path) -> Bench:
    """Everything that the pipeline has made of RAVDESS.

    Raises:
        SerError: if the corpus is not there.
    """
    if not (data / "corpora" / SYSTEM / MANIFEST).is_file():
        raise SerError(f"There is no {SYSTEM} in {data / 'corpora'}; run `dvc repro`.")
    params = load_params()
    folders = [data / part for part in ("splits", "features", "functionals")]
    system = load_system(params, params.system(SYSTEM), *folders)
    mfcc = mfcc_table(data / "corpora", system.clips)
    return Bench(params, system, mfcc, data / "corpora")


def main(
    folds: int = typer.Option(0, min=0, help="How many folds to train; 0 is every fold."),
    sample: int = typer.Option(200, min=1, help="Clips whose features and answers are timed."),
    out: Path = typer.Option(Path("docs/speed.csv"), help="Table; the figure stands beside it."),
) -> None:
    """Time all ways, print the table, write and draw it."""
    use_one_thread()
    prepare_torch()
    bench = load_bench(DATA)
    numbers = bench.data.fold_numbers[: folds or None]
    table = measure(bench, numbers, sample)
    print(table.round(2).to_string(index=False, na_rep=""))
    write_csv(out, table, decimals=3)
    draw_speed(table, out.with_suffix(".png"))


if __name__ == "__main__":
    run(main)
