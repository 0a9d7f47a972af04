"""Takes that are the same recording, or nearly: they must stay on one side of a split.

RAVDESS holds one recording twice under two names; a corpus put together from several releases may
hold copies at another level or with other silence around them, which hashes do not show.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser.audio import INT16_SCALE, Float32, Int16, read_canonical, trim_bounds
from ser.clips import clip_path
from ser.processes import spread

# Different takes of one sentence by one actor come as close as 0.980 in RAVDESS; copies of a clip
# at another level, with other silence around it or faint noise lie above 0.99 (test_takes.py).
SAME_TAKE_SIMILARITY = 0.99
_FRAME = 512
_BANDS = 24
_TIMES = 24


def fingerprint(samples: Int16) -> npt.NDArray[np.float32]:
    """Shape of a clip's log spectrum over time, whatever its level and outer silence.

    Returns:
        Unit vector, shape (576,): 24 times x 24 bands.
    """
    signal: Float32 = samples.astype(np.float32) / INT16_SCALE
    start, stop = trim_bounds(signal, 40.0)
    voiced = signal[start:stop]
    frames = np.lib.stride_tricks.sliding_window_view(
        np.pad(voiced, (0, max(0, _FRAME * 2 - len(voiced)))), _FRAME
    )[:: _FRAME // 2]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_FRAME))))
    bands = np.add.reduceat(power[:, 4:196], np.arange(0, 192, 192 // _BANDS), axis=1)
    log_bands = np.log(bands + 1e-9)
    chunks = np.linspace(0, len(log_bands), _TIMES + 1)
    times = np.stack(
        [log_bands[int(a) : max(int(b), int(a) + 1)].mean(0) for a, b in pairwise(chunks)]
    )
    # what all clips share (level, the long-term spectrum of speech) must not count as likeness
    shape = times - times.mean(axis=0, keepdims=True)
    flat = shape.ravel()
    norm = float(np.linalg.norm(flat))
    return (flat / norm if norm > 0 else flat).astype(np.float32)


def fingerprints(manifest: pd.DataFrame, corpus: Path, processes: int) -> Float32:
    """Fingerprints of all clips of a built corpus, shape (clips, 576)."""
    paths = [clip_path(corpus, clip) for clip in manifest["clip"]]
    label = f"{corpus.name}: takes compared"
    return np.stack(spread(_clip_fingerprint, paths, processes, label, "clip"))


def _clip_fingerprint(path: Path) -> npt.NDArray[np.float32]:
    return fingerprint(read_canonical(path))


def group_takes(manifest: pd.DataFrame, prints: Float32) -> list[str]:
    """For every clip, the first clip (in manifest order) of its group of same takes.

    Clips are one take if their samples are identical or their fingerprints are closer than
    `SAME_TAKE_SIMILARITY`; groups are closed under "is the same take as".
    """
    close = prints @ prints.T >= SAME_TAKE_SIMILARITY
    hashes = np.array(manifest["pcm_sha256"].tolist())
    close |= hashes[:, None] == hashes[None, :]
    first = np.arange(len(manifest))
    for left, right in zip(*np.nonzero(np.triu(close, 1)), strict=True):
        low, high = sorted((first[left], first[right]))
        first[first == high] = low
    clips = manifest["clip"].tolist()
    return [clips[index] for index in first]
