"""The figure of the study of errors."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from ser.plots import STYLE, save_figure, set_title
from ser.studies.error_groups import ErrorStudy
from ser.studies.points import draw_points


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
    draw_points(axis, rows, _names(rows).tolist())
    p_holm = study.metrics[factor]["p_holm"]
    verdict = "p < 0.001" if p_holm < 0.001 else f"p = {p_holm:.3f}"
    emotions = int(rows["emotions"].iloc[0])
    axis.set_title(f"{factor} ({emotions} emotions; no difference: {verdict})", loc="left", size=13)


def _names(rows: pd.DataFrame) -> "pd.Series[str]":
    return rows["group"] + " (" + rows["n_clips"].astype(str) + " clips)"
