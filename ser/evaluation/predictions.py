"""The table of out-of-fold predictions: one row a clip and seed, as git tracks it.

Columns: what says which clip a row is about (`IDENTITY`); `protocol`; `emotion`; `predicted`;
`confidence`, the probability of the predicted emotion; `calibrated`, the same at the model's
temperature; `temperature`; and `p_<emotion>`, the probability of every emotion as the network gives
it. Floors have no probabilities.
"""

from pathlib import Path

import pandas as pd

from ser.errors import SerError
from ser.labels import EMOTIONS

IDENTITY = ("clip", "corpus", "language", "speaker", "gender", "intensity", "fold", "seed")


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
    """Columns that hold the probability of each emotion, in the order of the shared set."""
    return [f"p_{emotion}" for emotion in EMOTIONS if f"p_{emotion}" in predictions.columns]


def read_predictions(path: Path) -> pd.DataFrame:
    """Read a table of predictions.

    Raises:
        SerError: if it is missing, unreadable, or lacks a column.
    """
    try:
        table = pd.read_csv(path, dtype={"speaker": str, "intensity": str}, keep_default_na=False)
    except FileNotFoundError:
        raise SerError(f"The predictions {path} are missing; run `dvc repro`.") from None
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SerError(f"The predictions {path} are not a readable CSV: {reason}.") from None
    missing = [name for name in (*IDENTITY, "emotion", "predicted") if name not in table.columns]
    if missing:
        raise SerError(f"The predictions {path} lack the columns {', '.join(missing)}.")
    return table
