"""The figures of the study of the original notebooks."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ser.plots import BLUE, GREY, ORANGE, PART_COLOURS, STYLE, save_figure, set_title
from ser.studies.notebooks import NotebookStudy
from ser.studies.points import draw_points

_SPLITS = {"own": ("random split (LEAKY)", ORANGE, "-"), "ours": ("new speakers", BLUE, "--")}


def draw_notebooks(table: pd.DataFrame, corpus: str, path: Path) -> None:
    """UAR of every notebook under both splits."""
    colours = [_SPLITS[split][1] for split in table["split"]]
    names = [
        f"{row.notebook}\n{_SPLITS[str(row.split)][0]}" for row in table.itertuples(index=False)
    ]
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(12, 2 + 0.85 * len(table)), layout="constrained")
        draw_points(axis, table, names, colours)
        training = table["training_accuracy"]
        places = np.arange(len(table))[::-1]
        axis.scatter(training, places, color=GREY, marker="D", s=45, label="training accuracy")
        axis.set(xlim=(0, 102), xlabel="unweighted average recall (%), 95 % interval over speakers")
        axis.legend(loc="lower right")
        set_title(figure, f"{corpus}: the three notebooks, under their own split and ours", "")
        save_figure(figure, path)


def draw_notebook_history(study: NotebookStudy, corpus: str, path: Path) -> None:
    """Accuracy and loss by epoch, a row a notebook; training against validation, both splits."""
    notebooks = study.history["notebook"].unique()
    units = {"accuracy": "accuracy (%)", "loss": "cross-entropy (nats)"}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(notebooks), 2, figsize=(13, 4.2 * len(notebooks)), sharex=True, layout="constrained"
        )
        for row, notebook in zip(axes, notebooks, strict=True):
            own = study.history[study.history["notebook"] == notebook]
            for axis, (score, label) in zip(row, units.items(), strict=True):
                for split, (name, _, line) in _SPLITS.items():
                    for part in ("train", "validation"):
                        some = own[(own["split"] == split) & (own["part"] == part)]
                        axis.plot(
                            some["epoch"],
                            some[score],
                            color=PART_COLOURS[part],
                            linestyle=line,
                            linewidth=2,
                            label=f"{part}, {name}",
                        )
                axis.set(ylabel=label, title=notebook)
        for axis in axes[-1]:
            axis.set_xlabel("epoch")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
        set_title(figure, f"{corpus}: training against validation, mean of all models", "")
        save_figure(figure, path)
