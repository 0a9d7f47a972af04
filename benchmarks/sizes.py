"""The sizes of the network among the rows of the ablation."""

import pandas as pd

from benchmarks.tables import REFERENCE, pool_repeats
from ser.errors import SerError


def size_rows(results: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Rows of systems that were trained in more than one size, with a column `size`.

    Args:
        results: as `docs/ablation.csv`.
        reference: size that the row which others are compared with has.

    Raises:
        SerError: if there are none.
    """
    sizes = {"small model": "small", "large model": "large", REFERENCE: reference}
    pooled = pool_repeats(results)
    rows = pooled.assign(size=pooled["change"].map(sizes)).dropna(subset=["size"])
    several = rows.groupby("system")["size"].transform("nunique") > 1
    if not several.any():
        raise SerError("No system has results in two sizes; run `python -m benchmarks.ablation`.")
    return rows[several].sort_values(["system", "parameters"], ignore_index=True)
