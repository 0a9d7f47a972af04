"""Does it travel? Trained on one language or several, tested on each, over shared emotions.

In: data/splits, data/features and data/functionals of the corpora of a system that mixes several.
Params: studies.cross_lingual, studies.mixing, studies.training, baselines.svm_c and all that
training reads.
Out: plots/studies/cross_lingual/<system>.csv, <system>_curve.csv and <system>_gains.csv.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from ser.clips.labels import ordered
from ser.clips.manifest import speaker_keys
from ser.core.processes import spread
from ser.core.settings import Fraction, Section, Values
from ser.evaluation.baselines import BaselineSettings, predict_svm
from ser.evaluation.predictions import IDENTITY
from ser.evaluation.trials import Trial, difference, run_trials, scores, with_folds
from ser.reading.data import SystemData, load_system
from ser.reading.settings import System
from studies.study import DATA, Tables, run_study

OTHERS, EVERY = "all others", "all corpora"
# one network for the emotions of every corpus, and one for those of each
TOGETHER, ALONE = "one for all", "alone"
# speakers of the tested corpus who train too, between none and all
TARGET_SPEAKERS = (1, 2, 4)
NETWORK, SVM = "network", "functionals and SVM"

Answers = Mapping[str, pd.DataFrame]


class Mixing(Section):
    """`studies.mixing`: what one network of all corpora has in place of `training`'s own."""

    mask_absent: bool
    corpus_balance: Fraction


def study_languages(values: Values, system: str) -> Tables:
    """Train and test across the corpora of a system; the network answers alone.

    The linear classifier standardises each corpus by its own training clips, which a corpus never
    heard in training has none of; so it is left out throughout, and every cell is of one kind.
    One seed trains them: languages differ by far more than seeds do.

    Returns:
        As `describe` gives them.
    """
    whole = load_system(values.section(f"studies.cross_lingual.{system}", System), DATA)
    every = keep_emotions(whole)
    cells, grown = (
        {name: with_folds(every, folds) for name, folds in make(every).items()}
        for make in (matrix_folds, curve_folds)
    )
    trials = [
        Trial.of(name, values, chosen, with_linear=False).one_seed
        for name, chosen in {**cells, **grown}.items()
    ] + own_emotions(values, whole)
    predictions = run_trials(trials, f"{system}: networks")
    work = partial(_svm, cost=values.section("baselines", BaselineSettings).svm_c)
    tables = spread(work, list(cells.values()), f"{system}: SVM", "cell")
    joined = {name: _joined(chosen) for name, chosen in {EVERY: every, **grown}.items()}
    return describe(predictions, dict(zip(cells, tables, strict=True)), joined)


def keep_emotions(data: SystemData) -> SystemData:
    """Clips of the emotions that every corpus shows."""
    by_corpus = data.clips.groupby("corpus")["emotion"].agg(set)
    shared = set.intersection(*by_corpus)
    clips = data.clips[data.clips["emotion"].isin(shared)]
    return with_folds(data, data.folds[data.folds["clip"].isin(clips["clip"])])


def own_emotions(values: Values, data: SystemData) -> list[Trial]:
    """Of all emotions: one network of all corpora as `studies.mixing` says, and one of each."""
    mixing = values.section("studies.mixing", Mixing)
    mixed = values.changed({f"training.{key}": value for key, value in dict(mixing).items()})
    of = dict(zip(data.clips["clip"], data.clips["corpus"], strict=True))
    alone = [
        (
            f"{name} {ALONE}",
            values,
            with_folds(data, data.folds[data.folds["clip"].map(of) == name]),
        )
        for name in corpora_of(data)
    ]
    trials = [Trial.of(*one, with_linear=False) for one in ((TOGETHER, mixed, data), *alone)]
    return [trial.one_seed for trial in trials]


def kept_to_corpus(predictions: pd.DataFrame) -> pd.DataFrame:
    """Answers kept to the emotions that the clip's corpus shows."""
    parts = []
    for _, own in predictions.groupby("corpus"):
        shown = [f"p_{emotion}" for emotion in ordered(own["emotion"])]
        best = own[shown].idxmax(axis=1).str.removeprefix("p_")
        parts.append(own.assign(predicted=best))
    return pd.concat(parts).sort_values(["seed", "clip"], ignore_index=True)


def corpora_of(data: SystemData) -> list[str]:
    """Names of the corpora, in order."""
    return sorted(data.clips["corpus"].unique())


def matrix_folds(data: SystemData) -> dict[str, pd.DataFrame]:
    """Folds by what trains: each corpus within itself and on all others (in one table), all others
    of each corpus, and every corpus together.

    A corpus that trains for others holds out the validation speakers of its first fold, and nobody
    else; within itself, and with all corpora, those of the usual folds are held out.
    """
    corpus = dict(zip(data.clips["clip"], data.clips["corpus"], strict=True))
    of = data.folds["clip"].map(corpus)
    tables = {EVERY: data.folds}
    for name in corpora_of(data):
        tables[f"within {name}"] = data.folds[of == name]
        others = _others(corpora_of(data), name)
        tables[f"from {name}"] = _one_fold(data, [name], others)
        if len(others) > 1:
            tables[f"to {name}"] = _one_fold(data, others, [name])
    return tables


