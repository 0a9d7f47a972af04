"""Who is hard and who is easy to recognise, and how much of the differences is chance."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ser.errors import SerError
from ser.labels import ordered
from ser.studies.clip_scores import Float, RecallTable, clip_scores, p_value, shuffled_within

# of what chance alone gives to a speaker, the middle 95 %
_BAND = (2.5, 97.5)


@dataclass(frozen=True)
class ActorStudy:
    """Speakers of one system.

    Attributes:
        table: one row a speaker and emotion, from the easiest speaker to the hardest: `corpus`,
            `speaker`, `gender`, `emotion`, `recall`, `n_clips`; and of the speaker `uar`,
            `chance_low` and `chance_high`, where the UAR of a speaker like all others would lie 95
            times in 100. In percent.
        metrics: `observed_spread`, the deviation of speakers' UAR; `chance_spread`, what it would
            be if all speakers were alike; `true_spread`, what is left of the first without the
            second; `chance_share` of the variance; and `p_value` of speakers being alike. Spreads
            in percentage points.
    """

    table: pd.DataFrame
    metrics: dict[str, Any]


def study_actors(predictions: pd.DataFrame) -> ActorStudy:
    """Compare speakers with what chance would make of them.

    If all speakers were alike, any clip of an emotion might be anybody's: clips are dealt out anew
    among the speakers of a corpus, emotion by emotion, which leaves everybody with as many clips as
    before. How far speakers then still differ is chance (a permutation test).

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
    return ActorStudy(_table(clips, found, by_chance), _metrics(corpora, found, by_chance))


def _variance(corpora: Any, uar: Float) -> Float:
    """Variance of speakers around the mean of their corpus, shape (...,)."""
    names = sorted(set(corpora))
    squares = [
        np.square(some - some.mean(axis=-1, keepdims=True)).sum(axis=-1)
        for some in (uar[..., corpora == name] for name in names)
    ]
    total: Float = np.sum(squares, axis=0) / (len(corpora) - len(names))
    return total


def _metrics(corpora: Any, found: Float, by_chance: Float) -> dict[str, Any]:
    observed = float(_variance(corpora, found))
    alike = _variance(corpora, by_chance)
    expected = float(alike.mean())
    return {
        "n_speakers": len(found),
        "observed_spread": observed**0.5,
        "chance_spread": expected**0.5,
        "true_spread": max(0.0, observed - expected) ** 0.5,
        # without any difference there is none to explain
        "chance_share": min(1.0, expected / observed) if observed > 0 else None,
        "p_value": p_value(observed, alike),
        "easiest": float(found.max()),
        "hardest": float(found.min()),
    }


def _table(clips: pd.DataFrame, found: Float, by_chance: Float) -> pd.DataFrame:
    low, high = np.percentile(by_chance, _BAND, axis=0)
    people = sorted(clips["who"].unique())
    scores = pd.DataFrame(
        {"who": people, "uar": found, "chance_low": low, "chance_high": high}
    ).sort_values(["uar", "who"], ascending=[False, True])
    rows = [
        _row(clips[(clips["who"] == person.who) & (clips["emotion"] == emotion)], person)
        for person in scores.itertuples()
        for emotion in ordered(clips.loc[clips["who"] == person.who, "emotion"])
    ]
    return pd.DataFrame(rows)


def _row(own: pd.DataFrame, person: Any) -> dict[str, Any]:
    first = own.iloc[0]
    return {
        **{name: first[name] for name in ("corpus", "speaker", "gender", "emotion")},
        "recall": 100 * own["right"].mean(),
        "n_clips": len(own),
        "uar": person.uar,
        "chance_low": person.chance_low,
        "chance_high": person.chance_high,
    }
