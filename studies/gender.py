"""Does splitting by gender help? Models of one gender against models of both, at equal size too.

In: data/splits, data/features, data/functionals and models/studies (the reference) of a corpus.
Params: studies.training and all that training reads.
Out: plots/studies/gender/<corpus>.csv and <corpus>_gains.csv.
"""

import pandas as pd

from ser.clips.manifest import GENDERS, speaker_keys
from ser.core.settings import Values
from ser.evaluation.trials import Trial, difference, run_trials, scores, with_folds
from ser.reading.data import SystemData
from studies.reference import load, reference_predictions
from studies.study import Tables, run_study

# what trained a model
BOTH, HALF = "women and men", "women and men, half of each"
OWN, OTHER = "own gender", "other gender"
GROUPS = ("all", *GENDERS)


def study_gender(values: Values, corpus: str) -> Tables:
    """Train on women, on men, on both, and on half of both; test everybody with each."""
    both = load(corpus)
    folds = {HALF: half_of_each(both), **{gender: only(both, gender) for gender in GENDERS}}
    trials = [Trial.of(name, values, with_folds(both, own)) for name, own in folds.items()]
    found = run_trials(trials, f"{corpus}: gender")
    return describe({BOTH: reference_predictions(values, corpus), **found})


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


def describe(predictions: dict[str, pd.DataFrame]) -> Tables:
    """Scores and paired gains, for everybody and for each gender.

    Args:
        predictions: by what trained: `BOTH`, `HALF`, and each gender.

    Returns:
        The main table, one row a kind of training and group of tested speakers: `name` (what
        trained), `tested`, `scores`, `n_clips`; and `_gains`, those of a model of the own gender
        over each model of both, by group: `name` (the model of both), `tested`, `difference`.
    """
    found = by_training(predictions)
    rows = [
        {"name": name, "tested": group, **scores(own), "n_clips": own["clip"].nunique()}
        for name, table in found.items()
        for group in GROUPS
        for own in [_of(table, group)]
    ]
    gains = [
        {"name": name, "tested": group}
        | difference(_of(found[name], group), _of(found[OWN], group))
        for name in (BOTH, HALF)
        for group in GROUPS
    ]
    return {"": pd.DataFrame(rows), "_gains": pd.DataFrame(gains)}


def by_training(predictions: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Predictions by what trained: those of one gender are dealt to own and other.

    Speakers whose gender nobody tells are left out.
    """
    known = {
        name: table[table["gender"].isin(GENDERS)].reset_index(drop=True)
        for name, table in predictions.items()
    }
    dealt = {
        kind: pd.concat(
            [known[name][(known[name]["gender"] == name) == is_own] for name in GENDERS]
        ).sort_values(["seed", "clip"], ignore_index=True)
        for kind, is_own in ((OWN, True), (OTHER, False))
    }
    return {BOTH: known[BOTH], HALF: known[HALF], **dealt}


def _of(predictions: pd.DataFrame, group: str) -> pd.DataFrame:
    return predictions if group == "all" else predictions[predictions["gender"] == group]


if __name__ == "__main__":
    run_study("gender", study_gender)
