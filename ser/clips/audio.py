"""Reading audio, and the one canonical form: 16 kHz, mono, 16 bit."""

import hashlib
import io
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from ser.core.errors import SerError

SAMPLE_RATE_HZ = 16_000
INT16_SCALE = 32_768.0
# telephones begin at 8 kHz, studios end at 192; anything outside is a damaged header
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 4_000, 384_000
# a vowel is longer, and no recording of one utterance as long
SHORTEST_S, LONGEST_S = 0.05, 2 * 3600
# formats that say where they end, so that a truncated file is noticed
_FORMATS = ("WAV", "WAVEX", "AIFF", "AU", "FLAC", "OGG", "MP3")
# what libsndfile decodes to 16 bits without a loss
_SIXTEEN_BIT = ("PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW")
# the resampler works in one piece on clips, and in pieces on recordings of more than a minute
_BLOCK_SAMPLES = 1 << 21
_WHOLE_S = 60
# what programs write for the length of data that they do not know yet
_UNKNOWN_LENGTH = 0x7FFF_F000
# files of chunks: the letters they begin with, the chunk that holds the sound, and the byte order
_CHUNKED = {b"RIFF": (b"data", "<"), b"RIFX": (b"data", ">"), b"FORM": (b"SSND", ">")}
# an Ogg file has its last page within so many bytes, and an MP3 file its number of frames
_OGG_PAGE, _MP3_FRAME = 65_307, 1 << 16

Int16 = npt.NDArray[np.int16]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sound:
    """A file of sound in canonical form.

    Attributes:
        samples: shape (frames at 16 kHz,).
        source_sha256: hash of the samples as published, rounded to 16 bits, channels interleaved.
        clipped: samples of the file beyond full scale, which were cut back to it.
    """

    samples: Int16
    source_sha256: str
    clipped: int = 0


def read_sound(path: Path) -> Sound:
    """Read a file of any format, subtype, rate and number of channels that libsndfile knows.

    Raises:
        SerError: if it is no regular file, no audio, truncated, too short or long, silent, holds
            numbers that are none, or has a rate that no recording has.
    """
    _check_file(path)
    _check_length(path)
    try:
        with sf.SoundFile(path) as file:
            return _read(path, file)
    except (sf.LibsndfileError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).removeprefix(f"Error opening {str(path)!r}: ").split())
        raise SerError(f"{path} is not readable as audio ({reason.rstrip('.')}).") from None


def _check_file(path: Path) -> None:
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        raise SerError(f"{path} is missing.") from None
    if not stat.S_ISREG(kind):
        raise SerError(f"{path} is not a regular file; remove it.")


def _check_length(path: Path) -> None:
    """Refuse a file whose sound is shorter than it says; libsndfile reads what there is."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] in _CHUNKED:
            length = _chunk_length(file, *_CHUNKED[head[:4]])
        elif head[:4] == b".snd" and len(head) == 12:
            begin, length = struct.unpack(">II", head[4:])
            file.seek(begin)
        elif head[:4] == b"OggS":
            file.seek(max(0, size - _OGG_PAGE))
            if not _ends_with_last_page(file.read()):
                raise SerError(f"{path} is truncated: it has no last page; fetch it again.")
            return
        else:
            return
        left = max(0, size - file.tell())
        if left < length < _UNKNOWN_LENGTH:
            raise SerError(
                f"{path} is truncated: {left} bytes of sound are there, of {length}; fetch it "
                "again."
            )


def _ends_with_last_page(content: bytes) -> bool:
    """Whether an Ogg stream's last page is whole and marked as such; see RFC 3533."""
    _, found, page = content.rpartition(b"OggS")
    if not found or len(page) < 23 or not page[1] & 4:
        return False
    lengths = page[23 : 23 + page[22]]
    return len(page) >= 23 + page[22] + sum(lengths)


def _chunk_length(file: io.BufferedReader, wanted: bytes, order: str) -> int:
    """Bytes that a chunk says it has; the file stands at the first then. 0 if there is no chunk."""
    while len(header := file.read(8)) == 8:
        name, length = struct.unpack(f"{order}4sI", header)
        if name == wanted:
            return int(length)
        file.seek(length + length % 2, io.SEEK_CUR)
    return 0


def _says_frames(path: Path, file: sf.SoundFile) -> bool:
    """Whether the number of frames is the file's own; libsndfile estimates that of some MP3."""
    if file.format == "MP3":
        with path.open("rb") as raw:
            head = raw.read(_MP3_FRAME)
        return b"Xing" in head or b"Info" in head
    return file.format in ("WAV", "WAVEX", "FLAC")


