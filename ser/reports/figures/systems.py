"""Figures of systems: of one by itself, or of two sides in one picture.

Sides are tables by what they are called; the last is the one that counts.
"""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from ser.clips.labels import ordered
from ser.guards.protocol import NO_MARK
from ser.reports.figures.base import BLUE, GREY, ORANGE, STYLE, save_figure, set_title
from ser.reports.figures.parts import draw_cells, panels_figure
from ser.reports.markdown import say
from ser.reports.systems import Results, baselines_of

Sides = Mapping[str, pd.DataFrame]

# colour and marker of the side that counts, and of the one that it is compared with
_LOOKS = ((BLUE, "s"), (GREY, "o"))
_MARKERS = "XDv^Ps"


def _looks(sides: Sides) -> list[tuple[str, pd.DataFrame, str, str]]:
    """Name, table, colour and marker of every side."""
    newest_first = zip(reversed(list(sides.items())), _LOOKS, strict=False)
    return [(name, table, *look) for (name, table), look in newest_first][::-1]


def draw_curves(history: Sides, title: str, mark: str, path: Path) -> None:
    """Accuracy and loss by epoch in one row: training clips dashed, held-out clips solid.

    Lines are means over models, bands their deviation.
    """
    units = {"accuracy": "accuracy (%)", "loss": "cross-entropy (nats)"}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
        for axis, (score, label) in zip(axes, units.items(), strict=True):
            for name, table, colour, _ in _looks(history):
                for part, rows in table.groupby("part"):
                    trains = part == "train"
                    values = rows.groupby("epoch")[score]
                    mean, deviation = values.mean(), values.std(ddof=0)
                    axis.plot(
                        mean.index,
                        mean,
                        color=colour,
                        linestyle="--" if trains else "-",
                        linewidth=1.5 if trains else 2.5,
                        label=f"{name}: {part}" if len(history) > 1 else part,
                    )
                    axis.fill_between(
                        mean.index, mean - deviation, mean + deviation, color=colour, alpha=0.12
                    )
            axis.set(xlabel="epoch", ylabel=label)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[0].legend()
        set_title(figure, title, mark)
        save_figure(figure, path)


def pooled_uar(confusion: pd.DataFrame) -> float:
    """UAR of all answers in a confusion table: the mean of its diagonal, in percent."""
    shown = confusion.groupby("actual")["clips"].transform("sum") > 0
    right = confusion["actual"] == confusion["predicted"]
    return float(confusion.loc[shown & right, "percent"].mean())


def draw_confusion(confusion: Sides, title: str, mark: str, path: Path) -> None:
    """Confusion in percent of each true class, and where there are two sides, what changed.

    The diagonal is the recall.
    """
    emotions = ordered(pd.concat(confusion.values())["actual"])
    shares = {
        f"{name}: UAR {pooled_uar(table):.1f} %": table.pivot(
            index="actual", columns="predicted", values="percent"
        ).reindex(index=emotions, columns=emotions, fill_value=0.0)
        for name, table in confusion.items()
    }
    panels = 2 * len(shares) - 1
    size = 2.4 + 0.55 * len(emotions) if panels == 1 else 1.8 + 0.4 * len(emotions)
    with plt.rc_context({**STYLE, "axes.grid": False, "font.size": 12}):
        figure, axes = plt.subplots(
            1, panels, figsize=(size * panels, size), squeeze=False, layout="constrained"
        )
        for axis, (name, values) in zip(axes[0], shares.items(), strict=False):
            draw_cells(axis, values, 0, 100)
            axis.set_title(name, size=13)
        if panels > 1:
            before, after = shares.values()
            reach = max(5.0, float((after - before).abs().to_numpy().max()))
            draw_cells(axes[0, -1], after - before, -reach, reach, "PuOr_r")
            axes[0, -1].set_title("change (points)", size=13)
        for axis in axes[0]:
            axis.set(xlabel="predicted emotion", ylabel="true emotion")
        set_title(figure, title, mark)
        save_figure(figure, path)


