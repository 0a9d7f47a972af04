"""Floors: scores that need no network, on the same folds as the system they stand beside."""

from collections.abc import Callable
from functools import partial

import pandas as pd
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ser.clips import speaker_keys
from ser.evaluation.intervals import uar_interval
from ser.evaluation.predictions import IDENTITY
from ser.functional_reader import FunctionalsReader
from ser.functional_store import COVARIANCE
from ser.labels import EMOTIONS, ordered
from ser.models.linear import fit_fold
from ser.processes import spread
from ser.scoring import accuracy, unweighted_average_recall
from ser.splits.guards import Purpose
from ser.splits.selection import SystemClips

# functionals that each SVM sees, by the beginning of their names; empty for all but covariances,
# which have come later: the floor that others were measured by stays where it was
SVM_FLOORS = {"duration": "duration.", "loudness": "loudness", "functionals_svm": ""}
LINEAR = "functionals_linear"
FLOORS = ("majority", "speaker_majority", *SVM_FLOORS, LINEAR)


def floor_predictions(
    chosen: SystemClips,
    functionals: pd.DataFrame,
    svm_c: float,
    linear_c: float,
    processes: int,
) -> pd.DataFrame:
    """Out-of-fold predictions of every floor, in the form of a system's, with a column `floor`.

    Floors: `majority`, the most frequent emotion of training; `speaker_majority`, an oracle that
    gives each test speaker's most frequent emotion and reads it from the labels; `duration`,
    `loudness` and `functionals_svm`, support vector machines on functionals (radial basis, every
    class of equal weight, standardised by training clips); `functionals_linear`, the linear part
    of the systems by itself, which sees covariances too.

    Args:
        functionals: one row a clip, as `ser.functional_store.read_functionals` gives them.
        svm_c, linear_c: cost of the SVM's and of the linear classifier's errors.
    """
    jobs = [(fold, floor) for floor in FLOORS for fold in chosen.fold_numbers]
    work = partial(
        _predict_fold, chosen=chosen, functionals=functionals, svm_c=svm_c, linear_c=linear_c
    )
    tables = spread(work, jobs, processes, "floors", "fold")
    return pd.concat(tables, ignore_index=True).sort_values(
        ["floor", "clip"], key=_floor_order, ignore_index=True
    )


def _floor_order(column: pd.Series) -> pd.Series:
    return column.map(FLOORS.index) if column.name == "floor" else column


def _predict_fold(
    job: tuple[int, str],
    chosen: SystemClips,
    functionals: pd.DataFrame,
    svm_c: float,
    linear_c: float,
) -> pd.DataFrame:
    fold, floor = job
    tested = chosen.with_role(fold, "test")
    predict = _FLOORS_WITHOUT_SOUND.get(floor)
    if predict is None and floor == LINEAR:
        predict = partial(_linear, functionals=functionals, cost=linear_c)
    elif predict is None:
        predict = partial(_svm, functionals=_columns(functionals, SVM_FLOORS[floor]), svm_c=svm_c)
    rows = tested.assign(fold=fold, seed=0, protocol=chosen.protocol.name)
    table = rows[[*IDENTITY, "protocol", "emotion"]]
    return table.assign(predicted=predict(chosen, fold), floor=floor)


def _majority(chosen: SystemClips, fold: int) -> pd.Series:
    tested = chosen.with_role(fold, "test")
    common = _most_frequent(chosen.with_role(fold, "train")["emotion"])
    return pd.Series(common, index=tested.index)


def _speaker_majority(chosen: SystemClips, fold: int) -> pd.Series:
    common = chosen.clips["emotion"].groupby(speaker_keys(chosen.clips)).agg(_most_frequent)
    return speaker_keys(chosen.with_role(fold, "test")).map(common)


def _most_frequent(emotions: pd.Series) -> str:
    """The most frequent emotion; of several, the first of the shared set."""
    counts = emotions.value_counts()
    return min(counts.index[counts == counts.max()], key=EMOTIONS.index)


def _columns(functionals: pd.DataFrame, prefix: str) -> pd.DataFrame:
    return functionals[
        [
            name
            for name in functionals.columns
            if name.startswith(prefix) and not name.startswith(COVARIANCE)
        ]
    ]


_FLOORS_WITHOUT_SOUND: dict[str, Callable[[SystemClips, int], pd.Series]] = {
    "majority": _majority,
    "speaker_majority": _speaker_majority,
}


def predict_svm(
    chosen: SystemClips, fold: int, functionals: pd.DataFrame, svm_c: float
) -> pd.Series:
    """Answers of the floor `functionals_svm` to the tested clips of a fold.

    Raises:
        LeakError: if a clip is held out from what it would be read for.
    """
    return _svm(chosen, fold, _columns(functionals, SVM_FLOORS["functionals_svm"]), svm_c)


def _svm(chosen: SystemClips, fold: int, functionals: pd.DataFrame, svm_c: float) -> pd.Series:
    reader = FunctionalsReader(chosen, functionals, fold)
    trains, tested = chosen.with_role(fold, "train"), chosen.with_role(fold, "test")
    scaler = StandardScaler().fit(reader.read(trains, Purpose.STATISTICS))
    svm = SVC(C=svm_c, gamma="scale", class_weight="balanced")
    svm.fit(scaler.transform(reader.read(trains, Purpose.TRAIN)), trains["emotion"].tolist())
    predicted = svm.predict(scaler.transform(reader.read(tested, Purpose.TEST)))
    return pd.Series(predicted, index=tested.index)


def _linear(chosen: SystemClips, fold: int, functionals: pd.DataFrame, cost: float) -> pd.Series:
    reader = FunctionalsReader(chosen, functionals, fold)
    trains, tested = chosen.with_role(fold, "train"), chosen.with_role(fold, "test")
    emotions = ordered(trains["emotion"])
    model = fit_fold(reader, trains, emotions, cost)
    values = reader.read(tested, Purpose.TEST)
    best = model.predict(values, tested["corpus"].tolist()).argmax(axis=1)
    return pd.Series([emotions[number] for number in best], index=tested.index)


def floor_scores(predictions: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """UAR with its 95 % interval, and accuracy, of every floor, in percent."""
    scores: dict[str, dict[str, float | None]] = {}
    for floor in FLOORS:
        rows = predictions[predictions["floor"] == floor]
        actual, predicted = rows["emotion"].tolist(), rows["predicted"].tolist()
        interval = uar_interval(rows)
        scores[floor] = {
            "uar": unweighted_average_recall(actual, predicted),
            "uar_low": interval.low if interval else None,
            "uar_high": interval.high if interval else None,
            "accuracy": accuracy(actual, predicted),
        }
    return scores
