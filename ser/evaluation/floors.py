"""Floors: scores that need no network, on the same folds as the system they stand beside."""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ser.clips import speaker_keys
from ser.evaluation.intervals import uar_interval
from ser.evaluation.predictions import IDENTITY
from ser.labels import EMOTIONS
from ser.processes import spread
from ser.scoring import accuracy, unweighted_average_recall
from ser.splits.crossings import Crossing
from ser.splits.guards import Purpose, check_reading
from ser.splits.selection import SystemClips

Values = npt.NDArray[np.float64]

# functionals that each SVM sees, by the beginning of their names; empty for all
SVM_FLOORS = {"duration": "duration.", "loudness": "loudness", "functionals_svm": ""}
FLOORS = ("majority", "speaker_majority", *SVM_FLOORS)
# a deviation below this is that of a value which does not change
_STILL = 1e-9


class FunctionalsReader:
    """The one way to the functionals of a fold: a reading names its purpose, and is checked."""

    def __init__(self, chosen: SystemClips, functionals: pd.DataFrame, fold: int) -> None:
        self._chosen = chosen
        self._table = functionals
        self._roles = chosen.roles(fold)

    def read(self, clips: pd.DataFrame, purpose: Purpose) -> Values:
        """Functionals of clips, shape (clips, functionals); by speaker if the protocol says so.

        Raises:
            LeakError: if a clip is held out from this purpose.
        """
        values = self._values(clips, purpose)
        if Crossing.STATISTIC in self._chosen.protocol.crosses:
            speakers = speaker_keys(clips).to_numpy()
            for speaker in np.unique(speakers):
                own = self._values(self._clips_of(speaker), Purpose.STATISTICS)
                scale = np.maximum(own.std(axis=0), _STILL)
                values[speakers == speaker] -= own.mean(axis=0)
                values[speakers == speaker] /= scale
        return values

    def _values(self, clips: pd.DataFrame, purpose: Purpose) -> Values:
        items = pd.DataFrame({"item": clips["clip"], "clip": clips["clip"], "effect": ""})
        check_reading(items, self._roles, purpose, self._chosen.protocol)
        return self._table.loc[clips["clip"]].to_numpy(dtype=np.float64, copy=True)

    def _clips_of(self, speaker: str) -> pd.DataFrame:
        clips = self._chosen.clips
        return clips[(speaker_keys(clips) == speaker) & clips["clip"].isin(self._roles)]


def floor_predictions(
    chosen: SystemClips, functionals: pd.DataFrame, svm_c: float, processes: int
) -> pd.DataFrame:
    """Out-of-fold predictions of every floor, in the form of a system's, with a column `floor`.

    Floors: `majority`, the most frequent emotion of training; `speaker_majority`, an oracle that
    gives each test speaker's most frequent emotion and reads it from the labels; `duration`,
    `loudness` and `functionals_svm`, support vector machines on functionals (radial basis, every
    class of equal weight, standardised by training clips).

    Args:
        functionals: one row a clip, as `ser.functional_store.read_functionals` gives them.
        svm_c: cost of the SVM's errors.
    """
    jobs = [(fold, floor) for floor in FLOORS for fold in chosen.fold_numbers]
    work = partial(_predict_fold, chosen=chosen, functionals=functionals, svm_c=svm_c)
    tables = spread(work, jobs, processes, "floors", "fold")
    return pd.concat(tables, ignore_index=True).sort_values(
        ["floor", "clip"], key=_floor_order, ignore_index=True
    )


def _floor_order(column: pd.Series) -> pd.Series:
    return column.map(FLOORS.index) if column.name == "floor" else column


def _predict_fold(
    job: tuple[int, str], chosen: SystemClips, functionals: pd.DataFrame, svm_c: float
) -> pd.DataFrame:
    fold, floor = job
    tested = chosen.with_role(fold, "test")
    predict: Callable[[SystemClips, int], pd.Series] = {
        "majority": _majority,
        "speaker_majority": _speaker_majority,
    }.get(floor) or partial(
        _svm, functionals=_columns(functionals, SVM_FLOORS.get(floor, "")), svm_c=svm_c
    )
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
    return functionals[[name for name in functionals.columns if name.startswith(prefix)]]


def _svm(chosen: SystemClips, fold: int, functionals: pd.DataFrame, svm_c: float) -> pd.Series:
    reader = FunctionalsReader(chosen, functionals, fold)
    trains, tested = chosen.with_role(fold, "train"), chosen.with_role(fold, "test")
    scaler = StandardScaler().fit(reader.read(trains, Purpose.STATISTICS))
    svm = SVC(C=svm_c, gamma="scale", class_weight="balanced")
    svm.fit(scaler.transform(reader.read(trains, Purpose.TRAIN)), trains["emotion"].tolist())
    predicted = svm.predict(scaler.transform(reader.read(tested, Purpose.TEST)))
    return pd.Series(predicted, index=tested.index)


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
