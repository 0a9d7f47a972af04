"""What can be seen of a clip without listening to it: its length, level, silence and format."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile as sf

from ser.clips.audio import INT16_SCALE, SAMPLE_RATE_HZ, Int16, read_canonical, trim_bounds
from ser.clips.manifest import MANIFEST, clip_path, read_manifest
from ser.core.processes import spread

# speech is what lies between the first and the last frame within so many dB of the loudest
_TRIM_DB = 35.0
_FLOOR = 1e-5


@dataclass(frozen=True)
class Cues:
    """What is measured of a clip.

    Attributes:
        duration_s: its length.
        level_db: mean level of its speech, in dB of full scale.
        peak_db: its largest sample, the same.
        lead_s, trail_s: silence before and after the speech.
        file_format: container, coding, rate and channels of its file; "" where all are alike.
    """

    duration_s: float
    level_db: float
    peak_db: float
    lead_s: float
    trail_s: float
    file_format: str = ""


def measure(samples: Int16, file_format: str = "") -> Cues:
    """Cues of canonical samples, shape (frames,)."""
    signal = samples.astype(np.float32) / np.float32(INT16_SCALE)
    begin, end = trim_bounds(signal, _TRIM_DB)
    speech = signal[begin:end]
    level = float(np.sqrt(np.square(speech, dtype=np.float64).mean()))
    return Cues(
        duration_s=len(signal) / SAMPLE_RATE_HZ,
        level_db=_decibels(level),
        peak_db=_decibels(float(np.abs(signal).max())),
        lead_s=begin / SAMPLE_RATE_HZ,
        trail_s=(len(signal) - end) / SAMPLE_RATE_HZ,
        file_format=file_format,
    )


def _decibels(amplitude: float) -> float:
    return float(20 * np.log10(max(amplitude, _FLOOR)))


def format_of(path: Path) -> str:
    """Container, coding, rate and channels of a file of sound: "WAV PCM_16 48000 Hz x 1"."""
    info = sf.info(path)
    return f"{info.format} {info.subtype} {info.samplerate} Hz x {info.channels}"


def cues_of(folder: Path) -> pd.DataFrame:
    """The manifest of a built corpus with the cues of every clip.

    Raises:
        SerError: if the manifest or a clip is missing or damaged.
    """
    manifest = read_manifest(folder / MANIFEST)
    rows = [(row.clip, row.pcm_sha256) for row in manifest.itertuples()]
    found = spread(partial(_measure_clip, folder), rows, f"{folder.name}: shortcuts", "clip")
    return manifest.assign(**pd.DataFrame([vars(one) for one in found], index=manifest.index))


def _measure_clip(folder: Path, row: tuple[str, str]) -> Cues:
    clip, digest = row
    return measure(read_canonical(clip_path(folder, clip), digest))
