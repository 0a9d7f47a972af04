"""The figure of the study of errors."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ser.plots import BLUE, GREY, STYLE, save_figure, set_title
from ser.studies.error_groups import ErrorStudy


def draw_errors(study: ErrorStudy, system: str, mark: str, path: Path) -> None:
    """UAR of every group of clips with its interval, one panel a factor."""
    factors = list(study.metrics)
    sizes = [int((study.table["factor"] == factor).sum()) for factor in factors]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            max(1, len(factors)),
            1,
            figsize=(10, 2.4 + sum(0.9 + 0.42 * size for size in sizes)),
            height_ratios=[0.9 + size for size in sizes] or None,
            sharex=True,
            squeeze=False,
            layout="constrained",
        )
        for axis, factor in zip(axes[:, 0], factors, strict=False):
            _draw_factor(axis, study, factor)
        axes[-1, 0].set(xlim=(0, 102), xlabel="unweighted average recall (%)")
        set_title(figure, f"{system}: UAR by group of clips, 95 % intervals over speakers", mark)
        save_figure(figure, path)


def _draw_factor(axis: Axes, study: ErrorStudy, factor: str) -> None:
    rows = study.table[study.table["factor"] == factor]
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
    axis.scatter(rows["uar"], places, color=BLUE, s=70, zorder=3)
    for place, (_, row) in zip(places, rows.iterrows(), strict=True):
        axis.annotate(
            f"{row['uar']:.1f}",
            (row["uar"], place),
            (0, 8),
            textcoords="offset points",
            ha="center",
            size=11,
        )
    axis.set_yticks(places, _names(rows))
    axis.set_ylim(-0.6, len(rows) - 0.2)
    axis.grid(visible=False, axis="y")
    p_holm = study.metrics[factor]["p_holm"]
    verdict = "p < 0.001" if p_holm < 0.001 else f"p = {p_holm:.3f}"
    emotions = int(rows["emotions"].iloc[0])
    axis.set_title(f"{factor} ({emotions} emotions; no difference: {verdict})", loc="left", size=13)


def _names(rows: pd.DataFrame) -> "pd.Series[str]":
    return rows["group"] + " (" + rows["n_clips"].astype(str) + " clips)"
