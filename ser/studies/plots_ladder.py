"""The figure of the leak ladder."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from ser.evaluation.marks import NO_MARK
from ser.plots import BLUE, GREY, ORANGE, STYLE, save_figure, set_title
from ser.studies.ladder import REFERENCE
from ser.studies.points import draw_points


def draw_ladder(table: pd.DataFrame, corpus: str, path: Path) -> None:
    """UAR of every rung with its interval; leaky rungs in a warning colour."""
    honest = table["mark"] == NO_MARK
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(12, 2.2 + 0.62 * len(table)), layout="constrained")
        colours = [BLUE if fair else ORANGE for fair in honest]
        names = [
            name if fair else f"{name} (LEAKY)"
            for name, fair in zip(table["rung"], honest, strict=True)
        ]
        draw_points(axis, table, names, colours)
        for tick, colour in zip(axis.get_yticklabels(), colours, strict=True):
            tick.set_color(colour)
        fair_score = table.loc[table["rung"] == REFERENCE.name, "uar"].iloc[0]
        axis.axvline(fair_score, color=GREY, linestyle="--", zorder=0)
        axis.set(xlim=(0, 102), xlabel="unweighted average recall (%), 95 % interval over speakers")
        set_title(figure, f"{corpus}: one model, honest and leaky protocols", "")
        save_figure(figure, path)
