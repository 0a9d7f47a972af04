"""Copies of clips made from the waveform, each effect seeded by the clip it works on.

The original project's four (dynamic value change, pitch tuning, white noise, shifting) and speed.
Copies are made of every clip, because every clip trains in some fold; `training` takes a copy only
where its source clip trains, and `ser.reading.data` refuses any other.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import python_stretch
import soxr
from scipy.ndimage import uniform_filter1d

from ser.clips.audio import (
    INT16_SCALE,
    SAMPLE_RATE_HZ,
    Float32,
    Int16,
    pcm_sha256,
    read_canonical,
    to_int16,
    trim_bounds,
)
from ser.clips.listing import ClipFiles
from ser.core.files import whole_folder, write_rows
from ser.core.processes import stream
from ser.features.settings import Augmentation, Gain, Noise, Pitch, Shift, Speed
from ser.store.copies import COPIES, COPY_COLUMNS, pack_path
from ser.store.packs import packing

_ENVELOPE_S = 0.02


def change_dynamics(samples: Float32, rng: np.random.Generator, settings: Gain) -> Float32:
    """Dynamic value change: a gain in dB, and a compression of the loudness contour.

    The envelope (20 ms) is raised to the power 1 / compression, relative to its own peak.
    """
    gain_db = rng.uniform(-settings.max_gain_db, settings.max_gain_db)
    compression = rng.uniform(1.0, settings.max_compression)
    width = int(_ENVELOPE_S * SAMPLE_RATE_HZ)
    envelope = np.sqrt(uniform_filter1d(np.square(samples), width, mode="nearest"))
    # a floor 60 dB below the peak keeps compression from lifting silence without end
    relative = np.maximum(envelope / max(float(envelope.max()), 1e-9), 1e-3)
    louder = samples * relative ** (1.0 / compression - 1.0) * 10 ** (gain_db / 20)
    return _no_clipping(louder)


def shift_pitch(samples: Float32, rng: np.random.Generator, settings: Pitch) -> Float32:
    """Pitch tuning at constant tempo, by the Signalsmith stretch algorithm."""
    stretch = python_stretch.Signalsmith.Stretch()
    stretch.preset(1, SAMPLE_RATE_HZ)
    stretch.setTransposeSemitones(
        float(rng.uniform(-settings.max_semitones, settings.max_semitones))
    )
    shifted = np.asarray(stretch.process(samples[np.newaxis, :]), dtype=np.float32)
    return _no_clipping(shifted[0])


def add_noise(samples: Float32, rng: np.random.Generator, settings: Noise) -> Float32:
    """White noise at a signal-to-noise ratio in dB, measured on the part that is not silence."""
    snr_db = rng.uniform(settings.min_snr_db, settings.max_snr_db)
    start, stop = trim_bounds(samples, 40.0)
    power = float(np.square(samples[start:stop]).mean())
    noise = rng.standard_normal(len(samples), dtype=np.float32)
    return _no_clipping(samples + noise * np.float32(np.sqrt(power / 10 ** (snr_db / 10))))


def shift_time(samples: Float32, rng: np.random.Generator, settings: Shift) -> Float32:
    """Shifting in time; what leaves at one end enters at the other, so no sample is lost."""
    shift_s = rng.uniform(-settings.max_shift_s, settings.max_shift_s)
    return np.roll(samples, round(shift_s * SAMPLE_RATE_HZ))


def change_speed(samples: Float32, rng: np.random.Generator, settings: Speed) -> Float32:
    """Tempo and pitch together, by resampling (Ko et al., 2015, Interspeech)."""
    speed = 1.0 + rng.uniform(-settings.max_change, settings.max_change)
    changed: Float32 = soxr.resample(samples, SAMPLE_RATE_HZ * speed, SAMPLE_RATE_HZ, "HQ")
    return changed


def _no_clipping(samples: Float32) -> Float32:
    peak = float(np.abs(samples).max(initial=0.0))
    return (samples / peak if peak > 1.0 else samples).astype(np.float32)


Effect = Callable[[Float32, np.random.Generator], Float32]


def enabled_effects(settings: Augmentation) -> dict[str, Effect]:
    """The effects that are switched on, by name."""
    effects: dict[str, tuple[bool, Effect]] = {
        "gain": (settings.gain.enabled, partial(change_dynamics, settings=settings.gain)),
        "pitch": (settings.pitch.enabled, partial(shift_pitch, settings=settings.pitch)),
        "noise": (settings.noise.enabled, partial(add_noise, settings=settings.noise)),
        "shift": (settings.shift.enabled, partial(shift_time, settings=settings.shift)),
        "speed": (settings.speed.enabled, partial(change_speed, settings=settings.speed)),
    }
    return {name: effect for name, (enabled, effect) in effects.items() if enabled}


def clip_rng(clip: str, effect: str) -> np.random.Generator:
    """Random numbers of one effect on one clip: the same on every run and in every process."""
    digest = hashlib.sha256(f"{effect} {clip}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def make_copy(samples: Int16, clip: str, name: str, effect: Effect) -> Int16:
    """One copy of a canonical clip, shape (frames,)."""
    changed = effect(samples.astype(np.float32) / np.float32(INT16_SCALE), clip_rng(clip, name))
    return to_int16(changed * np.float32(INT16_SCALE))


def augment_corpus(files: ClipFiles, out: Path, settings: Augmentation) -> None:
    """Write `out/<effect>.safetensors` for every enabled effect and the table `out/copies.csv`.

    The table has one row a copy: its name, the clip it was made from, the effect, and where its
    samples lie in the pack.
    """
    with whole_folder(out) as aside:
        effects = enabled_effects(settings).items()
        rows = (_pack_copies(aside, files, name, effect) for name, effect in effects)
        write_rows(aside / COPIES, COPY_COLUMNS, chain.from_iterable(rows))


def _copy_of_file(number: int, files: ClipFiles, name: str, effect: Effect) -> Int16:
    return make_copy(read_canonical(*files[number]), files.clips[number], name, effect)


def _pack_copies(
    folder: Path, files: ClipFiles, name: str, effect: Effect
) -> Iterator[tuple[str, str, str, int, int, str]]:
    """Pack the copies of one effect; yield the row of each in the table."""
    work = partial(_copy_of_file, files=files, name=name, effect=effect)
    label = f"{files.corpus.name}: {name}"
    with (
        packing(pack_path(folder, name)) as pack,
        closing(stream(work, range(len(files)), label, "clip")) as made,
    ):
        for clip, copy in zip(files.clips, made, strict=True):
            yield f"{clip}+{name}", clip, name, pack.add(copy), len(copy), pcm_sha256(copy)
