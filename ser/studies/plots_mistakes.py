"""The figure of the mistakes: which pairs are confused, and how sure the system was."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from ser.plots import BLUE, ORANGE, STYLE, save_figure, set_title
from ser.studies.mistakes import MistakeStudy

# pairs that are shown
_SHOWN = 12


def draw_mistakes(study: MistakeStudy, system: str, mark: str, path: Path) -> None:
    """The pairs that are confused most, and the confidence of right and wrong answers."""
    shown = study.pairs.head(_SHOWN)
    right = study.clips["answer"] == study.clips["emotion"]
    with plt.rc_context(STYLE):
        figure, (pairs, sureness) = plt.subplots(
            1, 2, figsize=(14, 2.5 + 0.4 * max(6, len(shown))), layout="constrained"
        )
        places = np.arange(len(shown))[::-1]
        pairs.barh(places, shown["percent"], color=ORANGE)
        for place, row in zip(places, shown.itertuples(index=False), strict=True):
            pairs.annotate(
                f"{row.clips} clips",
                (row.percent, place),
                (4, 0),
                textcoords="offset points",
                va="center",
                size=11,
            )
        names = [f"{row.emotion} taken for {row.answer}" for row in shown.itertuples(index=False)]
        pairs.set_yticks(places, names)
        pairs.grid(visible=False, axis="y")
        pairs.margins(x=0.2)
        pairs.set(xlabel="clips of the true emotion (%)", title="pairs that are confused most")
        edges = np.linspace(0, 100, 21)
        for answers, colour, label, style in (
            (study.clips[right], BLUE, "right", "-"),
            (study.clips[~right], ORANGE, "wrong", "--"),
        ):
            sureness.hist(
                100 * answers["confidence"],
                bins=edges.tolist(),
                histtype="step",
                linewidth=2.5,
                linestyle=style,
                color=colour,
                label=f"{label} answers ({len(answers)})",
            )
        sureness.set(
            xlabel="probability of the answer (%), mean of all seeds",
            ylabel="clips",
            title="how sure the answers are",
        )
        sureness.legend(loc="upper right")
        set_title(figure, f"{system}: mistakes", mark)
        save_figure(figure, path)
