"""The figures of the study of optimizers."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from ser.plots import BLUE, GREEN, GREY, ORANGE, PURPLE, STYLE, save_figure, set_title
from ser.studies.optimizers import CANDIDATES
from ser.studies.points import draw_points

_LOOKS = ((GREY, "o"), (BLUE, "s"), (ORANGE, "^"), (GREEN, "D"), (PURPLE, "v"), ("black", "*"))
LOOKS = {one.name: look for one, look in zip(CANDIDATES, _LOOKS, strict=True)}


def draw_optimizers(table: pd.DataFrame, corpus: str, path: Path) -> None:
    """UAR of every optimizer at its rate, with intervals."""
    names = [f"{row.optimizer}\nrate {row.rate:g}" for row in table.itertuples(index=False)]
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(11, 2 + 0.75 * len(table)), layout="constrained")
        draw_points(axis, table, names, [LOOKS[name][0] for name in table["optimizer"]])
        axis.set(xlim=(0, 100), xlabel="unweighted average recall (%), 95 % interval over speakers")
        set_title(figure, f"{corpus}: one network under each optimizer", "")
        save_figure(figure, path)


def draw_rates(rates: pd.DataFrame, corpus: str, path: Path) -> None:
    """UAR of validation clips against the learning rate; the chosen one of each is ringed."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(11, 6), layout="constrained")
        for name, (colour, marker) in LOOKS.items():
            rows = rates[rates["optimizer"] == name]
            best = rows[rows["chosen"]]
            axis.plot(
                rows["rate"],
                rows["validation_uar"],
                color=colour,
                marker=marker,
                markersize=8,
                linewidth=2,
                label=name,
            )
            axis.scatter(
                best["rate"], best["validation_uar"], s=260, facecolors="none", edgecolors=colour
            )
        axis.set_xscale("log")
        axis.set(
            xlabel="learning rate (logarithmic); ringed: the chosen one",
            ylabel="unweighted average recall of validation clips (%)",
        )
        figure.legend(loc="outside lower center", ncols=6, frameon=False)
        set_title(figure, f"{corpus}: each optimizer at five learning rates, one seed", "")
        save_figure(figure, path)


def draw_curves(history: pd.DataFrame, corpus: str, path: Path) -> None:
    """Accuracy and loss by epoch, in one row: training and validation clips."""
    units = {"accuracy": "accuracy (%)", "loss": "cross-entropy (nats)"}
    lines = {"train": "--", "validation": "-"}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(14, 6), layout="constrained")
        for axis, (score, label) in zip(axes, units.items(), strict=True):
            for name, (colour, marker) in LOOKS.items():
                for part, line in lines.items():
                    rows = history[(history["optimizer"] == name) & (history["part"] == part)]
                    axis.plot(
                        rows["epoch"],
                        rows[score],
                        color=colour,
                        linestyle=line,
                        linewidth=2,
                        marker=marker if part == "validation" else None,
                        label=name if part == "validation" else None,
                    )
            axis.set(xlabel="epoch", ylabel=label, title=label.partition(" (")[0].capitalize())
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
        title = f"{corpus}: validation (solid) and training clips (dashed), by optimizer"
        set_title(figure, title, "")
        save_figure(figure, path)
