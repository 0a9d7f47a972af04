"""The figure of the study of speaker normalisation."""

from pathlib import Path

import matplotlib.pyplot as plt

from ser.plots import BLUE, GREEN, STYLE, save_figure, set_title
from ser.studies.speaker_normalisation import NormalisationStudy


def draw_normalisation(study: NormalisationStudy, corpus: str, path: Path) -> None:
    """UAR against the number of unlabelled clips, beside that of the system without any."""
    without = study.table[study.table["clips"] == 0].iloc[0]
    rows = study.table[study.table["clips"] > 0]
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(11, 6), layout="constrained")
        axis.axhline(
            without["uar"], color=BLUE, linewidth=2, label="no other clip of the speaker is seen"
        )
        axis.plot(
            rows["clips"],
            rows["uar"],
            color=GREEN,
            marker="*",
            markersize=14,
            linewidth=2,
            label="normalised by clips of the tested speaker (transductive)",
        )
        if rows["uar_low"].notna().all():
            axis.fill_between(
                rows["clips"],
                rows["uar_low"].astype(float),
                rows["uar_high"].astype(float),
                color=GREEN,
                alpha=0.15,
                label="95 % interval over speakers",
            )
        for count, uar in zip(rows["clips"], rows["uar"], strict=True):
            axis.annotate(
                f"{uar:.1f}", (count, uar), (0, 12), textcoords="offset points", ha="center"
            )
        axis.set_xscale("log")
        axis.set_xticks(rows["clips"], [str(count) for count in rows["clips"]])
        axis.minorticks_off()
        axis.set(
            xlabel="unlabelled clips of the tested speaker (logarithmic)",
            ylabel="unweighted average recall (%)",
        )
        axis.legend(loc="lower right")
        set_title(figure, f"{corpus}: what unlabelled clips of a new speaker buy", study.mark)
        save_figure(figure, path)
