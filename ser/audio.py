"""Reading audio, and the one canonical form: 16 kHz, mono, 16 bit."""

import hashlib
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from ser.errors import SerError

SAMPLE_RATE_HZ = 16_000
INT16_SCALE = 32_768.0

Int16 = npt.NDArray[np.int16]
Float32 = npt.NDArray[np.float32]


def read_pcm(path: Path) -> tuple[Int16, int]:
    """Samples of a 16-bit file, shape (frames, channels), and its sample rate in Hz.

    soundfile reads wav with extra chunks (RAVDESS has them before `data`) and FLAC alike.

    Raises:
        SerError: if the file is not audio, holds no samples, or is silent.
    """
    try:
        samples, sample_rate_hz = sf.read(path, dtype="int16", always_2d=True)
    except (sf.LibsndfileError, RuntimeError) as error:
        reason = str(error).removeprefix(f"Error opening {str(path)!r}: ").rstrip(".")
        raise SerError(f"{path} is not readable as audio ({reason}); fetch it again.") from None
    if samples.size == 0:
        raise SerError(f"{path} holds no samples; fetch it again.")
    if not samples.any():
        raise SerError(f"{path} is silent (every sample is zero); fetch it again.")
    return samples, int(sample_rate_hz)


def canonical(samples: Int16, sample_rate_hz: int) -> Int16:
    """Canonical form of a clip: channel mean, soxr VHQ to 16 kHz, rounded to 16 bit.

    Args:
        samples: shape (frames, channels).
        sample_rate_hz: rate of `samples`.

    Returns:
        Shape (frames at 16 kHz,).
    """
    if sample_rate_hz == SAMPLE_RATE_HZ and samples.shape[1] == 1:
        return samples[:, 0]
    # 64-bit, so that the mean of identical channels is exact
    mono = samples.mean(axis=1, dtype=np.float64)
    if sample_rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, sample_rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
    return to_int16(mono)


def to_int16(samples: npt.NDArray[np.floating]) -> Int16:
    """Round samples on the 16-bit scale, clipping what lies outside it."""
    return np.clip(np.rint(samples), -32_768, 32_767).astype(np.int16)


def pcm_sha256(samples: Int16) -> str:
    """Hash of the samples as little-endian int16, channels interleaved; headers do not count."""
    return hashlib.sha256(np.ascontiguousarray(samples, dtype="<i2").tobytes()).hexdigest()


def write_wav(path: Path, samples: Int16) -> None:
    """Write canonical samples as a 16-bit WAV file.

    Raises:
        OSError: if the disk is full; libsndfile itself would only say "error 2".
    """
    encoded = io.BytesIO()
    sf.write(encoded, samples, SAMPLE_RATE_HZ, subtype="PCM_16", format="WAV")
    path.write_bytes(encoded.getvalue())


def read_canonical(path: Path) -> Int16:
    """Samples of a canonical clip, shape (frames,).

    Raises:
        SerError: if it is not a canonical clip.
    """
    samples, sample_rate_hz = read_pcm(path)
    if sample_rate_hz != SAMPLE_RATE_HZ or samples.shape[1] != 1:
        raise SerError(
            f"{path} is {sample_rate_hz} Hz with {samples.shape[1]} channels, not 16000 Hz mono; "
            "run `dvc repro` to make it again."
        )
    return samples[:, 0]


def trim_bounds(samples: Float32, trim_db: float | None, hop: int = 320) -> tuple[int, int]:
    """First and one-past-last sample of the part that is not silence.

    A frame is silent if its energy lies more than `trim_db` below the loudest frame of the clip:
    relative to the clip itself, because recording levels differ by tens of dB between speakers.

    Args:
        samples: shape (frames,).
        trim_db: None keeps everything.
        hop: frame length in samples.
    """
    n_frames = len(samples) // hop
    if trim_db is None or n_frames == 0:
        return 0, len(samples)
    frames = samples[: n_frames * hop].reshape(n_frames, hop).astype(np.float64)
    energy = np.square(frames).mean(axis=1)
    loud = np.flatnonzero(energy > energy.max() * 10 ** (-trim_db / 10))
    if loud.size == 0:
        return 0, len(samples)
    return int(loud[0]) * hop, min(len(samples), (int(loud[-1]) + 1) * hop)
