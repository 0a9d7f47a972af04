"""Takes that are the same recording, or nearly: they must stay on one side of a split.

RAVDESS holds one recording twice under two names; a corpus put together from several releases may
hold copies at another level or with other silence around them, which hashes do not show.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser.audio import SAMPLE_RATE_HZ, Float32, Int16, read_canonical
from ser.clips import clip_path
from ser.processes import spread

# Different takes of RAVDESS, EMO-DB and EMOVO come as close as 0.44; copies of a clip at another
# level, with other silence around it or noise 40 dB below it lie above 0.99 (test_takes.py).
SAME_TAKE_SIMILARITY = 0.9
# lines of the spectrum about 1 Hz apart, in the band where speech is loudest
_SPACING_HZ = SAMPLE_RATE_HZ / 2**14
_LOWEST_HZ, _HIGHEST_HZ = 80.0, 4000.0
_SMOOTHING_LINES = 16


def fingerprint(samples: Int16) -> npt.NDArray[np.float32]:
    """Fine lines of a clip's spectrum, whatever its level, polarity and outer silence.

    The magnitude of the spectrum of a whole clip does not change when the clip moves in time, and
    lines 1 Hz apart are as good as random from take to take.

    Returns:
        Unit vector, shape (4014,); zero for a clip without sound.
    """
    size = round(SAMPLE_RATE_HZ / _SPACING_HZ)
    # adding up pieces of `size` samples samples the spectrum of the whole clip
    pieces = np.pad(samples.astype(np.float64), (0, -len(samples) % size)).reshape(-1, size)
    lines_hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    in_band = (lines_hz >= _LOWEST_HZ) & (lines_hz < _HIGHEST_HZ)
    lines = np.abs(np.fft.rfft(pieces.sum(axis=0)))[in_band]
    # what all clips share, the broad shape of the spectrum of speech, must not count as likeness
    fine = lines - np.convolve(lines, np.full(_SMOOTHING_LINES, 1 / _SMOOTHING_LINES), "same")
    norm = float(np.linalg.norm(fine))
    return (fine / norm if norm > 0 else fine).astype(np.float32)


def fingerprints(manifest: pd.DataFrame, corpus: Path, processes: int) -> Float32:
    """Fingerprints of all clips of a built corpus, shape (clips, 4014)."""
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
