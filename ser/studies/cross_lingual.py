"""Does it travel? Trained on one language or several, tested on each, over shared emotions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ser.clips import speaker_keys
from ser.dataset import SystemData, load_system
from ser.evaluation.floors import predict_svm
from ser.evaluation.predictions import IDENTITY
from ser.labels import ordered
from ser.params import Params, System
from ser.processes import spread
from ser.studies.trials import Trial, difference, run_trials, scores, with_folds

PROTOCOL = "speaker_independent"
OTHERS, EVERY = "all others", "all corpora"
# speakers of the tested corpus who train too, between none and all
TARGET_SPEAKERS = (1, 2, 4)
NETWORK, SVM = "network", "functionals and SVM"


@dataclass(frozen=True)
class CrossLingualStudy:
    """Scores by what trained and what is tested.

    Attributes:
        matrix: one row a model, training and tested corpus: `model`, `trained_on` (a corpus,
            `OTHERS` or `EVERY`), `tested_on`, `uar`, `uar_low`, `uar_high`, `uar_deviation`,
            `accuracy`, `chance`, `n_clips`.
        curve: one row a tested corpus and number of its speakers who train beside all others:
            `tested_on`, `speakers` (mean over folds), `label`, and scores as above; `within`, the
            UAR of a model of that corpus alone.
        metrics: `emotions`; `matrix` and `curve` by name; `gains`, what all corpora together have
            gained on the tested one alone, and what `OTHERS` have gained on chance.
    """

    matrix: pd.DataFrame
    curve: pd.DataFrame
    metrics: dict[str, Any]


def study_languages(params: Params, corpora: Sequence[str], data: Path) -> CrossLingualStudy:
    """Train and test across corpora; the network answers alone.

    The linear classifier standardises each corpus by its own training clips, which a corpus never
    heard in training has none of; so it is left out throughout, and every cell is of one kind.

    Args:
        corpora: at least two.
        data: folder with `splits`, `features` and `functionals`.
    """
    params = params.in_studies
    training = params.training.model_copy(update={"linear_share": 0.0})
    params = params.model_copy(update={"corpora": list(corpora), "training": training})
    folders = [data / part for part in ("splits", "features", "functionals")]
    system = System(corpus=".", gender="all", protocol=PROTOCOL)
    every = keep_emotions(load_system(params, system, *folders))
    cells = {name: with_folds(every, folds) for name, folds in matrix_folds(every).items()}
    grown = {name: with_folds(every, folds) for name, folds in curve_folds(every).items()}
    trials = [Trial(name, params, chosen) for name, chosen in {**cells, **grown}.items()]
    predictions = run_trials(trials, "cross-lingual")
    work = partial(_svm, cost=params.floors.svm_c)
    tables = spread(work, list(cells.values()), params.processes, "cross-lingual: SVM", "cell")
    floors = dict(zip(cells, tables, strict=True))
    return describe(every, grown, predictions, floors)


def keep_emotions(data: SystemData) -> SystemData:
    """Clips of the emotions that every corpus shows."""
    by_corpus = data.clips.groupby("corpus")["emotion"].agg(set)
    shared = set.intersection(*by_corpus)
    clips = data.clips[data.clips["emotion"].isin(shared)]
    return with_folds(data, data.folds[data.folds["clip"].isin(clips["clip"])])


def matrix_folds(data: SystemData) -> dict[str, pd.DataFrame]:
    """Folds by what trains: each corpus within itself and on all others (in one table), all others
    of each corpus, and every corpus together.

    A corpus that trains for others holds out the validation speakers of its first fold, and nobody
    else; within itself, and with all corpora, those of the usual folds are held out.
    """
    corpora = sorted(data.clips["corpus"].unique())
    corpus = dict(zip(data.clips["clip"], data.clips["corpus"], strict=True))
    of = data.folds["clip"].map(corpus)
    tables = {EVERY: data.folds}
    for name in corpora:
        tables[f"within {name}"] = data.folds[of == name]
        others = [other for other in corpora if other != name]
        tables[f"from {name}"] = _one_fold(data, [name], others)
        if len(others) > 1:
            tables[f"to {name}"] = _one_fold(data, others, [name])
    return tables


def curve_folds(data: SystemData) -> dict[str, pd.DataFrame]:
    """Folds by tested corpus and number of its speakers who train beside all other corpora.

    A fold tests whom the usual fold of that number tests; women and men take turns in joining.
    """
    tables = {}
    for name in sorted(data.clips["corpus"].unique()):
        own = data.clips[data.clips["corpus"] == name]
        for count in TARGET_SPEAKERS:
            parts = [
                _one_fold(data, _others(data, name), [name], fold, joining(own, data, fold, count))
                for fold in data.fold_numbers
            ]
            tables[f"{name} + {count}"] = pd.concat(parts, ignore_index=True)
    return tables


def _others(data: SystemData, name: str) -> list[str]:
    return [other for other in sorted(data.clips["corpus"].unique()) if other != name]


def joining(own: pd.DataFrame, data: SystemData, fold: int, count: int) -> list[str]:
    """Speakers of a corpus who train although it is tested: none whom this fold tests.

    They follow, in sorted order, after those who are tested, women and men in turns.
    """
    tested = set(speaker_keys(own[own["clip"].isin(data.with_role(fold, "test")["clip"])]))
    people = own.assign(who=speaker_keys(own)).drop_duplicates("who").sort_values("who")
    names = people["who"].tolist()
    start = names.index(max(tested)) + 1
    place = {who: number for number, who in enumerate(names[start:] + names[:start])}
    free = people[~people["who"].isin(tested)].assign(place=lambda rows: rows["who"].map(place))
    free = free.sort_values("place")
    turn = free.groupby("gender").cumcount()
    return free.assign(turn=turn).sort_values(["turn", "place"])["who"].tolist()[:count]


def _one_fold(
    data: SystemData,
    train: Sequence[str],
    test: Sequence[str],
    fold: int | None = None,
    join: Sequence[str] = (),
) -> pd.DataFrame:
    """One fold: corpora that train but for some who validate, and corpora that are tested.

    Args:
        fold: test only whom this fold tests; None is everybody.
        join: speakers of tested corpora who train.
    """
    clips, who = data.clips, speaker_keys(data.clips)
    validates = clips["clip"].isin(data.with_role(data.fold_numbers[0], "validation")["clip"])
    tests = clips["corpus"].isin(test)
    if fold is not None:
        tests &= clips["clip"].isin(data.with_role(fold, "test")["clip"])
    role = pd.Series(pd.NA, index=clips.index, dtype="object")
    role = role.mask(clips["corpus"].isin(train) | who.isin(join), "train")
    role = role.mask(clips["corpus"].isin(train) & validates, "validation").mask(tests, "test")
    table = pd.DataFrame({"fold": fold or 0, "clip": clips["clip"], "role": role})
    return table.dropna().reset_index(drop=True)


def _svm(data: SystemData, cost: float) -> pd.DataFrame:
    """Predictions of the floor: no seed changes them."""
    tables = []
    for fold in data.fold_numbers:
        tested = data.with_role(fold, "test")
        rows = tested.assign(fold=fold, seed=0)[[*IDENTITY, "emotion"]]
        tables.append(rows.assign(predicted=predict_svm(data, fold, data.functionals, cost)))
    return pd.concat(tables, ignore_index=True)


def describe(
    every: SystemData,
    grown: dict[str, SystemData],
    predictions: dict[str, pd.DataFrame],
    floors: dict[str, pd.DataFrame],
) -> CrossLingualStudy:
    """Scores of all cells and points, from predictions by name."""
    corpora = sorted(every.clips["corpus"].unique())
    emotions = ordered(every.clips["emotion"])
    chance = 100.0 / len(emotions)
    rows = [
        {"model": model, "trained_on": source, "tested_on": target, **scores(cell)}
        | {"chance": chance, "n_clips": cell["clip"].nunique()}
        for model, tables in ((NETWORK, predictions), (SVM, floors))
        for source in (*corpora, OTHERS, EVERY)
        for target in corpora
        for cell in _cell(tables, source, target)
    ]
    matrix = pd.DataFrame(rows)
    curve = pd.DataFrame(
        row for target in corpora for row in _points(every, grown, predictions, target)
    )
    gains = {
        target: difference(
            _of(predictions[f"within {target}"], target), _of(predictions[EVERY], target)
        )
        for target in corpora
    }
    return CrossLingualStudy(
        matrix,
        curve.assign(chance=chance),
        {
            "emotions": ", ".join(emotions),
            "chance": chance,
            "matrix": _nested(matrix, ("model", "trained_on", "tested_on")),
            "curve": _nested(curve, ("tested_on", "label")),
            "gains_of_all_corpora_on_own": gains,
        },
    )


def _of(predictions: pd.DataFrame, corpus: str) -> pd.DataFrame:
    return predictions[predictions["corpus"] == corpus].reset_index(drop=True)


def _cell(tables: dict[str, pd.DataFrame], source: str, target: str) -> list[pd.DataFrame]:
    """Predictions of one cell of the matrix; none where two corpora leave no several others."""
    named = {OTHERS: f"to {target}", EVERY: EVERY, target: f"within {target}"}
    name = named.get(source, f"from {source}")
    return [_of(tables[name], target)] if name in tables else []


def _points(
    every: SystemData,
    grown: dict[str, SystemData],
    predictions: dict[str, pd.DataFrame],
    target: str,
) -> list[dict[str, Any]]:
    within = scores(_of(predictions[f"within {target}"], target))["uar"]
    others = f"to {target}" if f"to {target}" in predictions else None
    start = others or f"from {_others(every, target)[0]}"
    points: list[tuple[str, float, str]] = [("none", 0.0, start)]
    points += [
        (str(count), _joined(grown[name], target), name)
        for count in TARGET_SPEAKERS
        for name in [f"{target} + {count}"]
    ]
    points.append(("all", _joined(every, target), EVERY))
    return [
        {"tested_on": target, "label": label, "speakers": speakers}
        | {**scores(_of(predictions[name], target)), "within": within}
        for label, speakers, name in points
    ]


def _joined(data: SystemData, corpus: str) -> float:
    """Speakers of a corpus who train, mean over folds."""
    counts = [
        speaker_keys(rows[rows["corpus"] == corpus]).nunique()
        for rows in (data.with_role(fold, "train") for fold in data.fold_numbers)
    ]
    return sum(counts) / len(counts)


def _nested(table: pd.DataFrame, keys: tuple[str, ...]) -> dict[str, Any]:
    """Rows of a table by the values of some columns, each of which has a level of its own."""
    result: dict[str, Any] = {}
    kept = [name for name in table.columns if name not in keys]
    for row in table.astype(object).where(table.notna(), None).to_dict("records"):
        level = result
        for key in keys:
            level = level.setdefault(str(row[key]).replace(" ", "_"), {})
        level.update({name: row[name] for name in kept})
    return result