def draw_reliability(reliability: Sides, title: str, path: Path) -> None:
    """Accuracy against confidence, calibrated (DeGroot & Fienberg, 1983, The Statistician 32)."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7, 6), layout="constrained")
        axis.plot([0, 100], [0, 100], color=GREY, linestyle=":", label="perfectly calibrated")
        for name, table, colour, marker in _looks(reliability):
            rows = table[table["kind"] == "calibrated"]
            axis.plot(rows["confidence"], rows["accuracy"], color=colour, marker=marker, label=name)
        axis.set(xlabel="confidence of the answer (%)", xlim=(0, 101))
        axis.set(ylabel="accuracy (%)", ylim=(-2, 102))
        axis.legend(loc="upper left")
        set_title(figure, title)
        save_figure(figure, path)


def draw_speakers(speakers: Sides, title: str, path: Path) -> None:
    """UAR of every speaker, from the easiest to the hardest; who got worse hangs on orange.

    Args:
        speakers: tables with the columns `corpus`, `speaker` and `uar`.
    """
    uar = {name: _by_speaker(table) for name, table in speakers.items()}
    *before, now = uar.values()
    order = now.sort_values(ascending=False, kind="stable").index
    places = np.arange(len(order))
    with plt.rc_context(STYLE):
        width = float(np.clip(2 + 0.36 * len(order), 9, 16))
        figure, axis = plt.subplots(figsize=(width, 5.5), layout="constrained")
        for older in before:
            ends = older.reindex(order), now.loc[order]
            worse = np.where(ends[1] < ends[0], ORANGE, BLUE).tolist()
            axis.vlines(places, *ends, colors=worse, linewidth=3)
        for name, table, colour, marker in _looks(speakers):
            scores = _by_speaker(table).reindex(order)
            axis.scatter(places, scores, color=colour, marker=marker, s=50, label=name, zorder=3)
        axis.set_xticks(places, order, rotation=90)
        axis.set(xlabel="speaker", ylabel="unweighted average recall (%)", ylim=(0, 105))
        axis.grid(visible=False, axis="x")
        axis.legend(ncols=2, loc="lower left")
        set_title(figure, title)
        save_figure(figure, path)


def _by_speaker(table: pd.DataFrame) -> "pd.Series[float]":
    names = table["speaker"].astype(str)
    many = table["corpus"].nunique() > 1
    keys = table["corpus"] + " " + names if many else names
    return table.set_index(keys)["uar"].astype(float)


def draw_report(systems: Sequence[Results], table: pd.DataFrame, folder: Path) -> None:
    """Draw what texts show: all systems, and confusion and curves of each.

    Args:
        table: as `systems_table` gives it.
        folder: gets systems.png, confusion/<system>.png and curves/<system>.png.
    """
    draw_systems(table, folder / "systems.png")
    for one in systems:
        name, mark = one.system, one.metrics.mark
        history, confusion = one.table("history"), one.table("confusion")
        curves = f"{name}: training (dashed) and held-out clips (solid), mean of all models"
        draw_curves({name: history}, curves, mark, folder / f"curves/{name}.png")
        draw_confusion({name: confusion}, "", mark, folder / f"confusion/{name}.png")


def draw_systems(table: pd.DataFrame, path: Path) -> None:
    """UAR of all systems with 95 % intervals over speakers, beside their baselines and chance."""
    names = [
        row.system if row.mark == NO_MARK else f"{row.system}\n{textwrap.fill(row.mark, 32)}"
        for row in table.itertuples()
    ]
    title = "All systems; speakers never heard in training unless marked"
    figure = panels_figure({"": table.assign(name=names)}, title)
    with plt.rc_context(STYLE):
        (axis,) = figure.axes
        places = np.arange(len(table))[::-1]
        for name, marker in zip(baselines_of(table), _MARKERS, strict=False):
            scores, label = table[f"baseline_{name}"], say(name, "en")
            axis.scatter(scores, places - 0.24, marker=marker, color=GREY, s=45, label=label)
        axis.scatter(table["chance"], places, marker="|", color=GREY, s=300, label="chance")
        figure.legend(loc="outside lower center", ncols=4, frameon=False)
        save_figure(figure, path)
