"""Figures of a review: both sides in one picture."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ser.labels import ordered
from ser.plots import BLUE, GREY, ORANGE, STYLE, pooled_uar
from ser.review.systems import Results, SystemReview

_LOOKS = {"base": (GREY, "o", "--"), "head": (BLUE, "s", "-")}


def draw_review(review: SystemReview, base: str, head: str) -> dict[str, bytes]:
    """PNG images by what they show.

    Args:
        base, head: what the sides are called.
    """
    sides = {head: ("head", review.head)}
    if review.base is not None:
        sides = {base: ("base", review.base), **sides}
    return {
        "Accuracy and loss by epoch": _curves(sides),
        "Confusion": _confusions(sides),
        "Calibration": _reliability(sides),
        "Speakers": _speakers(review.speakers, base, head),
    }


Sides = dict[str, tuple[str, Results]]


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()


def _curves(sides: Sides) -> bytes:
    units = {"accuracy": "accuracy (%)", "loss": "cross-entropy (nats)"}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
        for axis, (score, label) in zip(axes, units.items(), strict=True):
            for name, (side, results) in sides.items():
                colour, _, line = _LOOKS[side]
                for part, rows in results.history.groupby("part"):
                    mean = rows.groupby("epoch")[score].mean()
                    axis.plot(
                        mean.index,
                        mean,
                        color=colour,
                        linestyle=line,
                        linewidth=1.2 if part == "train" else 2.5,
                        alpha=0.6 if part == "train" else 1.0,
                        label=f"{name}: {part}",
                    )
            axis.set(xlabel="epoch", ylabel=label)
        axes[0].legend()
        figure.suptitle("Training (thin) and held-out clips (thick), mean of all models", size=14)
        return _png(figure)


def _confusions(sides: Sides) -> bytes:
    tables = {name: results.confusion for name, (_, results) in sides.items()}
    emotions = ordered(pd.concat(tables)["actual"])
    shares = {
        name: table.pivot(index="actual", columns="predicted", values="percent").reindex(
            index=emotions, columns=emotions, fill_value=0.0
        )
        for name, table in tables.items()
    }
    panels = len(shares) + (len(shares) == 2)
    with plt.rc_context({**STYLE, "axes.grid": False, "font.size": 11}):
        figure, axes = plt.subplots(
            1, panels, figsize=(5.6 * panels, 5.6), squeeze=False, layout="constrained"
        )
        for axis, (name, values) in zip(axes[0], shares.items(), strict=False):
            uar = pooled_uar(tables[name])
            _matrix(axis, values, f"{name}: UAR {uar:.1f} %", "cividis", (0.0, 100.0))
        if len(shares) == 2:
            before, after = shares.values()
            change = after - before
            limit = max(5.0, float(np.abs(change.to_numpy()).max()))
            _matrix(axes[0, -1], change, "change (points)", "PuOr_r", (-limit, limit))
        return _png(figure)


def _matrix(
    axis: Axes, values: pd.DataFrame, title: str, colours: str, limits: tuple[float, float]
) -> None:
    axis.imshow(values, cmap=colours, vmin=limits[0], vmax=limits[1])
    diverging = limits[0] < 0
    for row, column in np.ndindex(values.shape):
        value = float(values.iloc[row, column])
        dark = abs(value) > 0.65 * limits[1] if diverging else value < 55
        # adding 0 takes the minus from what rounds to zero
        text = f"{round(value) + 0:{'+' if diverging and round(value) else ''}d}"
        axis.text(column, row, text, ha="center", va="center", color="white" if dark else "black")
    axis.set_xticks(range(values.shape[1]), values.columns, rotation=45, ha="right")
    axis.set_yticks(range(values.shape[0]), values.index)
    axis.set(xlabel="predicted emotion", ylabel="true emotion", title=title)


def _reliability(sides: Sides) -> bytes:
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7, 6), layout="constrained")
        axis.plot([0, 100], [0, 100], color=GREY, linestyle=":", label="perfectly calibrated")
        for name, (side, results) in sides.items():
            colour, marker, line = _LOOKS[side]
            rows = results.reliability[results.reliability["kind"] == "calibrated"]
            axis.plot(
                rows["confidence"],
                rows["accuracy"],
                color=colour,
                marker=marker,
                linestyle=line,
                linewidth=2,
                label=f"{name}, calibrated",
            )
        axis.set(
            xlabel="confidence of the answer (%)",
            ylabel="accuracy (%)",
            xlim=(0, 101),
            ylim=(-2, 102),
        )
        axis.legend(loc="upper left")
        figure.suptitle("Reliability of its confidence", size=14)
        return _png(figure)


def _speakers(speakers: pd.DataFrame, base: str, head: str) -> bytes:
    rows = speakers.sort_values(["after", "speaker"], ascending=[False, True], ignore_index=True)
    places = np.arange(len(rows))
    with plt.rc_context(STYLE):
        width = float(np.clip(2 + 0.36 * len(rows), 9, 16))
        figure, axis = plt.subplots(figsize=(width, 5.5), layout="constrained")
        known = rows["before"].notna().to_numpy()
        if known.any():
            before, after = (
                rows[side].to_numpy(dtype=float)[known] for side in ("before", "after")
            )
            worse = after < before
            for some, colour in ((worse, ORANGE), (~worse, BLUE)):
                axis.vlines(
                    places[known][some], before[some], after[some], color=colour, linewidth=3
                )
            axis.scatter(places[known], before, color=GREY, marker="o", s=50, label=base, zorder=3)
        axis.scatter(places, rows["after"], color=BLUE, marker="s", s=50, label=head, zorder=3)
        axis.set_xticks(places, rows["speaker"], rotation=90)
        axis.set(xlabel="speaker", ylabel="unweighted average recall (%)", ylim=(0, 105))
        axis.grid(visible=False, axis="x")
        axis.legend(ncols=2, loc="lower left")
        figure.suptitle("Each speaker; orange: who is recognised worse", size=14)
        return _png(figure)
