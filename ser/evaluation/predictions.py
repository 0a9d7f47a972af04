"""The table of out-of-fold predictions: one row a clip and seed, as git tracks it.

Columns: what says which clip a row is about (`IDENTITY`); `protocol`; `emotion`; `predicted`;
`confidence`, the probability of the predicted emotion; `calibrated`, the same at the model's
temperature; `temperature`; and `p_<emotion>`, the probability of every emotion as the model gives
it. Baselines have no probabilities.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from ser.clips.labels import is_emotion, ordered
from ser.core.errors import SerError
from ser.core.tables import Table

IDENTITY = ("clip", "corpus", "language", "speaker", "gender", "intensity", "fold", "seed")
_NUMBERS = ("fold", "seed")
PREDICTIONS = Table(
    "The table of predictions",
    {
        **{name: int if name in _NUMBERS else str for name in IDENTITY},
        "emotion": str,
        "predicted": str,
    },
)
_SHARES = ("confidence", "calibrated")
# rows read from a table add up to 1 only to its six decimals
_ROUNDING = 1e-4


def check_complete(predictions: pd.DataFrame, clips: pd.DataFrame, seeds: list[int]) -> None:
    """Check that every clip is predicted exactly once for every seed.

    Raises:
        SerError: naming the first clip that is not.
    """
    counts = predictions.groupby(["seed", "clip"]).size()
    for seed in seeds:
        for clip in clips["clip"]:
            if counts.get((seed, clip), 0) != 1:
                raise SerError(f"Clip {clip} is not predicted exactly once with seed {seed}.")


def probability_columns(predictions: pd.DataFrame) -> list[str]:
    """Columns that hold the probability of each emotion, in their order."""
    named = [name.removeprefix("p_") for name in predictions.columns if name.startswith("p_")]
    return [f"p_{emotion}" for emotion in ordered(named)]


def read_predictions(path: Path) -> pd.DataFrame:
    """Read a table of predictions.

    Raises:
        SerError: if it is missing, damaged, or belies itself (see `check_predictions`).
    """
    return check_predictions(PREDICTIONS.read(path), str(path))


def check_predictions(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """The table, if it can be one of predictions.

    Raises:
        SerError: if a clip is answered twice with a seed, an emotion is unknown, or probabilities
            do not add up to 1.
    """
    doubled = table[table.duplicated(["seed", "clip"])]
    if not doubled.empty:
        row = doubled.iloc[0]
        raise SerError(f"{source} predicts clip {row['clip']} twice with seed {row['seed']}.")
    columns = probability_columns(table)
    for column in ("emotion", "predicted"):
        named = set(table[column])
        known = {name for name in named if is_emotion(name)}
        if columns:
            known &= {name.removeprefix("p_") for name in columns}
        if strange := named - known:
            raise SerError(f"{source} holds the unknown emotion {min(strange)!r}.")
    for column in (name for name in _SHARES if name in table):
        if not pd.to_numeric(table[column], errors="coerce").between(0, 1).all():
            raise SerError(f"{source} must hold numbers from 0 to 1 in the column {column}.")
    if columns:
        values = table[columns].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
        wrong = ~(np.abs(values.sum(axis=1) - 1) < _ROUNDING) | (values < 0).any(axis=1)
        if wrong.any():
            clip = table.loc[wrong, "clip"].iloc[0]
            raise SerError(f"{source}: the probabilities of clip {clip} do not add up to 1.")
    return table
