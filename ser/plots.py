"""Every figure's look, in one place: colour-blind safe, readable at half size, same bytes."""

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no screen needed

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ser.evaluation.marks import NO_MARK
from ser.evaluation.report import FLOORS
from ser.files import whole_file
from ser.labels import ordered

# Okabe & Ito (2008), "Color universal design": told apart with any colour vision.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#777777"
PART_COLOURS = {"train": BLUE, "validation": ORANGE, "test": PURPLE}
# told apart by shape too
_GENDERS = {"female": (ORANGE, "o"), "male": (BLUE, "s")}
_KINDS = {"raw": (ORANGE, "o"), "calibrated": (BLUE, "s")}
_FLOORS = {
    "functionals_linear": ("functionals, linear", "X"),
    "functionals_svm": ("functionals and SVM", "D"),
    "loudness": ("loudness", "v"),
    "duration": ("duration", "^"),
    "speaker_majority": ("speaker's majority class", "P"),
    "majority": ("majority class", "s"),
}
STYLE: Any = {
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "figure.dpi": 100,
    "savefig.dpi": 100,
}


@dataclass(frozen=True)
class SystemTables:
    """What the figures of one system show."""

    history: pd.DataFrame
    predictions: pd.DataFrame
    confusion: pd.DataFrame
    speakers: pd.DataFrame
    reliability: pd.DataFrame


def draw_system(tables: SystemTables, system: str, mark: str, folder: Path) -> None:
    """All figures of one system; each title shows the protocol's mark, if it is not empty."""
    uar = pooled_uar(tables.confusion)
    draw_history(tables.history, system, mark, folder / "history.png")
    draw_confusion(tables.confusion, system, mark, folder / "confusion.png")
    draw_examples(tables.predictions, system, mark, folder / "examples.png")
    draw_speakers(tables.speakers, uar, system, mark, folder / "speakers.png")
    draw_reliability(tables.reliability, system, mark, folder / "reliability.png")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure, the same bytes every time, and close it."""
    with whole_file(path) as aside:
        # without the name and version of the drawing program, which change with every release
        figure.savefig(aside, format="png", metadata={"Software": None})
    plt.close(figure)


def set_title(figure: Figure, text: str, mark: str) -> None:
    """Title of a figure; the mark of its protocol stands below, and both in a warning colour."""
    if mark in ("", NO_MARK):
        figure.suptitle(text, size=14)
    else:
        wrapped = textwrap.fill(mark, width=round(9 * figure.get_figwidth()))
        figure.suptitle(f"{text}\n{wrapped}", size=14, color=ORANGE, weight="bold")


def draw_history(history: pd.DataFrame, system: str, mark: str, path: Path) -> None:
    """Accuracy and loss in one row, training against held-out clips; band: deviation over models.

    Held-out clips are those of validation, or of test under a protocol that chooses the epoch so.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
        units = {"accuracy": "accuracy (%)", "loss": "cross-entropy (nats)"}
        parts = [part for part in PART_COLOURS if (history["part"] == part).any()]
        for axis, (score, label) in zip(axes, units.items(), strict=True):
            for part in parts:
                rows = history[history["part"] == part].groupby("epoch")[score]
                mean, deviation = rows.mean(), rows.std(ddof=0)
                colour = PART_COLOURS[part]
                axis.plot(mean.index, mean, color=colour, linewidth=2, label=part)
                axis.fill_between(
                    mean.index, mean - deviation, mean + deviation, color=colour, alpha=0.2
                )
            axis.set(xlabel="epoch", ylabel=label, title=label.partition(" (")[0].capitalize())
            axis.legend()
        n_models = len(history[["fold", "seed", "network"]].drop_duplicates())
        set_title(figure, f"{system}: {' and '.join(parts)}, mean of {n_models} models", mark)
        save_figure(figure, path)


def pooled_uar(confusion: pd.DataFrame) -> float:
    """UAR of all answers in a confusion table: the mean of its diagonal, in percent."""
    shown = confusion.groupby("actual")["clips"].transform("sum") > 0
    right = confusion["actual"] == confusion["predicted"]
    return float(confusion.loc[shown & right, "percent"].mean())


def draw_confusion(confusion: pd.DataFrame, system: str, mark: str, path: Path) -> None:
    """Confusion matrix in percent of each true class; its diagonal is the recall."""
    emotions = ordered(confusion["actual"])
    shares = confusion.pivot(index="actual", columns="predicted", values="percent")
    values = shares.loc[emotions, emotions].to_numpy()
    with plt.rc_context({**STYLE, "axes.grid": False}):
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
        axis.set(xlabel="predicted emotion", ylabel="true emotion")
        set_title(figure, f"{system}: confusion, UAR {pooled_uar(confusion):.1f} %", mark)
        figure.colorbar(image, label="share of the true emotion (%)", shrink=0.8)
        save_figure(figure, path)


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


def draw_examples(predictions: pd.DataFrame, system: str, mark: str, path: Path) -> None:
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
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(12, 1.3 + 0.4 * len(rows)), layout="constrained")
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
        text = f"{system}: surest right answer and surest mistake of each emotion"
        set_title(figure, text, mark)
        save_figure(figure, path)


