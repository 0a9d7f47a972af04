"""Who is hard and who is easy to recognise, and how much of the differences is chance.

In: predictions and metrics of a system.
Out: plots/studies/actors/<system>.csv and <system>_spread.csv.
"""

from typing import Any

import numpy as np
import pandas as pd

from ser.clips.labels import ordered
from ser.core.errors import SerError
from ser.core.settings import Values
from ser.evaluation.clip_scores import Float, RecallTable, clip_scores, p_value, shuffled_within
from studies.answers import system_answers
from studies.study import Tables, run_study

# of what chance alone gives to a speaker, the middle 95 %
_BAND = (2.5, 97.5)


def main(_: Values, system: str) -> Tables:
    """Compare the speakers of a system."""
    return study_actors(system_answers(system))


def study_actors(predictions: pd.DataFrame) -> Tables:
    """Compare speakers with what chance would make of them.

    If all speakers were alike, any clip of an emotion might be anybody's: clips are dealt out anew
    among the speakers of a corpus, emotion by emotion, which leaves everybody with as many clips as
    before. How far speakers then still differ is chance (a permutation test).

    Returns:
        The main table, one row a speaker and emotion, from the easiest speaker to the hardest:
        `corpus`, `speaker`, `gender`, `emotion`, `recall`, `n_clips`; and of the speaker `uar`,
        `chance_low` and `chance_high`, where the UAR of a speaker like all others would lie 95
        times in 100; in percent. `_spread`, one row: the `mark` of the protocol; `n_speakers`;
        `observed`, the deviation of speakers' UAR; `chance`, what it would be if all speakers were
        alike; `true`, what is left of the first without the second, in percentage points;
        `chance_share` of the variance; `p` of speakers being alike; `easiest` and `hardest`, UAR in
        percent.

    Raises:
        SerError: if no corpus has two speakers.
    """
    clips = clip_scores(predictions)
    person, _ = pd.factorize(clips["who"], sort=True)
    corpora = clips.drop_duplicates("who").sort_values("who")["corpus"].to_numpy()
    if len(corpora) == len(set(corpora)):
        raise SerError("Speakers cannot be compared: no corpus has two of them.")
    recalls, right = RecallTable(clips["emotion"], len(corpora)), clips["right"].to_numpy()
    found = recalls.uar(person, right)
    strata = clips["corpus"] + "/" + clips["emotion"]
    by_chance = np.stack([recalls.uar(person, dealt) for dealt in shuffled_within(right, strata)])
    spread = {"mark": predictions["mark"].iloc[0], **_spread(corpora, found, by_chance)}
    return {"": _table(clips, found, by_chance), "_spread": pd.DataFrame([spread])}


def _variance(corpora: Any, uar: Float) -> Float:
    """Variance of speakers around the mean of their corpus, shape (...,)."""
    names = sorted(set(corpora))
    squares = [
        np.square(some - some.mean(axis=-1, keepdims=True)).sum(axis=-1)
        for some in (uar[..., corpora == name] for name in names)
    ]
    total: Float = np.sum(squares, axis=0) / (len(corpora) - len(names))
    return total


def _spread(corpora: Any, found: Float, by_chance: Float) -> dict[str, Any]:
    observed = float(_variance(corpora, found))
    alike = _variance(corpora, by_chance)
    expected = float(alike.mean())
    return {
        "n_speakers": len(found),
        "observed": observed**0.5,
        "chance": expected**0.5,
        "true": max(0.0, observed - expected) ** 0.5,
        # without any difference there is none to explain
        "chance_share": min(1.0, expected / observed) if observed > 0 else None,
        "p": p_value(observed, alike),
        "easiest": float(found.max()),
        "hardest": float(found.min()),
    }


def _table(clips: pd.DataFrame, found: Float, by_chance: Float) -> pd.DataFrame:
    low, high = np.percentile(by_chance, _BAND, axis=0)
    who = sorted(clips["who"].unique())
    people = pd.DataFrame({"who": who, "uar": found, "chance_low": low, "chance_high": high})
    keys = ["who", "corpus", "speaker", "gender", "emotion"]
    cells = clips.groupby(keys, as_index=False).agg(
        recall=("right", "mean"), n_clips=("clip", "size")
    )
    place = {name: number for number, name in enumerate(ordered(clips["emotion"]))}
    table = cells.assign(recall=100 * cells["recall"], place=cells["emotion"].map(place))
    table = table.merge(people, on="who")
    table = table.sort_values(["uar", "who", "place"], ascending=[False, True, True])
    return table.drop(columns=["who", "place"]).reset_index(drop=True)


if __name__ == "__main__":
    run_study("actors", main)
