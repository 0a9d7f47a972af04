"""Reading audio, and the canonical form: 16 kHz, mono, 16 bit."""

import hashlib
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from numpy.typing import NDArray

from ser.audio import (
    SAMPLE_RATE_HZ,
    canonical,
    pcm_sha256,
    read_canonical,
    read_pcm,
    to_int16,
    trim_bounds,
    write_wav,
)

Refused = Callable[..., AbstractContextManager[None]]
Int16 = NDArray[np.int16]

MONO = st_numpy.arrays(np.int16, st.integers(1, 400))


def voice(seconds: float = 0.5, rate_hz: int = SAMPLE_RATE_HZ, seed: int = 0) -> Int16:
    """Noise that no two seeds share, shape (frames,)."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.normal(0, 3000, round(seconds * rate_hz)).astype(np.int16))


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def riff(
    samples: Int16, rate_hz: int, before_format: bytes = b"", before_data: bytes = b""
) -> bytes:
    """A wav file put together by hand, with extra chunks where asked for."""
    form = struct.pack("<HHIIHH", 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    body = before_format + chunk(b"fmt ", form) + before_data
    body += chunk(b"data", samples.astype("<i2").tobytes())
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


@pytest.mark.parametrize("ending", ["wav", "flac"])
@pytest.mark.parametrize("channels", [1, 2])
def test_wav_and_flac_read_as_they_were_written(tmp_path: Path, ending: str, channels: int) -> None:
    samples = voice(0.2).reshape(-1, channels)
    path = tmp_path / f"clip.{ending}"
    sf.write(path, samples, 44_100, subtype="PCM_16")
    found, rate_hz = read_pcm(path)
    assert rate_hz == 44_100
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, samples)


def test_extra_chunks_are_skipped_wherever_they_stand(tmp_path: Path) -> None:
    samples = voice(0.1)
    # as in RAVDESS: filler, a list and broadcast notes; one of odd length
    extra = chunk(b"FLLR", bytes(4044)) + chunk(b"LIST", b"INFOISFT\x03\0\0\0abc\0")
    extra += chunk(b"bext", b"data" * 151)
    path = tmp_path / "clip.wav"
    for parts in ({"before_format": extra}, {"before_data": extra}):
        path.write_bytes(riff(samples, 48_000, **parts))
        found, rate_hz = read_pcm(path)
        assert rate_hz == 48_000
        np.testing.assert_array_equal(found[:, 0], samples)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"this is no audio at all",
        bytes(2000),
        riff(voice(0.1), 16_000)[:20],
        b"fLaC" + bytes(100),
    ],
    ids=["no bytes", "four bytes", "text", "zeros", "half a header", "broken flac"],
)
def test_what_is_not_audio_is_refused(tmp_path: Path, refused: Refused, content: bytes) -> None:
    path = tmp_path / "clip.wav"
    path.write_bytes(content)
    with refused(str(path), "not readable as audio", "fetch it again"):
        read_pcm(path)


def test_a_missing_file_is_refused(tmp_path: Path, refused: Refused) -> None:
    with refused("absent.wav"):
        read_pcm(tmp_path / "absent.wav")


def test_audio_without_samples_is_refused(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "clip.wav"
    write_wav(path, np.zeros(0, np.int16))
    with refused(str(path), "no samples"):
        read_pcm(path)


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_is_refused(tmp_path: Path, refused: Refused, channels: int) -> None:
    path = tmp_path / "clip.wav"
    sf.write(path, np.zeros((800, channels), np.int16), SAMPLE_RATE_HZ, subtype="PCM_16")
    with refused(str(path), "silent"):
        read_pcm(path)


def test_one_sample_that_is_not_zero_is_no_silence(tmp_path: Path) -> None:
    samples = np.zeros(800, np.int16)
    samples[-1] = -1
    write_wav(tmp_path / "clip.wav", samples)
    np.testing.assert_array_equal(read_canonical(tmp_path / "clip.wav"), samples)


@given(MONO)
def test_canonical_clips_stay_as_they_are(samples: Int16) -> None:
    found = canonical(samples[:, None], SAMPLE_RATE_HZ)
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, samples)


@settings(deadline=None, max_examples=40)
@given(MONO, st.integers(2, 6), st.sampled_from([16_000, 22_050, 44_100, 48_000]))
def test_identical_channels_give_what_one_of_them_gives(
    samples: Int16, channels: int, rate_hz: int
) -> None:
    mono = canonical(samples[:, None], rate_hz)
    many = canonical(np.repeat(samples[:, None], channels, axis=1), rate_hz)
    assert many.tobytes() == mono.tobytes()


def test_different_channels_give_their_rounded_mean() -> None:
    left = np.array([100, -100, 32_767, -32_768, 1, 2, 7], np.int16)
    right = np.array([300, -300, 32_767, -32_768, 2, 3, -7], np.int16)
    # halves round to the even neighbour, at full scale nothing wraps
    expected = [200, -200, 32_767, -32_768, 2, 2, 0]
    assert canonical(np.stack([left, right], axis=1), SAMPLE_RATE_HZ).tolist() == expected


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000])
def test_other_rates_keep_duration_and_tone(rate_hz: int) -> None:
    tone_hz, seconds = 1000, 0.5
    times_s = np.arange(round(seconds * rate_hz)) / rate_hz
    tone = to_int16(10_000 * np.sin(2 * np.pi * tone_hz * times_s))
    found = canonical(tone[:, None], rate_hz)
    assert len(found) == pytest.approx(seconds * SAMPLE_RATE_HZ, abs=1)
    times_s = np.arange(len(found)) / SAMPLE_RATE_HZ
    middle = slice(1000, -1000)
    difference = found - 10_000 * np.sin(2 * np.pi * tone_hz * times_s)
    assert np.abs(difference[middle]).max() < 2, "the tone is altered"


def test_resampling_lets_no_alias_through() -> None:
    times_s = np.arange(24_000) / 48_000
    above = to_int16(10_000 * np.sin(2 * np.pi * 10_000 * times_s))
    assert np.abs(canonical(above[:, None], 48_000)[1000:-1000]).max() <= 1


def test_loud_samples_clip_and_do_not_wrap() -> None:
    square = np.tile(np.repeat(np.array([32_767, -32_768], np.int16), 24), 200)
    found = canonical(square[:, None], 48_000).astype(int)
    # resampling overshoots at the edges of a square
    assert found.max() == 32_767
    assert found.min() == -32_768
    assert to_int16(np.array([40_000.0, -40_000.0, 0.5, 1.5, -0.5])).tolist() == [
        32_767,
        -32_768,
        0,
        2,
        0,
    ]


def test_the_hash_is_of_little_endian_interleaved_samples() -> None:
    stereo = np.array([[1, -2], [256, 3]], np.int16)
    expected = hashlib.sha256(struct.pack("<4h", 1, -2, 256, 3)).hexdigest()
    assert pcm_sha256(stereo) == expected
    assert pcm_sha256(stereo.astype(">i2")) == expected
    assert pcm_sha256(np.asfortranarray(stereo)) == expected


@given(MONO, st.data())
def test_the_hash_shows_any_altered_sample(samples: Int16, data: st.DataObject) -> None:
    altered = samples.copy()
    altered[data.draw(st.integers(0, len(samples) - 1))] ^= 1
    assert pcm_sha256(altered) != pcm_sha256(samples)


def test_canonical_clips_are_read_back_and_written_alike(tmp_path: Path) -> None:
    samples = voice(0.2)
    for name in ("a.wav", "b.wav"):
        write_wav(tmp_path / name, samples)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert sf.info(tmp_path / "a.wav").subtype == "PCM_16"
    np.testing.assert_array_equal(read_canonical(tmp_path / "a.wav"), samples)


@pytest.mark.parametrize(("rate_hz", "channels"), [(48_000, 1), (16_000, 2)])
def test_clips_in_another_form_are_not_taken_for_canonical(
    tmp_path: Path, refused: Refused, rate_hz: int, channels: int
) -> None:
    path = tmp_path / "clip.wav"
    sf.write(path, voice(0.1).reshape(-1, channels), rate_hz, subtype="PCM_16")
    with refused(str(path), str(rate_hz), f"{channels} channels"):
        read_canonical(path)


@pytest.mark.parametrize("gain", [1.0, 0.001])
def test_silence_at_both_ends_is_trimmed_whatever_the_level(gain: float) -> None:
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 1e-4, 320 * 30)
    signal[320 * 10 : 320 * 20] = rng.normal(0, 0.3, 320 * 10)
    # a pause within speech is kept
    signal[320 * 14 : 320 * 15] = 0
    scaled = (gain * signal).astype(np.float32)
    assert trim_bounds(scaled, 40.0) == (320 * 10, 320 * 20)
    assert trim_bounds(scaled, None) == (0, len(signal))
    assert trim_bounds(scaled, 100.0) == (0, len(signal))


@pytest.mark.parametrize("n_samples", [0, 1, 319, 321, 5000])
def test_bounds_hold_for_silence_and_for_the_shortest_clips(n_samples: int) -> None:
    for signal in (np.zeros(n_samples, np.float32), np.ones(n_samples, np.float32)):
        start, stop = trim_bounds(signal, 40.0)
        assert 0 <= start <= stop <= n_samples
        assert stop - start >= n_samples - 320, "the clip is trimmed away"