def draw_speakers(speakers: pd.DataFrame, uar: float, system: str, mark: str, path: Path) -> None:
    """UAR of every speaker, from the easiest to the hardest, and the UAR of all answers."""
    rows = speakers.sort_values(["uar", "corpus", "speaker"], ascending=[False, True, True])
    rows = rows.assign(place=np.arange(len(rows)))
    names = rows["speaker"]
    if rows["corpus"].nunique() > 1:
        names = rows["corpus"] + " " + names
    with plt.rc_context(STYLE):
        width = float(np.clip(2 + 0.36 * len(rows), 9, 15))
        figure, axis = plt.subplots(figsize=(width, 5.5), layout="constrained")
        for gender, (colour, marker) in _GENDERS.items():
            some = rows[rows["gender"] == gender]
            if not some.empty:
                axis.scatter(
                    some["place"], some["uar"], color=colour, marker=marker, s=70, label=gender
                )
        axis.axhline(uar, color=GREY, linewidth=2, label=f"all speakers: {uar:.1f} %", zorder=0)
        axis.set_xticks(rows["place"], names, rotation=90)
        axis.set(xlabel="speaker", ylabel="unweighted average recall (%)", ylim=(0, 105))
        axis.grid(visible=False, axis="x")
        axis.legend(ncols=3, loc="lower left")
        set_title(figure, f"{system}: UAR of each speaker", mark)
        save_figure(figure, path)


def draw_reliability(reliability: pd.DataFrame, system: str, mark: str, path: Path) -> None:
    """Accuracy against confidence (DeGroot & Fienberg, 1983, The Statistician 32), and the share
    of clips in each bin of confidence below.
    """
    with plt.rc_context(STYLE):
        figure, (above, below) = plt.subplots(
            2, 1, figsize=(8, 9), height_ratios=(3, 1), sharex=True, layout="constrained"
        )
        above.plot([0, 100], [0, 100], color=GREY, linestyle="--", label="perfectly calibrated")
        for kind, rows in reliability.groupby("kind", sort=False):
            _draw_kind(above, below, str(kind), rows)
        above.set(ylabel="accuracy (%)", xlim=(0, 101), ylim=(-2, 102))
        above.legend(loc="upper left")
        below.set(xlabel="confidence of the answer (%)", ylabel="clips (%)")
        set_title(figure, f"{system}: reliability of its confidence", mark)
        save_figure(figure, path)


def _draw_kind(above: Axes, below: Axes, kind: str, rows: pd.DataFrame) -> None:
    colour, marker = _KINDS[kind]
    share = rows["clips"] / rows["clips"].sum()
    error = float((share * (rows["accuracy"] - rows["confidence"]).abs()).sum())
    label = f"{kind}: ECE {error:.1f} %"
    above.plot(
        rows["confidence"], rows["accuracy"], color=colour, marker=marker, linewidth=2, label=label
    )
    below.plot(rows["confidence"], 100 * share, color=colour, marker=marker, linewidth=2)


def draw_systems(table: pd.DataFrame, path: Path) -> None:
    """UAR of all systems with 95 % intervals over speakers, beside their floors and chance."""
    with plt.rc_context(STYLE):
        names = [_name(row.system, row.mark) for row in table.itertuples()]
        height = 3 + sum(0.75 + 0.25 * name.count("\n") for name in names)
        figure, axis = plt.subplots(figsize=(13, height), layout="constrained")
        places = pd.Series(np.arange(len(table))[::-1], index=table.index)
        labels = set()
        for index, row in table.iterrows():
            label, colour, marker = _look(row["mark"])
            _draw_score(axis, row, places[index], colour, marker, "" if label in labels else label)
            labels.add(label)
        for floor in FLOORS:
            label, marker = _FLOORS[floor]
            style: Any = {"color": GREY, "marker": marker, "s": 45, "alpha": 0.8, "linewidth": 0}
            axis.scatter(table[f"floor_{floor}"], places - 0.24, label=label, **style)
        axis.scatter(
            table["chance"], places, marker="|", s=300, color=GREY, linewidth=3, label="chance"
        )
        axis.set_yticks(places, names)
        for tick, mark in zip(axis.get_yticklabels(), table["mark"], strict=True):
            tick.set_color(_look(mark)[1] if mark != NO_MARK else "black")
        axis.set(
            xlim=(0, 100), ylim=(-0.6, len(table) - 0.3), xlabel="unweighted average recall (%)"
        )
        figure.legend(loc="outside lower center", ncols=3, frameon=False)
        set_title(figure, "All systems; speakers never heard in training unless marked", "")
        save_figure(figure, path)


def _name(system: str, mark: str) -> str:
    return system if mark == NO_MARK else f"{system}\n{textwrap.fill(mark, 32)}"


def _look(mark: str) -> tuple[str, str, str]:
    """Label, colour and marker of a system's score."""
    if mark == NO_MARK:
        return "UAR, 95 % interval over speakers", BLUE, "o"
    if mark.startswith("LEAKY"):
        return "UAR, leaky protocol", ORANGE, "X"
    return "UAR, transductive or speakers known", GREEN, "*"


def _draw_score(
    axis: Axes, row: pd.Series, place: float, colour: str, marker: str, label: str
) -> None:
    """A score, and its interval if it has one."""
    if pd.notna(row["uar_low"]):
        below, above = row["uar"] - row["uar_low"], row["uar_high"] - row["uar"]
        bars = np.clip([[below], [above]], 0, None)
        axis.errorbar(
            row["uar"], place, xerr=bars, fmt="none", ecolor=colour, capsize=5, elinewidth=2
        )
    axis.scatter(row["uar"], place, color=colour, marker=marker, s=110, label=label, zorder=3)
    axis.annotate(
        f"{row['uar']:.1f}", (row["uar"], place), (0, 9), textcoords="offset points", ha="center"
    )
