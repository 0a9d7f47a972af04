"""What figures of several studies are made of: panels of points, cells, lines and images."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from ser.guards.protocol import NO_MARK
from ser.reports.figures.base import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    STYLE,
    set_title,
)
from ser.reports.figures.points import PERCENT, UAR_LABEL, draw_points

_LOOKS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (PURPLE, "D"), (GREY, "v"), ("black", "*"))
# training clips dashed, held-out clips solid
_PARTS = {"train": "--", "validation": "-"}


def panels_figure(
    panels: Mapping[str, pd.DataFrame],
    title: str,
    mark: str = "",
    reference: float | None = None,
) -> Figure:
    """Scores with intervals, one panel below the other; what has a mark in a warning colour.

    Args:
        panels: by their title: columns `name`, `mark`, `uar`, `uar_low` and `uar_high`.
        title, mark: of the figure.
        reference: score at which a dashed line is drawn.
    """
    sizes = [0.9 + 0.45 * len(rows) for rows in panels.values()] or [1.0]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(sizes),
            1,
            figsize=(12, 1.6 + sum(sizes)),
            height_ratios=sizes,
            sharex=True,
            squeeze=False,
            layout="constrained",
        )
        for axis, (heading, rows) in zip(axes[:, 0], panels.items(), strict=False):
            colours = [_colour(one) for one in rows["mark"]]
            draw_points(axis, rows, rows["name"].tolist(), colours)
            axis.set_title(heading, loc="left", size=13)
            if reference is not None:
                axis.axvline(reference, color=GREY, linestyle="--", zorder=0)
        axes[-1, 0].set(xlim=PERCENT, xlabel=UAR_LABEL)
        set_title(figure, title, mark)
    return figure


def _colour(mark: str) -> str:
    if mark == NO_MARK:
        return BLUE
    return ORANGE if mark.startswith("LEAKY") else GREEN


def draw_cells(
    axis: Axes, values: pd.DataFrame, low: float, high: float, colours: str = "cividis"
) -> AxesImage:
    """A table as coloured cells with their numbers.

    Args:
        values: shape (rows, columns), with the names of both; NaN is empty.
        low, high: values of the ends of the colours; `PuOr_r` is dark at both, others at the low.
    """
    image = axis.imshow(values, cmap=colours, vmin=low, vmax=high, aspect="auto")
    for row, column in np.ndindex(values.shape):
        value = float(values.iloc[row, column])
        share = (value - low) / (high - low)
        dark = abs(share - 0.5) > 0.35 if colours == "PuOr_r" else share < 0.55
        if not np.isnan(value):
            # adding 0 takes the minus from what rounds to zero
            text, colour = f"{round(value) + 0:d}", "white" if dark else "black"
            axis.text(column, row, text, ha="center", va="center", color=colour)
    axis.set_xticks(range(values.shape[1]), values.columns, rotation=30, ha="right")
    axis.set_yticks(range(values.shape[0]), values.index)
    axis.grid(visible=False)
    return image


def draw_lines(
    axis: Axes, rows: pd.DataFrame, x: str, y: str, by: str, line: str = "-", *, named: bool = True
) -> None:
    """Column `y` over column `x`, one line for each value of the column `by`."""
    for (name, own), (colour, marker) in zip(
        rows.groupby(by, sort=False), cycle(_LOOKS), strict=False
    ):
        look: dict[str, Any] = {
            "color": colour,
            "linestyle": line,
            "marker": marker if named else None,
        }
        axis.plot(own[x], own[y], linewidth=2, label=str(name) if named else None, **look)


def history_figure(rows: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Accuracy and loss by epoch; training clips dashed, validation clips solid.

    Args:
        rows: by their title: columns `line` (what a line is of), `epoch`, `part`, `accuracy` and
            `loss`.
    """
    units = {"accuracy": "accuracy (%)", "loss": "cross-entropy (nats)"}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(rows), 2, figsize=(13, 1.6 + 4 * len(rows)), squeeze=False, layout="constrained"
        )
        for row, (heading, history) in zip(axes, rows.items(), strict=True):
            for axis, (score, label) in zip(row, units.items(), strict=True):
                for part, line in _PARTS.items():
                    own = history[history["part"] == part]
                    draw_lines(axis, own, "epoch", score, "line", line, named=part != "train")
                axis.set(xlabel="epoch", ylabel=label, title=heading)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
        set_title(figure, title)
    return figure


def images_figure(
    images: Mapping[str, np.ndarray],
    axes_labels: tuple[str, str, str],
    title: str,
    *,
    limits: tuple[float, float],
    extents: Mapping[str, tuple[float, float, float, float]],
    colours: str = "cividis",
    columns: int = 4,
) -> Figure:
    """Images side by side, each of shape (bands, steps), low bands below.

    Args:
        axes_labels: of time, of bands, and of the colours, with their units.
        limits: values of the ends of the colours.
        extents: of each image, in the units of its axes.
    """
    n_rows = -(-len(images) // columns)
    with plt.rc_context({**STYLE, "axes.grid": False}):
        figure, axes = plt.subplots(
            n_rows,
            columns,
            figsize=(15, 1.2 + 3.4 * n_rows),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axis in axes.flat[len(images) :]:
            axis.set_axis_off()
        look: dict[str, Any] = {"cmap": colours, "vmin": limits[0], "vmax": limits[1]}
        for axis, (name, values) in zip(axes.flat, images.items(), strict=False):
            extent = extents[name]
            image = axis.imshow(values, origin="lower", aspect="auto", extent=extent, **look)
            axis.set(title=name)
        longest = max(extent[1] for extent in extents.values())
        axes[0, 0].set(xlim=(0, longest))
        for axis in axes[-1]:
            axis.set_xlabel(axes_labels[0])
        for axis in axes[:, 0]:
            axis.set_ylabel(axes_labels[1])
        figure.colorbar(image, ax=axes, label=axes_labels[2])
        set_title(figure, title)
    return figure
