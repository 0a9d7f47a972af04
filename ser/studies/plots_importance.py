"""The figures of the study of features: groups, groups by emotion, and the spectrogram."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ser.labels import ordered
from ser.plots import BLUE, GREEN, GREY, ORANGE, STYLE, save_figure, set_title
from ser.studies.importance import ALL, ALONE, BANDS, GROUPS, OCCLUDED, PERMUTED, SPANS, WITHOUT

_WAYS = {
    ALONE: ("trained on this group alone", BLUE, "o"),
    WITHOUT: ("trained on all others", GREEN, "s"),
    PERMUTED: ("this group permuted", ORANGE, "^"),
    OCCLUDED: ("this group set to its mean", GREY, "D"),
}
_COLUMNS = 4


def draw_groups(groups: pd.DataFrame, corpus: str, path: Path) -> None:
    """UAR of every group in every way, beside that of all groups."""
    whole = float(groups.loc[groups["group"] == ALL, "uar"].iloc[0])
    places = np.arange(len(GROUPS))[::-1]
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(12, 1.5 + 0.95 * len(GROUPS)), layout="constrained")
        axis.axvline(whole, color="black", linestyle="--", label=f"all groups: {whole:.1f} %")
        for number, (way, (label, colour, marker)) in enumerate(_WAYS.items()):
            rows = groups[(groups["way"] == way) & (groups["group"] != ALL)]
            rows = rows.set_index("group").loc[list(GROUPS)]
            beside = places + 0.24 - 0.16 * number
            known = rows["uar_low"].notna().to_numpy()
            axis.hlines(
                beside[known],
                rows["uar_low"][known].astype(float),
                rows["uar_high"][known].astype(float),
                color=colour,
                alpha=0.5,
                linewidth=2,
            )
            axis.scatter(rows["uar"], beside, color=colour, marker=marker, s=60, label=label)
        counts = groups.drop_duplicates("group").set_index("group")["functionals"]
        axis.set_yticks(places, [f"{name}\n({counts[name]} functionals)" for name in GROUPS])
        axis.grid(visible=False, axis="y")
        axis.set(xlim=(0, 100), xlabel="unweighted average recall (%), 95 % interval over speakers")
        figure.legend(loc="outside lower center", ncols=3, frameon=False)
        set_title(figure, f"{corpus}: what each group of functionals is worth", "")
        save_figure(figure, path)


def draw_emotions(emotions: pd.DataFrame, corpus: str, path: Path) -> None:
    """Points of recall that each emotion loses where a group is permuted."""
    names = ordered(emotions["emotion"])
    values = emotions.pivot(index="emotion", columns="group", values="lost").loc[names, [*GROUPS]]
    limit = max(1.0, float(np.abs(values.to_numpy()).max()))
    with plt.rc_context({**STYLE, "axes.grid": False}):
        figure, axis = plt.subplots(figsize=(12, 2.5 + 0.6 * len(names)), layout="constrained")
        image = axis.imshow(values, cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto")
        for row, column in np.ndindex(values.shape):
            lost = values.iloc[row, column]
            colour = "white" if abs(lost) > 0.7 * limit else "black"
            # adding 0 takes the minus from what rounds to zero
            axis.text(column, row, f"{round(lost) + 0:d}", ha="center", va="center", color=colour)
        recall = emotions.drop_duplicates("emotion").set_index("emotion")["recall"]
        axis.set_yticks(range(len(names)), [f"{name} ({recall[name]:.0f} %)" for name in names])
        ticks = [name.replace(", ", ",\n") for name in GROUPS]
        axis.set_xticks(range(len(GROUPS)), ticks, rotation=20, ha="right")
        axis.set(ylabel="true emotion (recall with all groups)", xlabel="permuted group")
        figure.colorbar(image, label="recall lost (points)")
        set_title(figure, f"{corpus}: which emotion needs which group", "")
        save_figure(figure, path)


def draw_saliency(saliency: pd.DataFrame, corpus: str, path: Path) -> None:
    """Evidence of the network for each emotion, over time and frequency."""
    names = ordered(saliency["emotion"])
    limit = max(0.01, float(saliency["evidence"].abs().quantile(0.995)))
    n_rows = -(-len(names) // _COLUMNS)
    with plt.rc_context({**STYLE, "axes.grid": False}):
        figure, axes = plt.subplots(
            n_rows,
            _COLUMNS,
            figsize=(15, 1.2 + 3.6 * n_rows),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axis in axes.flat[len(names) :]:
            axis.set_axis_off()
        for axis, name in zip(axes.flat, names, strict=False):
            rows = saliency[saliency["emotion"] == name]
            values = rows.pivot(index="band", columns="span", values="evidence").to_numpy()
            image = axis.imshow(
                values,
                origin="lower",
                aspect="auto",
                cmap="PuOr_r",
                vmin=-limit,
                vmax=limit,
                extent=(0, 100, 0, BANDS),
            )
            axis.set(title=name)
        for axis in axes[-1]:
            axis.set_xlabel("place in the clip (%)")
        for axis in axes[:, 0]:
            axis.set_ylabel(f"part of the mel bands (1 of {BANDS})")
        figure.colorbar(image, ax=axes, label="evidence lost where blanked (nats)")
        title = f"{corpus}: where the network hears each emotion ({BANDS} x {SPANS} parts)"
        set_title(figure, title, "")
        save_figure(figure, path)
