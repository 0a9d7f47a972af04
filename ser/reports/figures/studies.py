"""The figures of the studies, each from their tables and nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ser.clips.audio import SAMPLE_RATE_HZ, Float32
from ser.clips.labels import ordered
from ser.clips.manifest import UNKNOWN
from ser.features.front_ends import LogMel
from ser.features.settings import LogMelSettings
from ser.reports.figures.base import BLUE, GREY, ORANGE, STYLE, set_title
from ser.reports.figures.parts import (
    draw_cells,
    draw_lines,
    history_figure,
    images_figure,
    panels_figure,
)

Make = Callable[..., Figure]

_UAR = "unweighted average recall (%)"
# pairs of emotions that are shown
_PAIRS = 12
# spectrograms are drawn in one way, whatever the network sees
_LOG_MEL = LogMelSettings(
    window_ms=32.0, hop_ms=8.0, n_fft=512, n_mels=64, fmin_hz=50.0, fmax_hz=8000.0, top_db=70.0
)


@dataclass(frozen=True)
class Drawing:
    """A figure of a study.

    Attributes:
        study: its name.
        endings: of the tables that it is drawn from; the first is that of the figure too.
        make: takes the subject, a corpus or a system, and the tables.
    """

    study: str
    endings: tuple[str, ...]
    make: Make


DRAWINGS: list[Drawing] = []


def _of(study: str, *endings: str) -> Callable[[Make], Make]:
    """Make a function the figure of some tables of a study; of the main one by default."""

    def keep(make: Make) -> Make:
        @wraps(make)
        def in_style(*given: Any) -> Figure:
            with plt.rc_context(STYLE):
                return make(*given)

        DRAWINGS.append(Drawing(study, endings or ("",), in_style))
        return make

    return keep


def _points(rows: pd.DataFrame, title: str, reference: str | None = None) -> Figure:
    """Rows one below the other, and a line at the score of the row called `reference`."""
    scores = dict(zip(rows["name"], rows["uar"], strict=True))
    return panels_figure({"": rows}, title, reference=scores.get(reference))


def _parts(rows: pd.DataFrame, by: str) -> dict[str, pd.DataFrame]:
    return {str(key): own for key, own in rows.groupby(by, sort=False)}


@_of("ladder")
def ladder(corpus: str, rows: pd.DataFrame) -> Figure:
    """UAR of every rung; leaky rungs in a warning colour."""
    title = f"{corpus}: one model, honest protocols (blue) and leaky ones (orange)"
    return _points(rows, title, "new speakers")


@_of("augmentations")
def augmentations(corpus: str, rows: pd.DataFrame) -> Figure:
    """UAR of every way to augment."""
    return _points(rows, f"{corpus}: what augmentation of training clips buys", "none")


@_of("gender")
def gender(corpus: str, rows: pd.DataFrame) -> Figure:
    """UAR by what trained, one panel a group of tested speakers."""
    people = {"all": "everybody is tested", "female": "women are tested", "male": "men are tested"}
    panels = {people[group]: own for group, own in _parts(rows, "tested").items()}
    return panels_figure(panels, f"{corpus}: trained on one gender or both")


@_of("notebooks")
def notebooks(corpus: str, rows: pd.DataFrame) -> Figure:
    """UAR and training accuracy of every notebook under both splits."""
    figure = _points(rows, f"{corpus}: the three notebooks, leaky split (orange) and ours (blue)")
    (axis,) = figure.axes
    look: dict[str, Any] = {"color": GREY, "marker": "D", "s": 45, "label": "training accuracy"}
    axis.scatter(rows["training_accuracy"], np.arange(len(rows))[::-1], **look)
    axis.legend(loc="lower right")
    return figure


@_of("notebooks", "_history")
def notebook_history(corpus: str, history: pd.DataFrame) -> Figure:
    """Accuracy and loss by epoch, a row a notebook."""
    names = {"own": "random split (LEAKY)", "ours": "new speakers"}
    title = f"{corpus}: validation (solid) and training clips (dashed), mean of all models"
    return history_figure(_parts(history.assign(line=history["split"].map(names)), "name"), title)


@_of("optimizers", "_history")
def optimizer_history(corpus: str, history: pd.DataFrame) -> Figure:
    """Accuracy and loss by epoch of every optimizer."""
    title = f"{corpus}: validation (solid) and training clips (dashed), by optimizer"
    return history_figure({"": history.assign(line=history["name"])}, title)


@_of("optimizers", "_rates")
def rates(corpus: str, rows: pd.DataFrame) -> Figure:
    """UAR of validation clips against the learning rate; the chosen one of each is ringed."""
    chosen = rows[rows["chosen"] == "True"]
    figure, axis = _axis()
    draw_lines(axis, rows, "rate", "validation_uar", "name")
    ring: dict[str, Any] = {"s": 260, "facecolors": "none", "edgecolors": "black"}
    axis.scatter(chosen["rate"], chosen["validation_uar"], **ring)
    axis.set(xscale="log", xlabel="learning rate (logarithmic); ringed: the chosen one")
    axis.set_ylabel(f"{_UAR} of validation clips")
    return _finished(figure, f"{corpus}: each optimizer at several learning rates, one seed")


@_of("speaker_normalisation")
def normalisation(corpus: str, rows: pd.DataFrame) -> Figure:
    """UAR against the number of unlabelled clips, beside that of the system without any."""
    rows = rows.assign(line="normalised by clips of the tested speaker")
    without, some = rows[rows["clips"] == 0].iloc[0], rows[rows["clips"] > 0]
    figure, axis = _axis()
    draw_lines(axis, some, "clips", "uar", "line")
    shade: dict[str, Any] = {"color": BLUE, "alpha": 0.15, "label": "95 % interval over speakers"}
    axis.fill_between(some["clips"], some["uar_low"], some["uar_high"], **shade)
    axis.axhline(without["uar"], color=ORANGE, linewidth=2, label="no other clip is seen")
    axis.set(xscale="log", xlabel="unlabelled clips of the tested speaker (logarithmic)")
    axis.set_xticks(some["clips"], some["clips"].astype(str))
    axis.minorticks_off()
    axis.set_ylabel(_UAR)
    title = f"{corpus}: what unlabelled clips of a new speaker buy"
    return _finished(figure, title, some["mark"].iloc[0])


@_of("cross_lingual", "_curve")
def curve(group: str, rows: pd.DataFrame) -> Figure:
    """UAR against the number of target speakers who train beside all other corpora."""
    figure, axis = _axis()
    draw_lines(axis, rows, "label", "uar", "tested_on")
    draw_lines(axis, rows, "label", "within", "tested_on", ":", named=False)
    axis.axhline(rows["chance"].iloc[0], color="black", label="chance", linewidth=1)
    axis.set(xlabel="speakers of the tested corpus who train (never those who are tested)")
    axis.set(ylabel=_UAR, ylim=(0, 100))
    title = f"{group}: speakers who join models of other corpora (dotted: their corpus alone)"
    return _finished(figure, title)


@_of("cross_lingual")
def matrix(group: str, rows: pd.DataFrame) -> Figure:
    """UAR by training and tested corpus: the network, and the baseline."""
    chance, models = float(rows["chance"].iloc[0]), _parts(rows, "model")
    figure, axes = plt.subplots(1, 2, figsize=(13, 5.5), sharey=True, layout="constrained")
    for axis, (model, own) in zip(axes, models.items(), strict=True):
        values = own.pivot(index="trained_on", columns="tested_on", values="uar")
        image = draw_cells(axis, values.loc[own["trained_on"].unique()], chance, 100)
        axis.set(title=model, xlabel="tested on (speakers never heard)")
    axes[0].set_ylabel("trained on")
    figure.colorbar(image, ax=axes, label=_UAR)
    title = f"{group}: trained on one corpus, tested on another; chance is {chance:.1f} %"
    return _finished(figure, title)


def _axis() -> tuple[Figure, Axes]:
    return plt.subplots(figsize=(11, 6.5), layout="constrained")


def _finished(figure: Figure, title: str, mark: str = "") -> Figure:
    """The figure with its title, and a legend below where it has one axis of lines."""
    if len(figure.axes) == 1:
        figure.legend(loc="outside lower center", ncols=3, frameon=False)
    set_title(figure, title, mark)
    return figure


@_of("actors", "", "_spread")
def actors(system: str, rows: pd.DataFrame, spread: pd.DataFrame) -> Figure:
    """Recall by speaker and emotion; beside it each speaker's UAR and what chance alone gives."""
    who = rows["speaker"] + " (" + rows["gender"].str[0] + ")"
    rows = rows.assign(who=rows["corpus"] + " " + who if rows["corpus"].nunique() > 1 else who)
    people = rows.drop_duplicates("who")
    places = np.arange(len(people))
    figure, (cells, scores) = plt.subplots(
        *(1, 2),
        figsize=(14, 3.2 + 0.34 * len(people)),
        width_ratios=(3, 2),
        sharey=True,
        layout="constrained",
    )
    recall = rows.pivot(index="who", columns="emotion", values="recall")
    draw_cells(cells, recall.loc[people["who"], ordered(rows["emotion"])], 0, 100)
    cells.set(ylabel="speaker (gender)", title="recall of each emotion (%)")
    low, width = people["chance_low"], people["chance_high"] - people["chance_low"]
    label = "chance alone, if all speakers were alike (95 %)"
    scores.barh(places, width, left=low, height=0.85, color=GREY, alpha=0.35, label=label)
    scores.scatter(people["uar"], places, color=BLUE, s=70, label="UAR of the speaker")
    scores.set(xlim=(0, 102), xlabel=_UAR, title="all emotions")
    scores.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False)
    found = spread.iloc[0]
    title = (
        f"{system}: speakers differ by {found['observed']:.1f} points (deviation), of which "
        f"chance alone gives {found['chance']:.1f}"
    )
    return _finished(figure, title, found["mark"])


