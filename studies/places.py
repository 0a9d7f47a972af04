"""Where the mistakes are: by intensity, statement, repetition, loudness and duration.

In: predictions and metrics of a system, data/splits and data/functionals of its corpora. Params:
systems.
Out: plots/studies/places/<system>.csv.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ser.core.errors import SerError
from ser.core.settings import Values
from ser.evaluation.clip_scores import RecallTable, clip_scores, p_value, shuffled_within
from ser.evaluation.intervals import uar_interval
from ser.evaluation.metrics import mean_over_seeds, uar
from ser.guards.selection import load_clips
from ser.reading.settings import load_system_settings
from ser.store.functionals import Functionals
from studies.answers import system_answers
from studies.study import DATA, Tables, run_study

FACTORS = ("intensity", "statement", "repetition", "loudness", "duration")
# mean level of what is not silence, in dB of full scale
LOUDNESS = "loudness.0.mean"
QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
# a group of fewer clips says nothing
_FEWEST_CLIPS = 20
_COLUMNS = ("factor", "name", "mark", "emotions", "n_clips", "uar", "uar_low", "uar_high")


def main(values: Values, system: str) -> Tables:
    """Find where the mistakes of a system are."""
    own = load_system_settings(values, system)
    clips = load_clips(DATA / "splits", own.corpora, own.protocol, own.gender).clips
    tables = [Functionals(DATA / "functionals" / name).table() for name in own.corpora]
    return {"": study_places(system_answers(system), describe_clips(clips, pd.concat(tables)))}


def describe_clips(manifest: pd.DataFrame, functionals: pd.DataFrame) -> pd.DataFrame:
    """Group of every clip by every factor: one row a clip (its index), one column a factor.

    Loudness and duration are in quarters of the clips of one emotion of one corpus, so that a
    quarter is not full of the loudest emotion. An empty group says that the corpus tells nothing.

    Raises:
        SerError: if a clip has no functionals.
    """
    missing = manifest.loc[~manifest["clip"].isin(functionals.index), "clip"]
    if not missing.empty:
        raise SerError(f"Clip {missing.iloc[0]} has no functionals; run `dvc repro`.")
    clips = manifest.set_index("clip")
    alike = clips["corpus"] + "/" + clips["emotion"]
    level_db = functionals.loc[clips.index, LOUDNESS].astype(float)
    return pd.DataFrame(
        {
            "intensity": clips["intensity"],
            "statement": clips["sentence"].where(
                clips["sentence"] == "", clips["corpus"] + " " + clips["sentence"]
            ),
            "repetition": clips["take"],
            "loudness": _quarters(level_db, alike),
            "duration": _quarters(clips["duration_s"].astype(float), alike),
        }
    )


def _quarters(values: "pd.Series[float]", alike: "pd.Series[str]") -> "pd.Series[str]":
    # ties are told apart by the order of the clips, the same every time
    place = values.groupby(alike).rank(method="first") - 1
    count = values.groupby(alike).transform("size")
    return (4 * place / count).astype(int).map(lambda quarter: QUARTERS[quarter])


def study_places(predictions: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """UAR of groups of clips, factor by factor.

    Groups are compared over the emotions that all of them show: RAVDESS has no strong neutral. The
    p value is that of a permutation test: were the factor of no importance, its groups might be
    dealt out anew among the clips of one speaker and emotion.

    Args:
        groups: as `describe_clips` gives them. A factor with fewer than two groups of 20 clips is
            left out.

    Returns:
        One row a factor and group: `factor`; `name` of the group; `mark` of the protocol;
        `emotions`, how many the groups of the factor share, over which all its scores are;
        `n_clips`; `uar` with its 95 % interval over speakers, in percent; and of the factor the
        `range` between its best and worst group in percentage points, `p` of there being no
        difference, and `p_holm`, the same corrected for the number of factors (Holm, 1979,
        Scandinavian Journal of Statistics 6(2)).

    Raises:
        SerError: if a clip was predicted that is in no group.
    """
    clips = clip_scores(predictions)
    strange = clips.loc[~clips["clip"].isin(groups.index), "clip"]
    if not strange.empty:
        raise SerError(f"Clip {strange.iloc[0]} was predicted but is not in the manifest.")
    tables, tests = [], []
    for factor in FACTORS:
        compared = _comparable(clips.assign(group=clips["clip"].map(groups[factor])))
        if len(compared):
            tables.append(_factor_table(factor, predictions, compared))
            tests.append(_test(compared))
    corrected = holm([p for _, p in tests])
    for table, (reach, p), p_holm in zip(tables, tests, corrected, strict=True):
        table[["range", "p", "p_holm"]] = reach, p, p_holm
    return pd.concat(tables or [pd.DataFrame(columns=[*_COLUMNS, "range", "p", "p_holm"])])


def _comparable(clips: pd.DataFrame) -> pd.DataFrame:
    """Clips of groups that are large enough, of the emotions that all these groups show."""
    clips = clips[clips["group"] != ""]
    sizes = clips["group"].value_counts()
    clips = clips[clips["group"].map(sizes) >= _FEWEST_CLIPS]
    n_groups = clips["group"].nunique()
    shown_by = clips.groupby("emotion")["group"].nunique()
    clips = clips[clips["emotion"].map(shown_by) == n_groups]
    return clips if n_groups > 1 else clips.iloc[:0]


def _factor_table(factor: str, predictions: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for group in _in_order(clips["group"]):
        own = predictions[predictions["clip"].isin(clips.loc[clips["group"] == group, "clip"])]
        interval = uar_interval(own)
        values = (
            factor,
            group,
            own["mark"].iloc[0],
            clips["emotion"].nunique(),
            own["clip"].nunique(),
            mean_over_seeds(own, uar),
            interval.low if interval else None,
            interval.high if interval else None,
        )
        rows.append(dict(zip(_COLUMNS, values, strict=True)))
    return pd.DataFrame(rows)


def _in_order(groups: "pd.Series[str]") -> list[str]:
    found = set(groups)
    return [name for name in QUARTERS if name in found] or sorted(found)


def _test(clips: pd.DataFrame) -> tuple[float, float]:
    """Range between the best and the worst group, and p of there being no difference."""
    group, names = pd.factorize(clips["group"], sort=True)
    recalls, right = RecallTable(clips["emotion"], len(names)), clips["right"].to_numpy()
    found = recalls.uar(group, right)
    strata = clips["who"] + "/" + clips["emotion"]
    by_chance = [recalls.uar(dealt, right) for dealt in shuffled_within(group, strata)]
    p = p_value(float(np.var(found)), np.var(np.stack(by_chance), axis=1))
    return float(np.ptp(found)), p


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for their number, in the same order."""
    order = np.argsort(p_values, kind="stable")
    corrected, least = [0.0] * len(p_values), 0.0
    for place, number in enumerate(order.tolist()):
        least = max(least, min(1.0, (len(p_values) - place) * p_values[number]))
        corrected[number] = least
    return corrected


if __name__ == "__main__":
    run_study("places", main)
