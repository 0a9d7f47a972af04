"""All systems side by side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

_COLUMNS = ("uar", "uar_low", "uar_high", "accuracy", "uar_female", "uar_male", "chance")
_COUNTS = ("n_clips", "n_speakers", "parameters")


def systems_table(metrics: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row a system: scores in percent, and counts."""
    return pd.DataFrame(
        [
            {"system": name, **{column: values[column] for column in (*_COLUMNS, *_COUNTS)}}
            for name, values in metrics.items()
        ]
    )


def combine_histories(histories: Mapping[str, Path]) -> pd.DataFrame:
    """Histories of all systems, meaned over folds and seeds: system, epoch, part, scores."""
    tables = []
    for name, path in histories.items():
        mean = (
            pd.read_csv(path)
            .groupby(["epoch", "part"], as_index=False)[["loss", "accuracy", "uar"]]
            .mean()
        )
        tables.append(mean.assign(system=name))
    columns = ["system", "epoch", "part", "loss", "accuracy", "uar"]
    return pd.concat(tables, ignore_index=True)[columns]
