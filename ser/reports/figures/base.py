"""Every figure's look, in one place: colour-blind safe, readable at half size, same bytes."""

import textwrap
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no screen needed

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ser.core.files import whole_file
from ser.guards.protocol import NO_MARK

# Okabe & Ito (2008), "Color universal design": told apart with any colour vision.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#777777"
STYLE: Any = {
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "figure.dpi": 100,
    "savefig.dpi": 100,
    # a "$" in the name of a branch is one
    "text.parse_math": False,
}


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure, the same bytes every time, and close it."""
    # ticks are made when a figure is written, in the style of that moment
    with whole_file(path) as aside, plt.rc_context(STYLE):
        # without the name and version of the drawing program, which change with every release
        figure.savefig(aside, format="png", metadata={"Software": None})
    plt.close(figure)


def set_title(figure: Figure, text: str, mark: str = "") -> None:
    """Title of a figure; the mark of its protocol stands below, and both in a warning colour."""
    if mark in ("", NO_MARK):
        figure.suptitle(text, size=14)
    else:
        wrapped = textwrap.fill(mark, width=round(9 * figure.get_figwidth()))
        figure.suptitle(f"{text}\n{wrapped}", size=14, color=ORANGE, weight="bold")
