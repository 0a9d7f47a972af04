"""Scores as points with their intervals, one below the other: the body of many figures."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ser.reports.figures.base import BLUE

UAR_LABEL = "unweighted average recall (%), 95 % interval over speakers"
# a little beyond 100, for the labels of points there
PERCENT = (0.0, 102.0)


def draw_points(
    axis: Axes,
    rows: pd.DataFrame,
    names: Sequence[str],
    colours: Sequence[str] | None = None,
    marker: str = "o",
    score: str = "uar",
) -> None:
    """Draw a score of every row with its interval into `axis`, the first row above.

    Args:
        rows: columns `<score>`, `<score>_low` and `<score>_high`; NaN where there is no interval.
        names: what stands beside each row, one a row.
        colours: one a row; blue without.
        marker: matplotlib's name of the points' shape.
        score: column that is shown.
    """
    places = np.arange(len(rows))[::-1]
    shades = list(colours or [BLUE] * len(rows))
    middle, low, high = (
        rows[column].to_numpy(dtype=float) for column in (score, f"{score}_low", f"{score}_high")
    )
    # a gap where there is no interval; a score may lie outside its interval by rounding
    axis.hlines(places, np.minimum(low, middle), np.maximum(high, middle), shades, linewidth=2)
    for end in (low, high):
        axis.scatter(end, places, c=shades, marker="|", s=70)
    axis.scatter(middle, places, c=shades, s=80, marker=marker, zorder=3)
    for place, value in zip(places, middle, strict=True):
        axis.annotate(
            f"{value:.1f}", (value, place), (0, 7), textcoords="offset points", ha="center", size=11
        )
    axis.set_yticks(places, list(names))
    axis.set_ylim(-0.6, len(rows) - 0.2)
    axis.grid(visible=False, axis="y")
