"""The figures of a corpus: its numbers on one page, and how it looks, emotion by emotion."""

from collections.abc import Sequence
from pathlib import Path

import librosa
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from ser.audio import SAMPLE_RATE_HZ
from ser.clips import GENDERS
from ser.features import LogMel
from ser.labels import ordered
from ser.params import Features
from ser.plots import BLUE, ORANGE, STYLE, save_figure, set_title
from ser.studies.card import Sound

_COLOURS = {"female": ORANGE, "male": BLUE}
# distance of the two boxes of an emotion
_APART = 0.19
_TICKS_HZ = (100, 500, 1000, 2000, 4000, 8000)


def draw_card(clips: pd.DataFrame, title: str, path: Path) -> None:
    """Clips, lengths, silence and level by emotion and gender."""
    hours = clips["duration_s"].sum() / 3600
    people = clips.drop_duplicates("speaker")["gender"].value_counts()
    who = " and ".join(f"{people.get(gender, 0)} {gender}" for gender in GENDERS)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, 2, figsize=(14, 10), layout="constrained")
        _draw_counts(axes[0, 0], clips)
        axes[0, 0].set_axisbelow(True)
        panels = {
            "speech_s": (axes[0, 1], "speech (s)", "length of speech in a clip"),
            "silence_percent": (axes[1, 0], "silence (%)", "share of a clip that is silence"),
            "level_db": (axes[1, 1], "level (dB of full scale)", "mean level of speech"),
        }
        for column, (axis, label, heading) in panels.items():
            _draw_boxes(axis, clips, column)
            axis.set(ylabel=label, title=heading)
        text = f"{title}: {len(clips)} clips, {hours:.2f} h, speakers: {who}"
        set_title(figure, text, "")
        save_figure(figure, path)


def _draw_counts(axis: Axes, clips: pd.DataFrame) -> None:
    emotions = ordered(clips["emotion"])
    below = np.zeros(len(emotions))
    for gender in GENDERS:
        counts = clips[clips["gender"] == gender]["emotion"].value_counts()
        values = counts.reindex(emotions, fill_value=0).to_numpy()
        axis.bar(emotions, values, bottom=below, color=_COLOURS[gender], label=gender)
        below += values
    for place, total in enumerate(below):
        axis.annotate(
            f"{total:.0f}", (place, total), (0, 3), textcoords="offset points", ha="center"
        )
    axis.set(ylabel="clips", title="clips of each emotion", ylim=(0, 1.25 * below.max()))
    axis.tick_params(axis="x", rotation=45)
    axis.legend(ncols=2, loc="upper right")


def _draw_boxes(axis: Axes, clips: pd.DataFrame, column: str) -> None:
    """Quartiles by emotion and gender; whiskers reach from the 5th to the 95th percentile."""
    emotions = ordered(clips["emotion"])
    for side, gender in zip((-1, 1), GENDERS, strict=True):
        own = clips[clips["gender"] == gender]
        values = [own.loc[own["emotion"] == emotion, column].to_numpy() for emotion in emotions]
        axis.boxplot(
            values,
            positions=np.arange(len(emotions)) + side * _APART,
            widths=0.32,
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            boxprops={"facecolor": _COLOURS[gender], "alpha": 0.55},
            medianprops={"color": "black", "linewidth": 2},
        )
    axis.set_xticks(np.arange(len(emotions)), emotions, rotation=45)


def draw_sounds(
    sounds: Sequence[Sound], settings: Features, title: str, speaker: str, path: Path
) -> None:
    """Waveform and log-mel spectrogram of one clip of every emotion, all on one scale of time."""
    log_mel = LogMel.build(settings)
    longest = max(len(sound.samples) for sound in sounds) / SAMPLE_RATE_HZ
    peak = max(float(np.abs(sound.samples).max()) for sound in sounds)
    with plt.rc_context({**STYLE, "axes.grid": False}):
        figure, axes = plt.subplots(
            len(sounds),
            2,
            figsize=(14, 2 * len(sounds) + 1),
            sharex=True,
            squeeze=False,
            layout="constrained",
        )
        for (wave, mel), sound in zip(axes, sounds, strict=True):
            seconds = np.arange(len(sound.samples)) / SAMPLE_RATE_HZ
            wave.plot(seconds, sound.samples, color=BLUE, linewidth=0.6)
            wave.set(ylabel=sound.emotion, ylim=(-peak, peak), xlim=(0, longest))
            image = _draw_log_mel(mel, log_mel(sound.samples), settings)
        axes[0, 0].set_title("waveform (share of full scale)")
        axes[0, 1].set_title("log-mel spectrogram (Hz)")
        for axis in axes[-1]:
            axis.set_xlabel("time (s)")
        figure.colorbar(image, ax=axes[:, 1], label="dB below the loudest", shrink=0.5)
        set_title(figure, f"{title}: one clip of each emotion, speaker {speaker}", "")
        save_figure(figure, path)


def _draw_log_mel(axis: Axes, values: np.ndarray, settings: Features) -> AxesImage:
    decibels = (values - values.max()) * (10 / np.log(10))
    rows_s = settings.hop_ms / 1000
    image = axis.imshow(
        decibels.T,
        origin="lower",
        aspect="auto",
        cmap="cividis",
        vmin=-60,
        vmax=0,
        extent=(0, len(values) * rows_s, 0, settings.n_mels),
    )
    bands = librosa.mel_frequencies(settings.n_mels, fmin=settings.fmin_hz, fmax=settings.fmax_hz)
    shown = [hertz for hertz in _TICKS_HZ if settings.fmin_hz <= hertz <= settings.fmax_hz]
    places = np.interp(shown, bands, np.arange(settings.n_mels) + 0.5)
    axis.set_yticks(places, [str(hertz) for hertz in shown], size=9)
    return image