def _read(path: Path, file: sf.SoundFile) -> Sound:
    rate_hz = file.samplerate
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise SerError(
            f"{path} says that it has {rate_hz} samples a second, which no recording of speech "
            f"has ({LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ})."
        )
    if file.format not in _FORMATS:
        raise SerError(
            f"{path} has the format {file.format}, which does not show whether it is whole; "
            "convert it to WAV or FLAC."
        )
    # MP3 may be longer than it says
    _check_longest(path, 0 if file.format == "MP3" else file.frames, rate_hz)
    whole = hashlib.sha256()
    clipped, frames = 0, 0

    def mono() -> Iterator[Float64 | Int16]:
        nonlocal clipped, frames
        for block in _blocks(path, file):
            pcm = to_int16(block)
            clipped += (
                int(((block < -32_768.5) | (block >= 32_767.5)).sum()) if pcm is not block else 0
            )
            frames += len(pcm)
            _check_longest(path, frames, rate_hz)
            whole.update(np.ascontiguousarray(pcm, dtype="<i2").tobytes())
            if pcm.shape[1] == 1:
                yield pcm[:, 0]
            else:
                # 64-bit, so that the mean of identical channels is exact
                yield pcm.mean(axis=1, dtype=np.float64)

    samples = _resampled(mono(), rate_hz, file.frames <= _WHOLE_S * rate_hz)
    # some writers of MP3 count one frame more, the one that holds the number
    spare = (1_152 if rate_hz >= 32_000 else 576) if file.format == "MP3" else 0
    if frames + spare < file.frames and _says_frames(path, file):
        raise SerError(f"{path} is truncated: {frames} of {file.frames} frames; fetch it again.")
    if len(samples) < SHORTEST_S * SAMPLE_RATE_HZ:
        length_ms = 1000 * len(samples) / SAMPLE_RATE_HZ
        raise SerError(f"{path} is {length_ms:.0f} ms long, too short to be speech.")
    if not samples.any():
        silent = "once its channels are averaged" if file.channels > 1 else "(every sample is zero)"
        raise SerError(f"{path} is silent {silent}.")
    return Sound(samples, whole.hexdigest(), clipped)


def _check_longest(path: Path, frames: int, rate_hz: int) -> None:
    if frames > LONGEST_S * rate_hz:
        raise SerError(
            f"{path} is longer than {LONGEST_S // 3600} hours, so it is no clip of speech; cut it "
            "into utterances."
        )


def _blocks(path: Path, file: sf.SoundFile) -> Iterator[Int16 | Float64]:
    """Pieces of a file on the 16-bit scale, each of shape (frames, channels)."""
    sixteen = file.subtype in _SIXTEEN_BIT
    n_frames = max(1, _BLOCK_SAMPLES // file.channels)
    while True:
        if sixteen:
            block = file.read(n_frames, dtype="int16", always_2d=True)
        else:
            block = file.read(n_frames, dtype="float64", always_2d=True) * INT16_SCALE
            if not np.isfinite(block).all():
                raise SerError(f"{path} holds samples that are no numbers (NaN or infinite).")
        if not len(block):
            return
        yield block


def _resampled(blocks: Iterator[Float64 | Int16], rate_hz: int, whole: bool) -> Int16:
    """Canonical samples of pieces of a mono signal, by soxr's very high quality."""
    if whole:
        return canonical(_joined(list(blocks)), rate_hz)
    if rate_hz == SAMPLE_RATE_HZ:
        return np.concatenate([canonical(block, rate_hz) for block in blocks])
    stream = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float64", quality="VHQ")
    done = [to_int16(stream.resample_chunk(block.astype(np.float64))) for block in blocks]
    done.append(to_int16(stream.resample_chunk(np.zeros(0), last=True)))
    return np.concatenate(done)


def _joined(pieces: list[Any]) -> Any:
    """A long recording need not lie in memory twice where it is one piece already."""
    if len(pieces) == 1:
        return pieces[0]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def canonical(mono: Float64 | Int16, rate_hz: int) -> Int16:
    """Canonical form of a signal: soxr VHQ to 16 kHz, rounded to 16 bit.

    Args:
        mono: samples on the 16-bit scale, shape (frames,).
        rate_hz: their rate.

    Returns:
        Shape (frames at 16 kHz,).
    """
    if rate_hz == SAMPLE_RATE_HZ:
        return to_int16(mono)
    resampled = soxr.resample(mono.astype(np.float64), rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
    return to_int16(resampled)


def to_int16(samples: npt.NDArray[np.floating] | Int16) -> Int16:
    """Round samples on the 16-bit scale, clipping what lies outside it."""
    if samples.dtype == np.int16:
        return samples.astype(np.int16, copy=False)
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


def read_canonical(path: Path, sha256: str | None = None) -> Int16:
    """Samples of a canonical clip, shape (frames,).

    Args:
        sha256: what the manifest says of it, if that is to be compared.

    Raises:
        SerError: if it is not a canonical clip, or not the one that the manifest describes.
    """
    try:
        _check_file(path)
        with sf.SoundFile(path) as file:
            rate_hz = file.samplerate
            samples = file.read(LONGEST_S * SAMPLE_RATE_HZ, dtype="int16", always_2d=True)
    except (SerError, sf.LibsndfileError, RuntimeError, OSError):
        raise SerError(f"{path} is missing or no audio; run `dvc repro`.") from None
    if rate_hz != SAMPLE_RATE_HZ or samples.shape[1] != 1 or not samples.any():
        raise SerError(
            f"{path} is {rate_hz} Hz with {samples.shape[1]} channels and {len(samples)} frames, "
            "no clip of 16000 Hz mono; run `dvc repro` to make it again."
        )
    if sha256 is not None and pcm_sha256(samples) != sha256:
        raise SerError(
            f"The samples of {path} are not those that its manifest describes; run `dvc repro` to "
            "make it again."
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