@_of("places")
def places(system: str, rows: pd.DataFrame) -> Figure:
    """UAR of every group of clips, one panel a factor."""
    rows = rows.assign(name=rows["name"] + " (" + rows["n_clips"].astype(str) + " clips)")
    panels = {}
    for factor, own in _parts(rows, "factor").items():
        p = own["p_holm"].iloc[0]
        verdict = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
        panels[f"{factor} ({own['emotions'].iloc[0]} emotions; no difference: {verdict})"] = own
    return panels_figure(panels, f"{system}: where the mistakes are", next(iter(rows["mark"]), ""))


@_of("importance")
def groups(corpus: str, rows: pd.DataFrame) -> Figure:
    """UAR of every group of functionals, one panel a way to ask what it is worth."""
    ways = {
        "alone": "trained on this group alone",
        "without": "trained on all others",
        "permuted": "this group permuted",
        "occluded": "this group set to its mean",
    }
    panels = {ways[way]: own for way, own in _parts(rows.iloc[1:], "way").items()}
    title = f"{corpus}: what groups of functionals are worth (dashed: all of them)"
    return panels_figure(panels, title, reference=float(rows["uar"].iloc[0]))


@_of("importance", "_emotions")
def emotions(corpus: str, rows: pd.DataFrame) -> Figure:
    """Points of recall that each emotion loses where a group is permuted."""
    values = rows.pivot(index="emotion", columns="group", values="lost")
    values = values.loc[ordered(rows["emotion"]), rows["group"].unique()]
    limit = max(1.0, float(np.abs(values.to_numpy()).max()))
    size = (12, 3 + 0.6 * len(values))
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    image = draw_cells(axis, values, -limit, limit, "PuOr_r")
    axis.set(xlabel="permuted group", ylabel="true emotion")
    figure.colorbar(image, label="recall lost (points)")
    return _finished(figure, f"{corpus}: which emotion needs which group")


