"""Does splitting by gender help? Models of one gender against models of both, at equal size too."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ser.clips import GENDERS, speaker_keys
from ser.dataset import SystemData, load_system
from ser.params import Params, System
from ser.studies.trials import Trial, difference, run_trials, scores, with_folds

PROTOCOL = "speaker_independent"
# what trained a model, by key
POOLED, HALF, OWN, OTHER = "pooled", "pooled_half", "own_gender", "other_gender"
NAMES = {
    POOLED: "women and men",
    HALF: "women and men, half of each",
    OWN: "own gender",
    OTHER: "other gender",
}


@dataclass(frozen=True)
class GenderStudy:
    """Scores by what trained, and of whom.

    Attributes:
        table: one row a kind of training and group of tested speakers: `trained_on`, `tested`
            (all, female or male), `uar`, `uar_low`, `uar_high`, `uar_deviation`, `accuracy`,
            `n_clips`.
        metrics: `scores` by kind and group; `gains` of a model of the own gender over one of both,
            with all speakers (`over_pooled`) and with as many (`over_half`), by group.
    """

    table: pd.DataFrame
    metrics: dict[str, Any]


def study_gender(params: Params, corpus: str, data: Path) -> GenderStudy:
    """Train on women, on men, on both, and on half of both; test everybody with each.

    Args:
        data: folder with `splits`, `features` and `functionals`.
    """
    params = params.in_studies
    system = System(corpus=corpus, gender="all", protocol=PROTOCOL)
    folders = [data / part for part in ("splits", "features", "functionals")]
    pooled = load_system(params, system, *folders)
    folds = {POOLED: pooled.folds, HALF: half_of_each(pooled)}
    folds |= {gender: only(pooled, gender) for gender in GENDERS}
    trials = [Trial(name, params, with_folds(pooled, own)) for name, own in folds.items()]
    return describe(by_training(run_trials(trials, f"{corpus}: gender")))


def only(data: SystemData, gender: str) -> pd.DataFrame:
    """Folds in which one gender trains, and validates where it can; everybody is tested."""
    people = dict(zip(data.clips["clip"], data.clips["gender"], strict=True))
    alike = data.folds["clip"].map(people) == gender
    parts = []
    for _, fold in data.folds.groupby("fold"):
        same = alike[fold.index]
        validates = fold["role"] == "validation"
        # where one speaker validates, of the other gender, that speaker still does
        kept = same | (fold["role"] == "test") | (validates & ~(validates & same).any())
        parts.append(fold[kept])
    return pd.concat(parts, ignore_index=True)


def half_of_each(data: SystemData) -> pd.DataFrame:
    """Folds in which every second woman and every second man of those who would train do so.

    A fold with an odd number takes the larger half of the gender that its number is even for, so
    that together about as many train as where one gender does.
    """
    who = dict(zip(data.clips["clip"], speaker_keys(data.clips), strict=True))
    people = dict(zip(data.clips["clip"], data.clips["gender"], strict=True))
    parts = []
    for number, fold in data.folds.groupby("fold"):
        speaker, trains = fold["clip"].map(who), fold["role"] == "train"
        chosen: list[str] = []
        for place, gender in enumerate(GENDERS):
            own = sorted(speaker[trains & (fold["clip"].map(people) == gender)].unique())
            chosen += own[(int(str(number)) + place) % 2 :: 2]
        parts.append(fold[~trains | speaker.isin(chosen)])
    return pd.concat(parts, ignore_index=True)


def by_training(predictions: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Predictions by what trained: those of one gender are dealt to own and other."""
    dealt = {
        kind: pd.concat(
            [
                predictions[gender][(predictions[gender]["gender"] == gender) == is_own]
                for gender in GENDERS
            ]
        ).sort_values(["seed", "clip"], ignore_index=True)
        for kind, is_own in ((OWN, True), (OTHER, False))
    }
    return {POOLED: predictions[POOLED], HALF: predictions[HALF], **dealt}


def describe(predictions: dict[str, pd.DataFrame]) -> GenderStudy:
    """Scores and paired differences, for everybody and for each gender."""
    groups = ("all", *GENDERS)
    rows, found = [], {}
    for kind, table in predictions.items():
        own = {group: scores(_of(table, group)) for group in groups}
        found[kind] = own
        rows += [
            {"trained_on": NAMES[kind], "tested": group, **own[group]}
            | {"n_clips": _of(table, group)["clip"].nunique()}
            for group in groups
        ]
    gains = {
        name: {
            group: difference(_of(predictions[kind], group), _of(predictions[OWN], group))
            for group in groups
        }
        for name, kind in (("over_pooled", POOLED), ("over_half", HALF))
    }
    return GenderStudy(pd.DataFrame(rows), {"scores": found, "gains": gains})


def _of(predictions: pd.DataFrame, group: str) -> pd.DataFrame:
    return predictions if group == "all" else predictions[predictions["gender"] == group]
