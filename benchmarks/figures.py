"""Figures of the benchmarks, in the look of all others."""

from itertools import cycle
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from benchmarks.scale.growth import short_clips

# the look of the pipeline's figures is not copied, so that both stay alike
from ser.reports.figures.base import BLUE, GREEN, GREY, ORANGE, PURPLE, STYLE, save_figure

# tasks whose time is that of a fold; that of all others is of a clip
_BY_FOLD = "training"
_BARS = (BLUE, ORANGE, GREY)
_LINES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (PURPLE, "D"))
# where there are more lines than colours, the later ones are dashed
_MANY_LINES = (*_LINES, (GREY, "v"), ("black", "*"))


def draw_speed(table: pd.DataFrame, path: Path) -> None:
    """Bars of time, one panel a task; beside each bar how many times as long as the first."""
    tasks = table["task"].unique()
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(tasks), 1, figsize=(11, 2.5 * len(tasks)), layout="constrained"
        )
        for axis, task in zip(np.atleast_1d(axes), tasks, strict=True):
            _draw_task(axis, str(task), table[table["task"] == task])
        figure.suptitle("Time on one core: shorter is faster", size=14)
        save_figure(figure, path)


def _draw_task(axis: Axes, task: str, rows: pd.DataFrame) -> None:
    by_fold = task.startswith(_BY_FOLD)
    times = rows["seconds"] if by_fold else 1000 / rows["clips_per_second"]
    places = np.arange(len(rows))[::-1]
    axis.barh(places, times, color=_BARS[: len(rows)], height=0.7)
    for place, time, (_, row) in zip(places, times, rows.iterrows(), strict=True):
        score = row["validation_uar"]
        text = "" if row["relative_to_ours"] == 1 else f"{row['relative_to_ours']:.2g} times ours"
        uar = "" if pd.isna(score) else f"validation UAR {score:.1f} %"
        text = ", ".join(filter(None, (text, uar)))
        axis.annotate(text, (time, place), (6, 0), textcoords="offset points", va="center")
    axis.set_yticks(places, rows["way"])
    # room for the words beside the longest bar
    axis.set_xlim(0, 1.6 * times.max())
    axis.grid(visible=False, axis="y")
    axis.set(title=task.capitalize(), xlabel="time a fold (s)" if by_fold else "time a clip (ms)")


def draw_sizes(rows: pd.DataFrame, path: Path) -> None:
    """Validation UAR against training time, one line a system, one point a size.

    Args:
        rows: as `benchmarks.sizes.size_rows` gives them.
    """
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(10, 6.5), layout="constrained")
        systems = rows.groupby("system", sort=False)
        for (system, own), (colour, marker) in zip(systems, _LINES, strict=False):
            axis.errorbar(
                own["seconds_per_fold"],
                own["validation_uar"],
                yerr=own["deviation"].fillna(0),
                color=colour,
                marker=marker,
                markersize=9,
                linewidth=2,
                capsize=5,
                label=system,
            )
            for _, row in own.iterrows():
                _label_size(axis, row, colour)
        axis.margins(x=0.15, y=0.15)
        axis.set(xlabel="training time a fold (s)", ylabel="validation UAR (%)")
        axis.legend(title="system")
        seeds = int(rows["seeds"].max())
        figure.suptitle(
            f"Sizes of the network: bars show the deviation over {seeds} seeds", size=14
        )
        save_figure(figure, path)


def _label_size(axis: Axes, row: pd.Series, colour: str) -> None:
    axis.annotate(
        f"{row['size']}\n{row['parameters'] / 1000:.0f} k parameters",
        (row["seconds_per_fold"], row["validation_uar"]),
        (9, 6),
        textcoords="offset points",
        color=colour,
        size=11,
    )


def draw_trust(coverage: pd.DataFrame, flags: pd.DataFrame, path: Path) -> None:
    """Accuracy of the surest answers, and how often what is heard is flagged.

    Args:
        coverage, flags: as `benchmarks.trust` makes them.
    """
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(15, 5.5), layout="constrained")
        for (system, own), (colour, marker) in zip(
            coverage.groupby("system", sort=False), _LINES, strict=False
        ):
            curve = own[own["kept"].str.endswith("%")]
            left.plot(
                curve["coverage"], curve["accuracy"], color=colour, marker=marker, label=system
            )
            chosen = own[own["kept"] == "not unsure"]
            left.scatter(
                chosen["coverage"], chosen["accuracy"], 220, "none", marker, edgecolors=colour
            )
        left.set(
            xlabel="answers kept, the surest first (%)",
            ylabel="accuracy (%)",
            title="Held-out speakers (large marks: not unsure)",
        )
        left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncol=4)
        places = np.arange(len(flags))[::-1]
        kinds = {"no speech": GREY, "unlike training": ORANGE, "unsure": BLUE, "any": PURPLE}
        for number, (kind, colour) in enumerate(kinds.items()):
            height = 0.8 / len(kinds)
            offset = 0.4 - height * (number + 0.5)
            right.barh(places + offset, flags[kind], height, color=colour, label=kind)
        right.set_yticks(places, flags["sound"])
        right.grid(visible=False, axis="y")
        right.set(xlabel="recordings that are flagged (%)", title="Warnings", xlim=(0, 100))
        right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncol=4)
        save_figure(figure, path)


def draw_scale(table: pd.DataFrame, path: Path) -> None:
    """Time and memory of every stage against clips, both axes logarithmic, one line a stage.

    Args:
        table: as `benchmarks.scale` makes it.
    """
    panels = {"cpu_seconds": "seconds of the processor", "held_mb": "peak memory held (MB)"}
    looks = cycle([(*look, line) for line in ("-", "--", ":") for look in _MANY_LINES])
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(14, 7), layout="constrained")
        table = short_clips(table)
        stages = table.groupby("stage", sort=False)
        for (stage, rows), (colour, marker, line) in zip(stages, looks, strict=False):
            for axis, column in zip(axes, panels, strict=True):
                axis.plot(
                    rows["clips"],
                    rows[column],
                    color=colour,
                    marker=marker,
                    markersize=9,
                    linestyle=line,
                    linewidth=2,
                    label=stage,
                )
        sizes = sorted(table["clips"].unique())
        for axis, label in zip(axes, panels.values(), strict=True):
            axis.set(xscale="log", yscale="log", xlabel="clips", ylabel=label)
            # formulas, which logarithmic axes are labelled with, are not drawn (`STYLE`)
            axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axis.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
            for ticks in (axis.xaxis, axis.yaxis):
                ticks.set_minor_formatter(NullFormatter())
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
        figure.suptitle("What each stage takes as a corpus grows", size=14)
        save_figure(figure, path)
