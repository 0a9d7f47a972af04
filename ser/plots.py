"""Every figure's look, in one place: colour-blind safe, readable at half size, same bytes."""

import textwrap
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no screen needed

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ser.files import whole_file
from ser.labels import ordered

# Okabe & Ito (2008), "Color universal design": told apart with any colour vision.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
PART_COLOURS = {"train": BLUE, "validation": ORANGE}
_STYLE: Any = {
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "figure.dpi": 100,
    "savefig.dpi": 100,
}


def _save(figure: Figure, path: Path) -> None:
    with whole_file(path) as aside:
        # without the name and version of the drawing program, which change with every release
        figure.savefig(aside, format="png", metadata={"Software": None})
    plt.close(figure)


def draw_history(history: pd.DataFrame, system: str, path: Path) -> None:
    """Accuracy and loss in one row, training against validation; band: deviation over folds."""
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
        units = {"accuracy": "accuracy (%)", "loss": "cross-entropy (nats)"}
        for axis, (score, label) in zip(axes, units.items(), strict=True):
            for part, colour in PART_COLOURS.items():
                rows = history[history["part"] == part].groupby("epoch")[score]
                mean, deviation = rows.mean(), rows.std(ddof=0)
                axis.plot(mean.index, mean, color=colour, linewidth=2, label=part)
                axis.fill_between(
                    mean.index, mean - deviation, mean + deviation, color=colour, alpha=0.2
                )
            axis.set(xlabel="epoch", ylabel=label, title=label.partition(" (")[0].capitalize())
            axis.legend()
        n_models = len(history[["fold", "seed"]].drop_duplicates())
        figure.suptitle(f"{system}: training and validation, mean of {n_models} models")
        _save(figure, path)


def draw_confusion(confusion: pd.DataFrame, system: str, path: Path) -> None:
    """Confusion matrix in percent of each true class; its diagonal is the recall."""
    emotions = ordered(confusion["actual"])
    shares = confusion.pivot(index="actual", columns="predicted", values="percent")
    values = shares.loc[emotions, emotions].to_numpy()
    present = [i for i, row in enumerate(values) if row.sum() > 0]
    uar = float(np.mean([values[i, i] for i in present]))
    with plt.rc_context({**_STYLE, "axes.grid": False}):
        size = 3 + 0.85 * len(emotions)
        figure, axis = plt.subplots(figsize=(size + 1, size), layout="constrained")
        image = axis.imshow(values, cmap="cividis", vmin=0, vmax=100)
        for row, column in np.ndindex(values.shape):
            colour = "black" if values[row, column] > 55 else "white"
            text = f"{values[row, column]:.0f}"
            axis.text(column, row, text, ha="center", va="center", color=colour)
        ticks = range(len(emotions))
        axis.set_xticks(ticks, emotions, rotation=45, ha="right")
        axis.set_yticks(ticks, emotions)
        axis.set(
            xlabel="predicted emotion",
            ylabel="true emotion",
            title=f"{system}: confusion, UAR {uar:.1f} %",
        )
        figure.colorbar(image, label="share of the true emotion (%)", shrink=0.8)
        _save(figure, path)


def example_predictions(predictions: pd.DataFrame) -> pd.DataFrame:
    """For each emotion, the surest right answer and the surest mistake of the first seed."""
    first = predictions[predictions["seed"] == predictions["seed"].min()]
    right = first["emotion"] == first["predicted"]
    picked = []
    for emotion in ordered(first["emotion"]):
        for is_right in (True, False):
            rows = first[(first["emotion"] == emotion) & (right == is_right)]
            picked.append(rows.sort_values(["confidence", "clip"], ascending=False).head(1))
    return pd.concat(picked, ignore_index=True)


def draw_examples(predictions: pd.DataFrame, system: str, path: Path) -> None:
    """A table of example predictions."""
    examples = example_predictions(predictions)
    rows = [
        [
            "\n".join(textwrap.wrap(row.clip, 44)),
            row.emotion,
            row.predicted,
            f"{100 * row.confidence:.0f} %",
            "right" if row.emotion == row.predicted else "wrong",
        ]
        for row in examples.itertuples()
    ]
    with plt.rc_context(_STYLE):
        figure, axis = plt.subplots(figsize=(12, 1.2 + 0.45 * len(rows)), layout="constrained")
        axis.axis("off")
        table = axis.table(
            rows,
            colLabels=["clip", "true emotion", "predicted", "confidence", ""],
            colWidths=[0.42, 0.17, 0.17, 0.13, 0.11],
            cellLoc="left",
            loc="upper center",
        )
        table.auto_set_font_size(False)
        table.set_fontsize(13)
        table.scale(1, 1.9)
        for (row, _), cell in table.get_celld().items():
            cell.set_edgecolor("#cccccc")
            if row == 0:
                cell.set_text_props(weight="bold")
            elif rows[row - 1][-1] == "wrong":
                cell.set_facecolor("#fbe6dc")
        axis.set_title(f"{system}: surest right answer and surest mistake of each emotion")
        _save(figure, path)


def draw_systems(table: pd.DataFrame, path: Path) -> None:
    """UAR of all systems with 95 % intervals over speakers, and chance."""
    with plt.rc_context(_STYLE):
        height = 1.8 + 0.6 * len(table)
        figure, axis = plt.subplots(figsize=(11, height), layout="constrained")
        places = np.arange(len(table))[::-1]
        below, above = table["uar"] - table["uar_low"], table["uar_high"] - table["uar"]
        bars = np.clip(np.stack([below, above]), 0, None)
        axis.errorbar(
            table["uar"],
            places,
            xerr=bars,
            fmt="o",
            color=BLUE,
            markersize=9,
            capsize=5,
            linewidth=2,
            label="UAR, 95 % interval over speakers",
        )
        axis.scatter(
            table["chance"], places, marker="|", s=300, color=GREY, linewidth=3, label="chance"
        )
        for place, uar in zip(places, table["uar"], strict=True):
            axis.annotate(
                f"{uar:.1f}", (uar, place), (0, 10), textcoords="offset points", ha="center"
            )
        axis.set_yticks(places, table["system"])
        axis.set(
            xlim=(0, 100),
            ylim=(-0.6, len(table) - 0.3),
            xlabel="unweighted average recall (%), speakers never seen in training",
            title="All systems",
        )
        axis.legend(loc="upper left", bbox_to_anchor=(0, -0.16), ncols=2, frameon=False)
        _save(figure, path)
