"""Which features matter? Groups of functionals taken away, and parts of the spectrogram blanked."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from ser.dataset import FoldReader, SystemData, check_uses, clips_only, encode, load_system
from ser.errors import SerError
from ser.evaluation.marks import protocol_fields
from ser.evaluation.predictions import IDENTITY
from ser.functional_reader import FunctionalsReader, Values
from ser.labels import ordered
from ser.models.inference import predict_probabilities
from ser.models.linear import LinearModel, fit_fold
from ser.models.storage import TrainedModel
from ser.params import Params, System
from ser.processes import spread
from ser.splits.guards import Purpose
from ser.studies.trials import Trial, difference, of_every_fold, scores
from ser.training.system import train_checked

PROTOCOL = "speaker_independent"
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
_TINY = 1e-7
_SEED = 20_261_125


@dataclass(frozen=True)
class ImportanceStudy:
    """What groups and parts are worth.

    Attributes:
        groups: one row a group and way: `group`, `way` (alone: trained on it only; without:
            trained on all else; permuted: dealt out anew among tested clips; occluded: set to the
            training clips' mean), `functionals` (their number), `uar`, `uar_low`, `uar_high`,
            `accuracy`, and what has been gained on all groups: `difference`, `difference_low`,
            `difference_high`, `p`. The first row is of all groups, untouched.
        emotions: one row an emotion and group: `recall` with all groups, in percent, and `lost`,
            how many points of it are lost where the group is permuted.
        saliency: one row an emotion, part of the bands (from low) and part of the time (from the
            start): `evidence`, by how many nats the log-probability of the true emotion sinks
            where that part is blanked; mean over clips.
        metrics: the scores of `groups` by group and way.
    """

    groups: pd.DataFrame
    emotions: pd.DataFrame
    saliency: pd.DataFrame
    metrics: dict[str, Any]


def study_importance(params: Params, corpus: str, data: Path) -> ImportanceStudy:
    """Ask the linear part about groups, and the network about parts of the spectrogram.

    All answers are those to clips of speakers who did not train.

    Args:
        data: folder with `splits`, `features` and `functionals`.
    """
    params = params.in_studies
    system = System(corpus=corpus, gender="all", protocol=PROTOCOL)
    folders = [data / part for part in ("splits", "features", "functionals")]
    chosen = load_system(params, system, *folders)
    work = partial(_ask_fold, data=chosen, cost=params.training.linear_c)
    asked = spread(work, chosen.fold_numbers, params.processes, f"{corpus}: groups", "fold")
    answers = pd.concat(asked, ignore_index=True)
    alone = params.with_training(linear_share=0.0)
    maps = of_every_fold([Trial("network", alone, chosen)], _blank_parts, f"{corpus}: saliency")
    return describe_importance(answers, pd.concat(maps["network"], ignore_index=True))


def group_of(name: str) -> str:
    """The group of a functional.

    Raises:
        SerError: if it belongs to none.
    """
    for group, beginnings in GROUPS.items():
        if name.startswith(beginnings):
            return group
    raise SerError(
        f"The functional {name} belongs to no group of ser/studies/importance.py; the study is of "
        "this project's own functionals (floors.functionals: own in params.yaml)."
    )


def _ask_fold(fold: int, data: SystemData, cost: float) -> pd.DataFrame:
    """Answers to the tested clips of a fold, for every group and way.

    Columns: `IDENTITY` (`seed` is the number of the permutation), `group`, `way`, `functionals`,
    `emotion`, `predicted`.
    """
    names = data.functionals.columns
    group = np.array([group_of(name) for name in names])
    emotions = tuple(ordered(data.clips["emotion"]))
    trains, tested = (data.with_role(fold, role) for role in ("train", "test"))
    tested = tested.sort_values("clip", ignore_index=True)
    corpora = tested["corpus"].tolist()

    def fit(columns: Sequence[str]) -> tuple[LinearModel, Values]:
        reader = FunctionalsReader(data, data.functionals[list(columns)], fold)
        model = fit_fold(reader, trains, emotions, cost)
        check_uses(data, fold, reader.uses)
        return model, reader.read(tested, Purpose.TEST)

    def answer(model: LinearModel, values: Values, name: str, way: str, draw: int) -> pd.DataFrame:
        best = model.predict(values, corpora).argmax(axis=1)
        rows = tested.assign(fold=fold, seed=draw, predicted=[emotions[i] for i in best])
        count = len(names) if name == ALL else int((group == name).sum())
        return rows[[*IDENTITY, "emotion", "predicted"]].assign(
            group=name, way=way, functionals=count
        )

    whole, values = fit(names)
    tables = [answer(whole, values, ALL, ALONE, 0)]
    means = np.stack([whole.mean[corpus] for corpus in corpora])
    for name in GROUPS:
        own = group == name
        for way, columns in ((ALONE, names[own]), (WITHOUT, names[~own])):
            tables.append(answer(*fit(columns), name, way, 0))
        tables.append(answer(whole, np.where(own, means, values), name, OCCLUDED, 0))
        for draw in range(PERMUTATIONS):
            order = np.random.default_rng([_SEED, fold, draw]).permutation(len(values))
            dealt = np.where(own, values[order], values)
            tables.append(answer(whole, dealt, name, PERMUTED, draw))
    return pd.concat(tables, ignore_index=True)


def _blank_parts(job: tuple[Trial, int, int]) -> pd.DataFrame:
    trial, fold, seed = job
    model, _ = train_checked(trial.params, trial.data, fold, seed)
    return blank_parts(model, trial.data)


def blank_parts(model: TrainedModel, data: SystemData) -> pd.DataFrame:
    """Evidence in every part of the spectrograms of the clips that the model's fold tests.

    Zeiler & Fergus (2014), "Visualizing and understanding convolutional networks", ECCV: occlusion.
    A part is blanked with what normalised features have on average: zero.

    Returns:
        Columns: `clip`, `emotion`, `band`, `span`, `evidence` (nats).
    """
    check_uses(data, model.fold, model.uses)
    items = clips_only(data, data.with_role(model.fold, "test"))
    reader = FoldReader(data, model.fold)
    clips = reader.read_normalized(items, Purpose.TEST, model.normalizer)
    targets = encode(data.clips, items, model.emotions).tolist()
    tables = []
    for item, clip, target in zip(items["clip"], clips, targets, strict=True):
        probabilities = predict_probabilities(model.networks, [clip, *_with_blanks(clip)])
        logs = np.log(np.maximum(probabilities[:, target].numpy(), _TINY))
        band, span = np.divmod(np.arange(BANDS * SPANS), SPANS)
        tables.append(
            pd.DataFrame(
                {
                    "clip": item,
                    "emotion": model.emotions[target],
                    "band": band,
                    "span": span,
                    "evidence": logs[0].astype(float) - logs[1:].astype(float),
                }
            )
        )
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


def describe_importance(answers: pd.DataFrame, evidence: pd.DataFrame) -> ImportanceStudy:
    """Scores of every group and way; losses and evidence by emotion.

    Args:
        answers: as `_ask_fold` gives them, of all folds.
        evidence: as `blank_parts` gives it, of all folds and seeds.
    """
    whole = answers[answers["group"] == ALL]
    rows: list[dict[str, Any]] = [
        {**_group_row(whole), **dict.fromkeys(difference(whole, whole))},
    ]
    metrics: dict[str, Any] = {**protocol_fields(PROTOCOL, ""), "all": _plain(rows[0])}
    lost = []
    for name in GROUPS:
        for way in WAYS:
            some = answers[(answers["group"] == name) & (answers["way"] == way)]
            row = {**_group_row(some), **difference(whole, some)}
            rows.append(row)
            metrics.setdefault(name, {})[way] = _plain(row)
            if way == PERMUTED:
                lost.append(_recalls_lost(whole, some).assign(group=name))
    emotions = ordered(evidence["emotion"])
    mean = evidence.groupby(["emotion", "band", "span"], as_index=False)["evidence"].mean()
    order = mean["emotion"].map(emotions.index)
    saliency = mean.assign(order=order).sort_values(["order", "band", "span"], ignore_index=True)
    return ImportanceStudy(
        pd.DataFrame(rows),
        pd.concat(lost, ignore_index=True)[["emotion", "group", "recall", "lost"]],
        saliency.drop(columns="order"),
        metrics,
    )


def _group_row(some: pd.DataFrame) -> dict[str, Any]:
    first = some.iloc[0]
    found = scores(some)
    del found["uar_deviation"]  # permutations are no seeds
    names = {name: first[name] for name in ("group", "way")}
    return {**names, "functionals": int(first["functionals"]), **found}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("group", "way")}


def _recalls_lost(whole: pd.DataFrame, permuted: pd.DataFrame) -> pd.DataFrame:
    """Recall of every emotion, and how much of it is lost: `emotion`, `recall`, `lost`."""
    before, after = (
        100 * (some["emotion"] == some["predicted"]).groupby(some["emotion"]).mean()
        for some in (whole, permuted)
    )
    emotions = ordered(whole["emotion"])
    return pd.DataFrame(
        {"emotion": emotions, "recall": before[emotions], "lost": (before - after)[emotions]}
    ).reset_index(drop=True)
