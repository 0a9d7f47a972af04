"""Which features matter? Groups of functionals taken away, and parts of the spectrogram blanked.

In: data/splits, data/features, data/functionals and models/studies (the reference) of a corpus.
Params: linear, studies.training and all that training reads.
Out: plots/studies/importance/<corpus>.csv, <corpus>_emotions.csv and <corpus>_saliency.csv.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import compress, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor

from ser.clips.labels import ordered
from ser.core.errors import SerError
from ser.core.processes import spread
from ser.core.settings import Values
from ser.evaluation.out_of_fold import Answering, load_model
from ser.evaluation.predictions import IDENTITY
from ser.evaluation.trials import difference, scores
from ser.guards.checks import Purpose
from ser.models.inference import predict_probabilities
from ser.models.linear import LinearModel, fit_fold
from ser.models.settings import Linear
from ser.models.storage import TrainedNetwork
from ser.reading.data import SystemData, check_uses, clips_only, encode, trained_emotions
from ser.reading.reader import FloatArray, Reader
from ser.training.system import prepare_torch
from studies.reference import reference
from studies.study import MODELS, Tables, run_study

ALL = "all groups"
# functionals by the beginning of their names
GROUPS = {
    "energy": ("loudness.", "loudness_change."),
    "pitch": ("pitch.", "pitch_change."),
    "voice quality": ("periodicity.",),
    "spectral shape": ("spectrum.", "log_mel.", "log_mel_change."),
    "MFCC": ("mfcc.",),
    "MFCC, how they vary together": ("covariance.",),
    "rhythm": ("duration.",),
}
# ways to ask what a group is worth
ALONE, WITHOUT, PERMUTED, OCCLUDED = "alone", "without", "permuted", "occluded"
WAYS = (ALONE, WITHOUT, PERMUTED, OCCLUDED)
# times that a group is permuted anew
PERMUTATIONS = 10
# the spectrogram is blanked in so many parts of its bands, and of its time
BANDS, SPANS = 16, 8
# of a fold's tested clips, every so many-th is blanked
EVERY_CLIP = 3
_TINY = 1e-7
_SEED = 20_261_125


def study_importance(values: Values, corpus: str) -> Tables:
    """Ask the linear part about groups, and the reference network about parts of the spectrogram.

    All answers are those to clips of speakers who did not train.

    Returns:
        As `describe` gives them.
    """
    trial = reference(values, corpus)
    folds = trial.data.fold_numbers
    ask = partial(_ask_fold, data=trial.data, cost=values.section("linear", Linear).c)
    answers = spread(ask, folds, f"{corpus}: groups", "fold")
    blank = partial(_blank_fold, data=trial.data, models=MODELS / corpus, seed=trial.seeds[0])
    evidence = spread(blank, folds, f"{corpus}: saliency", "fold")
    return describe(*(pd.concat(tables, ignore_index=True) for tables in (answers, evidence)))


def group_of(name: str) -> str:
    """The group of a functional.

    Raises:
        SerError: if it belongs to none.
    """
    for group, beginnings in GROUPS.items():
        if name.startswith(beginnings):
            return group
    raise SerError(
        f"The functional {name} belongs to no group of studies/importance.py; the study is of this "
        "project's own functionals (functionals.kind: own in params.yaml)."
    )


def _ask_fold(fold: int, data: SystemData, cost: float) -> pd.DataFrame:
    """Answers to the tested clips of a fold, for every group and way.

    Columns: `IDENTITY` (`seed` is the number of the permutation), `group`, `way`, `functionals`,
    `emotion`, `predicted`, `protocol`, `mark`.
    """
    names = data.functional_names
    group = np.array([group_of(name) for name in names])
    emotions = trained_emotions(data, fold)
    tested = data.with_role(fold, "test").sort_values("clip", ignore_index=True)
    corpora = tested["corpus"].tolist()

    def answer(model: LinearModel, values: FloatArray, name: str, way: str, draw: int = 0) -> None:
        best = model.predict(values, corpora).argmax(axis=1)
        rows = tested.assign(fold=fold, seed=draw, predicted=[emotions[i] for i in best])
        count = len(names) if name == ALL else int((group == name).sum())
        asked = {"group": name, "way": way, "functionals": count}
        tables.append(rows[[*IDENTITY, "emotion", "predicted"]].assign(**asked))

    tables: list[pd.DataFrame] = []
    whole, values = _fit(data, fold, names, cost)
    answer(whole, values, ALL, ALONE)
    means = np.stack([whole.mean[corpus] for corpus in corpora])
    for name in GROUPS:
        own = group == name
        for way, kept in ((ALONE, own), (WITHOUT, ~own)):
            answer(*_fit(data, fold, list(compress(names, kept)), cost), name, way)
        answer(whole, np.where(own, means, values), name, OCCLUDED)
        for draw in range(PERMUTATIONS):
            order = np.random.default_rng([_SEED, fold, draw]).permutation(len(values))
            answer(whole, np.where(own, values[order], values), name, PERMUTED, draw)
    return pd.concat(tables, ignore_index=True).assign(**data.protocol.fields)


def _fit(
    data: SystemData, fold: int, columns: Sequence[str], cost: float
) -> tuple[LinearModel, FloatArray]:
    """The linear part of a fold on some functionals, and those of the tested clips by name."""
    reader, trains = Reader(data, fold), data.with_role(fold, "train")
    emotions = list(trained_emotions(data, fold))
    model = fit_fold(reader, trains, emotions, cost, columns)
    check_uses(data, fold, reader.uses)
    tested = data.with_role(fold, "test").sort_values("clip", ignore_index=True)
    return model, reader.functionals(tested, Purpose.TEST, columns)


def _blank_fold(fold: int, data: SystemData, models: Path, seed: int) -> pd.DataFrame:
    prepare_torch()
    return blank_parts(load_model(models, fold, seed, Answering(0.0, ())).network, data, EVERY_CLIP)


def blank_parts(model: TrainedNetwork, data: SystemData, every: int = 1) -> pd.DataFrame:
    """Evidence in every part of the spectrograms of clips that the model's fold tests.

    Zeiler & Fergus (2014), "Visualizing and understanding convolutional networks", ECCV: occlusion.
    A part is blanked with what normalised features have on average: zero.

    Args:
        every: one clip in so many is blanked.

    Returns:
        Columns: `clip`, `emotion`, `band`, `span`, `evidence` (nats).

    Raises:
        LeakError: if the model was made from what it would be tested on.
    """
    check_uses(data, model.fold, model.uses)
    items = clips_only(data, data.with_role(model.fold, "test")).iloc[::every]
    clips = Reader(data, model.fold).normalized(items, Purpose.TEST, model.normalizer)
    targets = encode(data.clips, items, model.emotions).tolist()
    band, span = np.divmod(np.arange(BANDS * SPANS), SPANS)
    tables = []
    for item, clip, target in zip(items["clip"], clips, targets, strict=True):
        probabilities = predict_probabilities(model.network, [clip, *_with_blanks(clip)])
        logs = np.log(np.maximum(probabilities[:, target].double().numpy(), _TINY))
        parts = {"band": band, "span": span, "evidence": logs[0] - logs[1:]}
        whole = {"clip": item, "emotion": model.emotions[target]}
        tables.append(pd.DataFrame({**whole, **parts}))
    return pd.concat(tables, ignore_index=True)


def _with_blanks(clip: Tensor) -> list[Tensor]:
    """Copies of a clip, shape (rows, bands), each with one part blanked: band by band."""
    rows = np.linspace(0, clip.shape[0], SPANS + 1).round().astype(int)
    bands = np.linspace(0, clip.shape[1], BANDS + 1).round().astype(int)
    copies = []
    for low, high in pairwise(bands):
        for start, stop in pairwise(rows):
            copy = clip.clone()
            copy[start:stop, low:high] = 0.0
            copies.append(copy)
    return copies


def describe(answers: pd.DataFrame, evidence: pd.DataFrame) -> Tables:
    """Scores of every group and way; losses and evidence by emotion.

    Args:
        answers: as `_ask_fold` gives them, of all folds.
        evidence: as `blank_parts` gives it, of all folds.

    Returns:
        The main table, one row a group and way: `name` (of the group), `way` (alone: trained on it
        only; without: trained on all else; permuted: dealt out anew among tested clips; occluded:
        set to the training clips' mean), `functionals` (their number), `scores` without deviation,
        and what has been gained on all groups: `difference`. The first row is of all groups,
        untouched. `_emotions`, one row an emotion and group: `emotion`, `group`, `recall` with all
        groups, in percent, and `lost`, how many points of it are lost where the group is permuted.
        `_saliency`, one row an `emotion`, part of the bands (`band`, from low) and of the time
        (`span`, from the start): `evidence`, by how many nats the log-probability of the true
        emotion sinks where that part is blanked; mean over clips.
    """
    by_way = dict(list(answers.groupby(["group", "way"])))
    whole = by_way[ALL, ALONE]
    nothing = dict.fromkeys(difference(whole, whole))
    rows = [{**_row(whole), **nothing}]
    rows += [
        {**_row(by_way[name, way]), **difference(whole, by_way[name, way])}
        for name in GROUPS
        for way in WAYS
    ]
    lost = {name: _recall(whole) - _recall(by_way[name, PERMUTED]) for name in GROUPS}
    emotions = pd.concat(lost, names=["group"]).rename("lost").reset_index()
    emotions = emotions.assign(recall=emotions["emotion"].map(_recall(whole)))
    mean = evidence.groupby(["emotion", "band", "span"])["evidence"].mean()
    saliency = mean.loc[ordered(evidence["emotion"])].reset_index()
    columns = ["emotion", "group", "recall", "lost"]
    return {"": pd.DataFrame(rows), "_emotions": emotions[columns], "_saliency": saliency}


def _row(some: pd.DataFrame) -> Mapping[str, object]:
    first, found = some.iloc[0], scores(some)
    del found["uar_deviation"]  # permutations are no seeds
    asked = {"name": first["group"], "way": first["way"]}
    return {**asked, "functionals": int(first["functionals"]), **found}


def _recall(some: pd.DataFrame) -> "pd.Series[float]":
    """Recall of every emotion in percent."""
    right = (some["emotion"] == some["predicted"]).groupby(some["emotion"]).mean()
    return 100 * right.loc[ordered(some["emotion"])]


if __name__ == "__main__":
    run_study("importance", study_importance)
