"""Scores as points with their intervals, one below the other: the body of several figures."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ser.plots import BLUE, GREY


def draw_points(
    axis: Axes,
    rows: pd.DataFrame,
    names: Sequence[str],
    colours: Sequence[str] | None = None,
    marker: str = "o",
) -> None:
    """Draw `uar` of every row with the interval `uar_low` to `uar_high`, the first row above.

    Args:
        names: what stands beside each row.
        colours: one a row; blue without.
    """
    places = np.arange(len(rows))[::-1]
    known = rows["uar_low"].notna().to_numpy()
    bars = np.clip([rows["uar"] - rows["uar_low"], rows["uar_high"] - rows["uar"]], 0, None).astype(
        float
    )
    axis.errorbar(
        rows["uar"][known],
        places[known],
        xerr=bars[:, known],
        fmt="none",
        ecolor=GREY,
        elinewidth=2,
        capsize=4,
    )
    axis.scatter(rows["uar"], places, c=colours or BLUE, s=70, marker=marker, zorder=3)
    for place, uar in zip(places, rows["uar"], strict=True):
        axis.annotate(
            f"{uar:.1f}", (uar, place), (0, 8), textcoords="offset points", ha="center", size=11
        )
    axis.set_yticks(places, list(names))
    axis.set_ylim(-0.6, len(rows) - 0.2)
    axis.grid(visible=False, axis="y")
