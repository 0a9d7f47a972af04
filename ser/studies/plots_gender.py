"""The figure of the study of gender."""

from pathlib import Path

import matplotlib.pyplot as plt

from ser.plots import BLUE, GREEN, ORANGE, PURPLE, STYLE, save_figure, set_title
from ser.studies.gender import GenderStudy
from ser.studies.points import draw_points

_TITLES = {"all": "everybody is tested", "female": "women are tested", "male": "men are tested"}


def draw_gender(study: GenderStudy, corpus: str, path: Path) -> None:
    """UAR by what trained, one panel a group of tested speakers."""
    groups = [name for name in _TITLES if (study.table["tested"] == name).any()]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(groups), 1, figsize=(11, 1.6 + 2.7 * len(groups)), sharex=True, layout="constrained"
        )
        for axis, group in zip(axes, groups, strict=True):
            rows = study.table[study.table["tested"] == group]
            draw_points(axis, rows, rows["trained_on"].tolist(), [BLUE, GREEN, ORANGE, PURPLE])
            axis.set_title(_TITLES[group], loc="left", size=13)
        axes[-1].set(
            xlim=(0, 102), xlabel="unweighted average recall (%), 95 % interval over speakers"
        )
        gain = study.metrics["gains"]["over_pooled"]["all"]["difference"]
        text = f"{corpus}: trained on one gender or both; own gender gains {gain:+.1f} points"
        set_title(figure, text, "")
        save_figure(figure, path)