def curve_folds(data: SystemData) -> dict[str, pd.DataFrame]:
    """Folds by tested corpus and number of its speakers who train beside all other corpora.

    A fold tests whom the usual fold of that number tests; women and men take turns in joining.
    """
    tables = {}
    for name in corpora_of(data):
        own, others = data.clips[data.clips["corpus"] == name], _others(corpora_of(data), name)
        for count in TARGET_SPEAKERS:
            parts = [
                _one_fold(data, others, [name], fold, joining(own, data, fold, count))
                for fold in data.fold_numbers
            ]
            tables[f"{name} + {count}"] = pd.concat(parts, ignore_index=True)
    return tables


def _others(corpora: Sequence[str], name: str) -> list[str]:
    return [other for other in corpora if other != name]


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
    """Predictions of the baseline: no seed changes them."""
    tables = []
    for fold in data.fold_numbers:
        tested = data.with_role(fold, "test")
        rows = tested.assign(fold=fold, seed=0)[[*IDENTITY, "emotion"]]
        tables.append(rows.assign(predicted=predict_svm(data, fold, cost)))
    return pd.concat(tables, ignore_index=True).assign(**data.protocol.fields)


def describe(networks: Answers, svm: Answers, joined: Mapping[str, dict[str, float]]) -> Tables:
    """Scores of all cells and points.

    Args:
        networks: predictions of the cells and points, by name.
        svm: those of the baseline, of the cells only.
        joined: how many speakers of each corpus train, mean over folds, by name.

    Returns:
        The main table, one row a model, training and tested corpus: `model`, `trained_on` (a
        corpus, `OTHERS` or `EVERY`), `tested_on`, `scores`, `chance`, `n_clips`. `_curve`, one row
        a tested corpus and number of its speakers who train beside all others: `tested_on`,
        `label`, `speakers` (mean over folds), `scores`, `within` (the UAR of a model of that corpus
        alone), `chance`. `_gains`, one row a tested corpus: `tested_on`, and the `difference` of a
        model of all corpora to one of that corpus alone.
    """
    corpora, chance = list(joined[EVERY]), 100.0 / networks[EVERY]["emotion"].nunique()
    cells = [
        {"model": model, "trained_on": source, "tested_on": target, **scores(cell)}
        | {"chance": chance, "n_clips": cell["clip"].nunique()}
        for model, tables in ((NETWORK, networks), (SVM, svm))
        for source in (*corpora, OTHERS, EVERY)
        for target in corpora
        for cell in _cell(tables, source, target)
    ]
    points = []
    for target in corpora:
        within = scores(_of(networks[f"within {target}"], target))["uar"]
        names = {str(count): f"{target} + {count}" for count in TARGET_SPEAKERS} | {"all": EVERY}
        # two corpora leave one other
        (start,) = _cell(networks, OTHERS, target) or _cell(
            networks, _others(corpora, target)[0], target
        )
        rows = [("none", 0.0, start)]
        rows += [
            (key, joined[name][target], _of(networks[name], target)) for key, name in names.items()
        ]
        points += [
            {"tested_on": target, "label": label, "speakers": speakers}
            | {**scores(found), "within": within, "chance": chance}
            for label, speakers, found in rows
        ]
    gains = []
    for target in corpora:
        alone = networks[f"{target} {ALONE}"]
        together = _of(kept_to_corpus(networks[TOGETHER]), target)
        told = {"alone": scores(alone)["uar"], "chance": 100.0 / alone["emotion"].nunique()}
        gains.append(
            {"tested_on": target, **scores(together), **told, **difference(alone, together)}
        )
    return {"": pd.DataFrame(cells), "_curve": pd.DataFrame(points), "_gains": pd.DataFrame(gains)}


def _of(predictions: pd.DataFrame, corpus: str) -> pd.DataFrame:
    return predictions[predictions["corpus"] == corpus].reset_index(drop=True)


def _cell(tables: Mapping[str, pd.DataFrame], source: str, target: str) -> list[pd.DataFrame]:
    """Predictions of one cell of the matrix; none where two corpora leave no several others."""
    named = {OTHERS: f"to {target}", EVERY: EVERY, target: f"within {target}"}
    name = named.get(source, f"from {source}")
    return [_of(tables[name], target)] if name in tables else []


def _joined(data: SystemData) -> dict[str, float]:
    """Speakers of each corpus who train, mean over folds."""
    trains = [data.with_role(fold, "train") for fold in data.fold_numbers]
    counts = [rows.groupby("corpus")["speaker"].nunique() for rows in trains]
    return {
        name: sum(count.get(name, 0) for count in counts) / len(counts) for name in corpora_of(data)
    }


if __name__ == "__main__":
    run_study("cross_lingual", study_languages)
