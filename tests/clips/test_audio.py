"""Reading sound of any form, and the canonical one: 16 kHz, mono, 16 bit."""

import hashlib
import io
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from ser.clips import audio
from ser.clips.audio import (
    SAMPLE_RATE_HZ,
    Int16,
    canonical,
    pcm_sha256,
    read_canonical,
    read_sound,
    to_int16,
    trim_bounds,
    write_wav,
)
from tests.conftest import Refused, case

MONO = st_numpy.arrays(np.int16, st.integers(1, 400))


def voice(seconds: float = 0.5, rate_hz: int = SAMPLE_RATE_HZ, seed: int = 0) -> Int16:
    """Noise that no two seeds share, shape (frames,)."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.normal(0, 3000, round(seconds * rate_hz)).astype(np.int16))


def sine(tone_hz: float, rate_hz: int, seconds: float = 0.5) -> npt.NDArray[np.float64]:
    """A tone of peak 10,000."""
    times_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.asarray(10_000 * np.sin(2 * np.pi * tone_hz * times_s))


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


# One signal in many forms

# format, subtype, and the largest difference in steps of 16 bits that the coding explains
FORMS: dict[str, tuple[str, str, float]] = {
    "16 bit": ("WAV", "PCM_16", 0),
    "24 bit": ("WAV", "PCM_24", 0),
    "32 bit": ("WAV", "PCM_32", 0),
    "float": ("WAV", "FLOAT", 0),
    "double": ("WAV", "DOUBLE", 0),
    "FLAC": ("FLAC", "PCM_16", 0),
    "FLAC, 24 bit": ("FLAC", "PCM_24", 0),
    "AIFF": ("AIFF", "PCM_16", 0),
    "8 bit": ("WAV", "PCM_U8", 256),
    "µ-law": ("WAV", "ULAW", 512),
    "A-law": ("WAV", "ALAW", 512),
}
# those that throw away what is not heard: how much of the power may differ
LOSSY: dict[str, tuple[str, str]] = {
    "Ogg": ("OGG", "VORBIS"),
    "Opus": ("OGG", "OPUS"),
    "MP3": ("MP3", "MPEG_LAYER_III"),
}


def test_one_signal_is_the_same_in_every_form(tmp_path: Path) -> None:
    signal = sine(440, SAMPLE_RATE_HZ).astype(np.int16)
    path = tmp_path / "clip"
    for what, (form, subtype, most) in FORMS.items():
        with case(what):
            sf.write(path, signal / 32_768, SAMPLE_RATE_HZ, subtype=subtype, format=form)
            found = read_sound(path)
            assert np.abs(found.samples.astype(int) - signal).max() <= most
            assert found.clipped == 0
            if most == 0:
                assert found.source_sha256 == pcm_sha256(signal)
    for what, (form, subtype) in LOSSY.items():
        with case(what):
            sf.write(path, signal / 32_768, SAMPLE_RATE_HZ, subtype=subtype, format=form)
            found = read_sound(path).samples.astype(float)
            assert len(found) == pytest.approx(len(signal), abs=2400)
            middle = found[1000:6000]
            assert np.sqrt(np.square(middle).mean()) == pytest.approx(10_000 / np.sqrt(2), rel=0.05)


def test_channels_are_averaged_at_any_rate(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    for rate_hz in (44_100, 16_000):
        left, right = voice(0.2, rate_hz), voice(0.2, rate_hz, seed=1)
        stereo = np.stack([left, right], axis=1)
        sf.write(path, stereo, rate_hz, subtype="PCM_16")
        found = read_sound(path)
        mean = (left.astype(float) + right) / 2
        np.testing.assert_array_equal(found.samples, canonical(mean, rate_hz))
        assert found.source_sha256 == pcm_sha256(stereo)


def test_extra_chunks_are_skipped_wherever_they_stand(tmp_path: Path) -> None:
    samples = voice(0.1)
    # as in RAVDESS: filler, a list and broadcast notes; one of odd length
    extra = chunk(b"FLLR", bytes(4044)) + chunk(b"LIST", b"INFOISFT\x03\0\0\0abc\0")
    extra += chunk(b"bext", b"data" * 151)
    path = tmp_path / "clip.wav"
    for parts in ({"before_format": extra}, {"before_data": extra}):
        path.write_bytes(riff(samples, SAMPLE_RATE_HZ, **parts))
        np.testing.assert_array_equal(read_sound(path).samples, samples)


def test_what_is_beyond_full_scale_is_cut_back_and_counted(tmp_path: Path) -> None:
    signal = np.full(1600, 0.25)
    signal[10:13] = [1.5, -1.5, 0.999]
    sf.write(tmp_path / "clip.wav", signal, SAMPLE_RATE_HZ, subtype="FLOAT")
    found = read_sound(tmp_path / "clip.wav")
    assert found.clipped == 2
    assert found.samples[10:13].tolist() == [32_767, -32_768, 32_735]


def test_a_long_recording_is_read_in_blocks_to_the_same_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clip.wav"
    for rate_hz, channels in ((44_100, 2), (16_000, 1)):
        sf.write(path, voice(1.0, rate_hz).reshape(-1, 1).repeat(channels, 1), rate_hz)
        whole = read_sound(path)
        with monkeypatch.context() as patch:
            patch.setattr(audio, "_BLOCK_SAMPLES", 5_000)
            in_pieces = read_sound(path)
            patch.setattr(audio, "_WHOLE_S", 0)
            streamed = read_sound(path)
        assert in_pieces.source_sha256 == streamed.source_sha256 == whole.source_sha256
        np.testing.assert_array_equal(in_pieces.samples, whole.samples)
        assert len(streamed.samples) == len(whole.samples)
        assert np.abs(streamed.samples.astype(int) - whole.samples).max() <= 1


def test_an_mp3_that_does_not_say_its_length_is_read_to_its_end(tmp_path: Path) -> None:
    whole = encoded("MP3")
    # the first frame holds the number of frames: "Xing" or "Info", and no sound
    second = whole.index(whole[:2], 4)
    (tmp_path / "clip.mp3").write_bytes(whole[second:])
    assert len(read_sound(tmp_path / "clip.mp3").samples) > 0.1 * SAMPLE_RATE_HZ


def test_big_endian_and_unknown_lengths_are_read(tmp_path: Path) -> None:
    content = encoded(endian="BIG")
    assert content.startswith(b"RIFX")
    unknown = content.replace(b"data" + struct.pack(">I", 6400), b"data\xff\xff\xff\xff")
    assert unknown != content
    for number, some in enumerate((content, unknown)):
        (tmp_path / f"{number}.wav").write_bytes(some)
        np.testing.assert_array_equal(read_sound(tmp_path / f"{number}.wav").samples, voice(0.2))


def test_what_is_longer_than_any_clip_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.setattr(audio, "LONGEST_S", 0.1)
    for form in ("FLAC", "MP3"):
        (tmp_path / "clip").write_bytes(encoded(form))
        with case(form), refused("longer than", "cut it into utterances"):
            read_sound(tmp_path / "clip")


# What is refused


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no bytes": (lambda path: path.write_bytes(b""), "not readable as audio"),
    "four bytes": (lambda path: path.write_bytes(b"RIFF"), "not readable as audio"),
    "text": (lambda path: path.write_bytes(b"this is no audio at all"), "not readable as audio"),
    "zeros": (lambda path: path.write_bytes(bytes(2000)), "not readable as audio"),
    "half a header": (
        lambda path: path.write_bytes(riff(voice(0.1), 16_000)[:20]),
        "not readable as audio",
    ),
    "broken FLAC": (lambda path: path.write_bytes(b"fLaC" + bytes(100)), "not readable as audio"),
    "cut WAV": (lambda path: path.write_bytes(riff(voice(0.2), 16_000)[:-99]), "truncated"),
    "cut big-endian WAV": (
        lambda path: path.write_bytes(encoded(endian="BIG")[:-99]),
        "truncated: 6301",
    ),
    "cut AIFF": (lambda path: path.write_bytes(encoded("AIFF")[:-99]), "truncated"),
    "cut AU": (lambda path: path.write_bytes(encoded("AU")[:-99]), "truncated"),
    "cut AU header": (lambda path: path.write_bytes(encoded("AU")[:20]), "truncated: 0"),
    "cut FLAC": (lambda path: path.write_bytes(encoded("FLAC")[:-99]), "not readable as audio"),
    "cut Ogg": (lambda path: path.write_bytes(encoded("OGG")[:-99]), "no last page"),
    "Ogg, cut between two pages": (
        lambda path: path.write_bytes(encoded("OGG").rpartition(b"OggS")[0]),
        "no last page",
    ),
    "cut MP3": (lambda path: path.write_bytes(encoded("MP3")[:-800]), "truncated"),
    "W64": (lambda path: path.write_bytes(encoded("W64")), "format W64"),
    "RF64": (lambda path: path.write_bytes(encoded("RF64")), "convert it to WAV or FLAC"),
    "a folder": (lambda path: path.mkdir(), "not a regular file"),
    "a pipe": (lambda path: os.mkfifo(path), "not a regular file"),
    "no samples": (lambda path: write_wav(path, voice(0.0)), "too short"),
    "one sample": (lambda path: sf.write(path, voice(0.0001, 48_000), 48_000), "too short"),
    "silence": (lambda path: write_wav(path, np.zeros(1600, np.int16)), "every sample is zero"),
    "opposite channels": (
        lambda path: sf.write(path, np.stack([voice(), -voice()], axis=1), 16_000),
        "silent once its channels are averaged",
    ),
    "a rate of 1 Hz": (lambda path: path.write_bytes(riff(voice(0.1), 1)), "1 samples a second"),
    "a rate of 100 MHz": (
        lambda path: path.write_bytes(riff(voice(0.1), 100_000_000)),
        "100000000 samples a second",
    ),
    "NaN": (lambda path: sf.write(path, with_one(np.nan), 16_000, subtype="FLOAT"), "no numbers"),
    "infinite": (lambda path: sf.write(path, with_one(np.inf), 16_000, subtype="DOUBLE"), "no num"),
}


def encoded(form: str = "WAV", endian: str = "FILE") -> bytes:
    file = io.BytesIO()
    sf.write(file, voice(0.2), 16_000, format=form, endian=endian)
    return file.getvalue()


def with_one(value: float) -> npt.NDArray[np.float64]:
    signal = voice(0.1) / 32_768
    signal[7] = value
    return np.asarray(signal)


def test_what_is_no_sound_of_speech_is_refused(tmp_path: Path, refused: Refused) -> None:
    for number, (what, (write, words)) in enumerate(REFUSED.items()):
        path = tmp_path / f"{number}.wav"
        write(path)
        with case(what), refused(str(path), words):
            read_sound(path)
    with refused("absent.wav", "missing"):
        read_sound(tmp_path / "absent.wav")


# Canonical form


@given(MONO, st.sampled_from([16_000, 22_050, 44_100, 48_000]))
def test_canonical_form_is_of_16_bits_and_keeps_what_is_canonical(
    samples: Int16, rate_hz: int
) -> None:
    found = canonical(samples, rate_hz)
    assert found.dtype == np.int16
    assert found.tobytes() == canonical(samples.astype(np.float64), rate_hz).tobytes()
    if rate_hz == SAMPLE_RATE_HZ:
        np.testing.assert_array_equal(found, samples)


def test_other_rates_keep_duration_and_tone() -> None:
    for rate_hz in (8_000, 22_050, 44_100, 48_000):
        found = canonical(to_int16(sine(1000, rate_hz)), rate_hz)
        assert len(found) == pytest.approx(0.5 * SAMPLE_RATE_HZ, abs=1)
        difference = found - sine(1000, SAMPLE_RATE_HZ)[: len(found)]
        assert np.abs(difference[1000:-1000]).max() < 2, f"the tone is altered from {rate_hz} Hz"


def test_resampling_lets_no_alias_through() -> None:
    above = to_int16(sine(10_000, 48_000))
    assert np.abs(canonical(above, 48_000)[1000:-1000]).max() <= 1


def test_loud_samples_clip_and_do_not_wrap() -> None:
    square = np.tile(np.repeat(np.array([32_767, -32_768], np.int16), 24), 200)
    found = canonical(square, 48_000).astype(int)
    # resampling overshoots at the edges of a square
    assert found.max() == 32_767
    assert found.min() == -32_768
    rounded = to_int16(np.array([40_000.0, -40_000.0, 0.5, 1.5, -0.5]))
    assert rounded.tolist() == [32_767, -32_768, 0, 2, 0]


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
    samples = np.zeros(800, np.int16)
    samples[-1] = -1  # no silence
    for name in ("a.wav", "b.wav"):
        write_wav(tmp_path / name, samples)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert sf.info(tmp_path / "a.wav").subtype == "PCM_16"
    np.testing.assert_array_equal(read_canonical(tmp_path / "a.wav"), samples)


def test_clips_that_are_not_what_the_manifest_says_are_refused(
    tmp_path: Path, refused: Refused
) -> None:
    path = tmp_path / "clip.wav"
    write_wav(path, voice(0.1))
    read_canonical(path, pcm_sha256(voice(0.1)))
    with refused(str(path), "manifest", "dvc repro"):
        read_canonical(path, pcm_sha256(voice(0.1, seed=1)))
    for rate_hz, channels in ((48_000, 1), (16_000, 2)):
        sf.write(path, voice(0.1).reshape(-1, channels), rate_hz, subtype="PCM_16")
        with refused(str(path), str(rate_hz), f"{channels} channels", "dvc repro"):
            read_canonical(path)
    path.unlink()
    with refused(str(path), "missing", "dvc repro"):
        read_canonical(path)
    os.mkfifo(path)  # would wait for ever
    with refused(str(path), "missing or no audio", "dvc repro"):
        read_canonical(path)


# Silence at both ends


def test_silence_at_both_ends_is_trimmed_whatever_the_level() -> None:
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 1e-4, 320 * 30)
    signal[320 * 10 : 320 * 20] = rng.normal(0, 0.3, 320 * 10)
    # a pause within speech is kept
    signal[320 * 14 : 320 * 15] = 0
    for gain in (1.0, 0.001):
        scaled = (gain * signal).astype(np.float32)
        assert trim_bounds(scaled, 40.0) == (320 * 10, 320 * 20)
        assert trim_bounds(scaled, None) == (0, len(signal))
        assert trim_bounds(scaled, 100.0) == (0, len(signal))


def test_bounds_hold_for_silence_and_for_the_shortest_clips() -> None:
    for n_samples in (0, 1, 319, 321, 5000):
        for signal in (np.zeros(n_samples, np.float32), np.ones(n_samples, np.float32)):
            start, stop = trim_bounds(signal, 40.0)
            assert 0 <= start <= stop <= n_samples
            assert stop - start >= n_samples - 320, "the clip is trimmed away"
