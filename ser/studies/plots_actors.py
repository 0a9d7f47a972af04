"""The figure of the study of speakers."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ser.labels import ordered
from ser.plots import BLUE, GREY, STYLE, save_figure, set_title
from ser.studies.actors import ActorStudy


def draw_actors(study: ActorStudy, system: str, mark: str, path: Path) -> None:
    """Recall by speaker and emotion; beside it each speaker's UAR and what chance alone gives."""
    people = study.table.drop_duplicates(["corpus", "speaker"]).reset_index(drop=True)
    height = 3.2 + 0.34 * len(people)
    with plt.rc_context({**STYLE, "axes.grid": False}):
        figure, (cells, scores) = plt.subplots(
            1,
            2,
            figsize=(14, height),
            width_ratios=(3, 2),
            sharey=True,
            layout="constrained",
        )
        _draw_cells(cells, study.table, people)
        _draw_scores(scores, people)
        cells.set_yticks(np.arange(len(people)), _names(people))
        found = study.metrics
        text = (
            f"{system}: speakers differ by {found['observed_spread']:.1f} points (deviation), of "
            f"which chance alone gives {found['chance_spread']:.1f}"
        )
        set_title(figure, text, mark)
        save_figure(figure, path)


def _names(people: pd.DataFrame) -> "pd.Series[str]":
    names = people["speaker"] + " (" + people["gender"].str[0] + ")"
    return people["corpus"] + " " + names if people["corpus"].nunique() > 1 else names


def _draw_cells(axis: Axes, table: pd.DataFrame, people: pd.DataFrame) -> None:
    emotions = ordered(table["emotion"])
    recall = table.pivot(index=["corpus", "speaker"], columns="emotion", values="recall")
    rows = pd.MultiIndex.from_frame(people[["corpus", "speaker"]])
    values = recall.loc[rows, emotions].to_numpy()
    axis.imshow(values, cmap="cividis", vmin=0, vmax=100, aspect="auto")
    for row, column in np.ndindex(values.shape):
        if not np.isnan(values[row, column]):
            colour = "black" if values[row, column] > 55 else "white"
            text = f"{values[row, column]:.0f}"
            axis.text(column, row, text, ha="center", va="center", color=colour, size=11)
    axis.set_xticks(np.arange(len(emotions)), emotions, rotation=45, ha="right")
    axis.set(xlabel="emotion", ylabel="speaker (gender)", title="recall of each emotion (%)")


def _draw_scores(axis: Axes, people: pd.DataFrame) -> None:
    places = np.arange(len(people))
    axis.barh(
        places,
        people["chance_high"] - people["chance_low"],
        left=people["chance_low"],
        height=0.85,
        color=GREY,
        alpha=0.35,
        label="chance alone, if all speakers were alike (95 %)",
    )
    axis.scatter(people["uar"], places, color=BLUE, s=70, label="UAR of the speaker", zorder=3)
    axis.set(xlim=(0, 102), xlabel="unweighted average recall (%)", title="all emotions")
    axis.grid(visible=True, axis="x", alpha=0.3)
    axis.tick_params(axis="y", length=0)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False)