@_of("importance", "_saliency")
def saliency(corpus: str, rows: pd.DataFrame) -> Figure:
    """Evidence of the network for each emotion, over time and frequency."""
    limit = max(0.01, float(rows["evidence"].abs().quantile(0.995)))
    images = {
        name: own.pivot(index="band", columns="span", values="evidence").to_numpy()
        for name, own in _parts(rows, "emotion").items()
    }
    return images_figure(
        images,
        ("place in the clip (%)", "part of the mel bands", "evidence lost where blanked (nats)"),
        f"{corpus}: where the network hears each emotion",
        limits=(-limit, limit),
        extents={name: (0, 100, 0, len(values)) for name, values in images.items()},
        colours="PuOr_r",
    )


@_of("mistakes", "", "_pairs")
def mistakes(system: str, clips: pd.DataFrame, pairs: pd.DataFrame) -> Figure:
    """The pairs that are confused most, and the confidence of right and wrong answers."""
    shown, right = pairs.head(_PAIRS), clips["answer"] == clips["emotion"]
    places = np.arange(len(shown))[::-1]
    size = (14, 2.5 + 0.4 * max(6, len(shown)))
    figure, (confused, sureness) = plt.subplots(1, 2, figsize=size, layout="constrained")
    bars = confused.barh(places, shown["percent"], color=ORANGE)
    confused.bar_label(bars, [f"{count} clips" for count in shown["clips"]], padding=4)
    confused.set_yticks(places, shown["emotion"] + " taken for " + shown["answer"])
    confused.margins(x=0.2)
    confused.set(xlabel="clips of the true emotion (%)", title="pairs that are confused most")
    looks = ((right, BLUE, "right", "-"), (~right, ORANGE, "wrong", "--"))
    for answers, colour, name, line in looks:
        confidence = 100 * clips.loc[answers, "confidence"]
        look: dict[str, Any] = {
            "color": colour,
            "linestyle": line,
            "linewidth": 2.5,
            "histtype": "step",
        }
        label = f"{name} answers ({len(confidence)})"
        sureness.hist(confidence, bins=np.linspace(0, 100, 21).tolist(), label=label, **look)
    sureness.set(xlabel="probability of the answer (%), mean of all seeds", ylabel="clips")
    sureness.set_title("how sure the answers are")
    sureness.legend(loc="upper right")
    return _finished(figure, f"{system}: mistakes", next(iter(pairs["mark"]), ""))


