"""Baselines: scores that need no network, on the same folds as the system they stand beside."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ser.clips.labels import ordered
from ser.clips.manifest import speaker_keys
from ser.core.processes import spread
from ser.core.scoring import accuracy, unweighted_average_recall
from ser.core.settings import Positive, Section
from ser.evaluation.intervals import uar_interval
from ser.evaluation.predictions import IDENTITY
from ser.guards.checks import Purpose
from ser.models.linear import MOST_CLIPS, fit_fold
from ser.models.storage import TrainedLinear, load_linear, network_path, save_linear
from ser.reading.data import SystemData, at_most, trained_emotions
from ser.reading.reader import Reader
from ser.store.functionals import COVARIANCE

# functionals that each SVM sees, by the beginning of their names; empty for all but covariances,
# which have come later: the baseline that others were measured by stays where it was
_SVM = {"functionals_svm": "", "loudness": "loudness", "duration": "duration."}
LINEAR = "functionals_linear"
# from the strongest to the weakest, as a rule
BASELINES = (LINEAR, *_SVM, "speaker_majority", "majority")


class BaselineSettings(Section):
    """`svm_c`: cost of the SVM's errors; the larger, the closer it follows its training clips."""

    svm_c: Positive


def fit_linear_folds(data: SystemData, cost: float, out: Path) -> None:
    """Fit the linear part of every fold; write them to the folder `out`.

    Raises:
        LeakError: if a clip is held out from what it would be read for.
    """
    work = partial(_fit_linear, data=data, cost=cost, out=out)
    spread(work, data.fold_numbers, "linear parts", "fold")


def _fit_linear(fold: int, data: SystemData, cost: float, out: Path) -> None:
    save_linear(network_path(out, fold), train_linear(data, fold, cost))


def train_linear(data: SystemData, fold: int, cost: float) -> TrainedLinear:
    """The linear part of a fold, and the clips it was made from.

    Raises:
        LeakError: if a clip is held out from what it would be read for.
    """
    reader, emotions = Reader(data, fold), trained_emotions(data, fold)
    model = fit_fold(reader, data.with_role(fold, "train"), emotions, cost)
    return TrainedLinear(emotions, fold, reader.uses, model)


def baseline_predictions(data: SystemData, svm_c: float, linear: Path) -> pd.DataFrame:
    """Out-of-fold predictions of every baseline, like a system's, with a column `baseline`.

    Baselines: `functionals_linear`, the linear part of the system by itself; `functionals_svm`,
    `loudness` and `duration`, support vector machines on functionals (radial basis, every class of
    equal weight, standardised by training clips); `speaker_majority`, an oracle that gives each
    test speaker's most frequent emotion and reads it from the labels; `majority`, the most frequent
    emotion of training. Helping corpora train none of them but the linear part.

    Args:
        svm_c: cost of the SVM's errors.
        linear: folder of the linear parts.
    """
    jobs = [(fold, name) for name in BASELINES for fold in data.fold_numbers]
    work = partial(_predict_fold, data=data, svm_c=svm_c, linear=linear)
    tables = spread(work, jobs, "baselines", "fold")
    return pd.concat(tables, ignore_index=True).sort_values(
        ["baseline", "clip"], key=_in_order, ignore_index=True
    )


def _in_order(column: "pd.Series[str]") -> "pd.Series[str]":
    return column.map(BASELINES.index) if column.name == "baseline" else column


def _predict_fold(
    job: tuple[int, str], data: SystemData, svm_c: float, linear: Path
) -> pd.DataFrame:
    fold, name = job
    tested = data.with_role(fold, "test")
    predict: Callable[[SystemData, int], Sequence[str]]
    if name == LINEAR:
        predict = partial(_linear, folder=linear)
    elif name in _SVM:
        predict = partial(predict_svm, svm_c=svm_c, prefix=_SVM[name])
    else:
        predict = _majority if name == "majority" else _speaker_majority
    rows = tested.assign(fold=fold, seed=0, protocol=data.protocol.name)
    return rows[[*IDENTITY, "protocol", "emotion"]].assign(
        predicted=list(predict(data, fold)), baseline=name
    )


def _majority(data: SystemData, fold: int) -> Sequence[str]:
    trains = _own(data, fold)
    return [_most_frequent(trains["emotion"])] * len(data.with_role(fold, "test"))


def _speaker_majority(data: SystemData, fold: int) -> Sequence[str]:
    common = data.clips["emotion"].groupby(speaker_keys(data.clips)).agg(_most_frequent)
    return speaker_keys(data.with_role(fold, "test")).map(common).tolist()


def _most_frequent(emotions: "pd.Series[str]") -> str:
    """The most frequent emotion; of several, the first in their order."""
    counts = emotions.value_counts()
    return ordered(counts.index[counts == counts.max()])[0]


def _own(data: SystemData, fold: int) -> pd.DataFrame:
    """Training clips of the tested corpora; of all corpora, where none of those train."""
    trains = data.with_role(fold, "train")
    own = trains["corpus"].isin(data.tested["corpus"].unique())
    return trains[own] if own.any() else trains


def predict_svm(data: SystemData, fold: int, svm_c: float, prefix: str = "") -> Sequence[str]:
    """Answers of an SVM on functionals to the tested clips of a fold.

    Args:
        prefix: beginning of the names of the functionals that it sees.

    Raises:
        LeakError: if a clip is held out from what it would be read for.
    """
    reader = Reader(data, fold)
    columns = [
        name
        for name in data.functional_names
        if name.startswith(prefix) and not name.startswith(COVARIANCE)
    ]
    trains, tested = at_most(_own(data, fold), MOST_CLIPS), data.with_role(fold, "test")
    scaler = StandardScaler().fit(reader.functionals(trains, Purpose.STATISTICS, columns))
    svm = SVC(C=svm_c, gamma="scale", class_weight="balanced")
    values = reader.functionals(trains, Purpose.TRAIN, columns)
    svm.fit(scaler.transform(values), trains["emotion"].tolist())
    answers = svm.predict(scaler.transform(reader.functionals(tested, Purpose.TEST, columns)))
    return [str(answer) for answer in answers]


def _linear(data: SystemData, fold: int, folder: Path) -> Sequence[str]:
    trained = load_linear(network_path(folder, fold))
    tested = data.with_role(fold, "test")
    values = Reader(data, fold).functionals(tested, Purpose.TEST)
    best = trained.model.predict(values, tested["corpus"].tolist()).argmax(axis=1)
    return [trained.emotions[number] for number in best]


def baselines_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row a baseline: `baseline`, `uar` with its 95 % interval, `accuracy`, in percent."""
    rows = []
    for name in BASELINES:
        own = predictions[predictions["baseline"] == name]
        actual, predicted = own["emotion"].tolist(), own["predicted"].tolist()
        interval = uar_interval(own)
        rows.append(
            {
                "baseline": name,
                "uar": unweighted_average_recall(actual, predicted),
                "uar_low": interval.low if interval else np.nan,
                "uar_high": interval.high if interval else np.nan,
                "accuracy": accuracy(actual, predicted),
            }
        )
    return pd.DataFrame(rows)
