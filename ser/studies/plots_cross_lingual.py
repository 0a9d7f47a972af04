"""The figures of the cross-lingual study."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from ser.plots import BLUE, GREEN, GREY, ORANGE, PURPLE, STYLE, save_figure, set_title
from ser.studies.cross_lingual import EVERY, NETWORK, OTHERS, SVM, CrossLingualStudy

_LOOKS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (PURPLE, "D"), (GREY, "v"))


def draw_matrix(study: CrossLingualStudy, path: Path) -> None:
    """Heat maps of UAR by training and tested corpus: the network, and the floor."""
    chance = study.metrics["chance"]
    with plt.rc_context({**STYLE, "axes.grid": False}):
        figure, axes = plt.subplots(1, 2, figsize=(13, 5.5), sharey=True, layout="constrained")
        for axis, model in zip(axes, (NETWORK, SVM), strict=True):
            image = _draw_heat(axis, study.matrix[study.matrix["model"] == model], model, chance)
        axes[0].set_ylabel("trained on")
        figure.colorbar(image, ax=axes, label="unweighted average recall (%)", shrink=0.8)
        text = f"Trained on one corpus, tested on another; chance is {chance:.1f} %"
        set_title(figure, text, "")
        save_figure(figure, path)


def _draw_heat(axis: Axes, rows: pd.DataFrame, model: str, chance: float) -> AxesImage:
    tested = sorted(rows["tested_on"].unique())
    trained = [name for name in (*tested, OTHERS, EVERY) if (rows["trained_on"] == name).any()]
    uar = rows.pivot(index="trained_on", columns="tested_on", values="uar")
    values = uar.loc[trained, tested].to_numpy()
    image = axis.imshow(values, cmap="cividis", vmin=chance, vmax=100, aspect="auto")
    for row, column in np.ndindex(values.shape):
        colour = "black" if values[row, column] > 60 else "white"
        text = f"{values[row, column]:.1f}"
        axis.text(column, row, text, ha="center", va="center", color=colour, size=14)
    axis.set_xticks(np.arange(len(tested)), tested)
    axis.set_yticks(np.arange(len(trained)), trained)
    axis.set(xlabel="tested on (speakers never heard)", title=model)
    return image


def draw_curve(study: CrossLingualStudy, path: Path) -> None:
    """UAR against the number of target speakers who train beside all other corpora."""
    corpora = sorted(study.curve["tested_on"].unique())
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(11, 6.5), layout="constrained")
        for number, corpus in enumerate(corpora):
            colour, marker = _LOOKS[number % len(_LOOKS)]
            rows = study.curve[study.curve["tested_on"] == corpus]
            places = np.arange(len(rows))
            axis.plot(
                places,
                rows["uar"],
                color=colour,
                marker=marker,
                markersize=9,
                linewidth=2,
                label=f"{corpus}, beside all others",
            )
            axis.axhline(
                rows["within"].iloc[0],
                color=colour,
                linestyle="--",
                alpha=0.7,
                label=f"{corpus} alone, all its speakers",
            )
        labels = study.curve["label"].unique()
        axis.set_xticks(np.arange(len(labels)), labels)
        axis.axhline(study.metrics["chance"], color="black", linestyle=":", label="chance")
        axis.set(
            xlabel="speakers of the tested corpus who train (never those who are tested)",
            ylabel="unweighted average recall (%)",
            ylim=(0, 100),
        )
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
        set_title(figure, "What speakers of the language add to a model of other languages", "")
        save_figure(figure, path)