@_of("card", "", "_boxes")
def card(corpus: str, rows: pd.DataFrame, boxes: pd.DataFrame) -> Figure:
    """Clips, lengths, silence and level by emotion and gender."""
    names = ordered(rows["emotion"])
    hours = (rows["n_clips"] * rows["duration_s"]).sum() / 3600
    measures = {
        "speech_s": ("speech (s)", "length of speech in a clip"),
        "silence_percent": ("silence (%)", "share of a clip that is silence"),
        "level_db": ("level (dB of full scale)", "mean level of speech"),
    }
    figure, axes = plt.subplots(2, 2, figsize=(14, 10), layout="constrained")
    below = np.zeros(len(names))
    groups = {"female": (ORANGE, -0.19), "male": (BLUE, 0.19), UNKNOWN: (GREY, 0.0)}
    for gender in rows["gender"].unique():
        colour, side = groups[gender]
        own = rows[rows["gender"] == gender].set_index("emotion")["n_clips"]
        counts = own.reindex(names, fill_value=0).to_numpy()
        bars = axes[0, 0].bar(names, counts, bottom=below, color=colour, label=gender)
        below += counts
        for axis, measure in zip(axes.flat[1:], measures, strict=True):
            some = boxes[(boxes["measure"] == measure) & (boxes["gender"] == gender)]
            _draw_boxes(axis, some, [names.index(name) + side for name in some["emotion"]], colour)
    axes[0, 0].bar_label(bars, padding=3)
    axes[0, 0].set(ylabel="clips", title="clips of each emotion", ylim=(0, 1.25 * below.max()))
    axes[0, 0].legend(ncols=2, loc="upper right")
    for axis, (label, heading) in zip(axes.flat[1:], measures.values(), strict=True):
        axis.set(ylabel=label, title=heading)
    for axis in axes.flat:
        axis.set_xticks(range(len(names)), names, rotation=45)
    return _finished(figure, f"{corpus}: {rows['n_clips'].sum()} clips, {hours:.2f} h")


def _draw_boxes(axis: Axes, rows: pd.DataFrame, places: list[float], colour: str) -> None:
    """Quartiles; whiskers reach from the 5th to the 95th percentile."""
    stats = {"whislo": "p5", "q1": "p25", "med": "p50", "q3": "p75", "whishi": "p95"}
    axis.bxp(
        [{key: row[column] for key, column in stats.items()} for _, row in rows.iterrows()],
        positions=places,
        widths=0.32,
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": colour, "alpha": 0.55},
        medianprops={"color": "black", "linewidth": 2},
    )


def sounds(title: str, samples: Mapping[str, Float32]) -> Figure:
    """Log-mel spectrograms of clips at 16 kHz, by what they are called."""
    log_mel, decibels = LogMel.build(_LOG_MEL), 10 / np.log(10)
    images = {name: decibels * log_mel(clip).T for name, clip in samples.items()}
    loudest = max(float(image.max()) for image in images.values())
    return images_figure(
        images,
        ("time (s)", "mel band", "power (dB)"),
        title,
        limits=(loudest - _LOG_MEL.top_db, loudest),
        extents={
            name: (0, len(clip) / SAMPLE_RATE_HZ, 0, _LOG_MEL.n_mels)
            for name, clip in samples.items()
        },
        columns=3,
    )
