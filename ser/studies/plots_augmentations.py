"""The figures of the study of augmentation: what it buys, and what it does to a clip."""

from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ser.audio import INT16_SCALE, Float32, read_canonical
from ser.augmentation import Effect, enabled_effects, make_copy
from ser.clips import clip_path
from ser.features import LogMel
from ser.params import Features, Params
from ser.plots import BLUE, GREEN, GREY, PURPLE, STYLE, save_figure, set_title
from ser.studies.augmentations import NONE, RECIPES, Recipe
from ser.studies.copies import with_effects
from ser.studies.points import draw_points

# what the panels show, in dB below the loudest
_SHOWN_DB = 70.0
_NAMES = {recipe.key: recipe.name for recipe in RECIPES}


def draw_augmentations(table: pd.DataFrame, corpus: str, path: Path) -> None:
    """UAR of every recipe with its interval, and that of none as a line."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(12, 2.2 + 0.6 * len(table)), layout="constrained")
        colours = [_colour(recipe) for recipe in RECIPES]
        draw_points(axis, table, table["augmentation"].tolist(), colours)
        none = table.loc[table["augmentation"] == NONE.name, "uar"].iloc[0]
        axis.axvline(none, color=GREY, linestyle="--", zorder=0)
        axis.set(xlim=(0, 100), xlabel="unweighted average recall (%), 95 % interval over speakers")
        set_title(figure, f"{corpus}: what augmentation of training clips buys", "")
        save_figure(figure, path)


def _colour(recipe: Recipe) -> str:
    if recipe is NONE:
        return GREY
    if recipe.on_features:
        return PURPLE
    return GREEN if len(recipe.effects) > 1 else BLUE


def draw_sounds(
    params: Params, manifest: pd.DataFrame, corpus: Path, path: Path, emotion: str = "angry"
) -> None:
    """Log-mel spectrograms of one clip, and of its copy by every effect.

    Args:
        manifest: of a built corpus; the first clip of the emotion, or else the first of all, is
            shown.
        corpus: folder of the built corpus.
    """
    shown = manifest[manifest["emotion"] == emotion]
    clip = str((shown if len(shown) else manifest)["clip"].iloc[0])
    samples = read_canonical(clip_path(corpus, clip))
    settings = with_effects(params.augmentation)
    effects = enabled_effects(settings)
    spectrum = partial(_decibels, LogMel.build(params.features), params.features)
    sounds = {"before": spectrum(samples.astype(np.float32) / np.float32(INT16_SCALE))}
    for name, effect in effects.items():
        sounds[f"{_NAMES[name]} ({name})"] = spectrum(_copy(samples, clip, name, effect))
    loudest = max(float(values.max()) for values in sounds.values())
    with plt.rc_context({**STYLE, "axes.grid": False}):
        figure, axes = plt.subplots(
            2, 3, figsize=(15, 7.5), sharex=True, sharey=True, layout="constrained"
        )
        for axis, (name, values) in zip(axes.flat, sounds.items(), strict=True):
            image = axis.imshow(
                values.T,
                origin="lower",
                aspect="auto",
                cmap="cividis",
                vmin=loudest - _SHOWN_DB,
                vmax=loudest,
                extent=(0, len(values) * params.features.hop_ms / 1000, 0, values.shape[1]),
            )
            axis.set(title=name)
        for axis in axes[-1]:
            axis.set_xlabel("time (s)")
        for axis in axes[:, 0]:
            axis.set_ylabel("mel band")
        figure.colorbar(image, ax=axes, label="power (dB)")
        set_title(figure, f"{clip}, and a copy of it by every effect", "")
        save_figure(figure, path)


def _copy(samples: np.ndarray, clip: str, name: str, effect: Effect) -> Float32:
    changed = make_copy(samples, clip, name, effect)
    return changed.astype(np.float32) / np.float32(INT16_SCALE)


def _decibels(log_mel: LogMel, settings: Features, signal: Float32) -> Float32:
    values: Float32 = 10 / np.log(10.0) * log_mel(signal)
    return values.astype(np.float32)
