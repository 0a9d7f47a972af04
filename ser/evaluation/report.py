"""All systems side by side."""

from collections.abc import Mapping
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
