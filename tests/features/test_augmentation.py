"""Copies of clips: each effect does what its name says, by the amount drawn, seeded by the clip."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.clips.audio import SAMPLE_RATE_HZ, pcm_sha256, read_canonical
from ser.clips.manifest import clip_path
from ser.core.workers import VARIABLE
from ser.features.augmentation import (
    Effect,
    add_noise,
    augment_corpus,
    change_dynamics,
    change_speed,
    clip_rng,
    enabled_effects,
    make_copy,
    shift_pitch,
    shift_time,
)
from ser.features.settings import Augmentation, Gain, Noise, Pitch, Shift, Speed
from ser.store.copies import COPIES, pack_path, read_copies
from ser.store.packs import Pack
from tests.builders import (
    REPOSITORY,
    Drawn,
    files_of,
    make_manifest,
    make_values,
    random_clip,
    tone,
    write_clips,
)
from tests.conftest import Refused

EFFECTS = ("gain", "pitch", "noise", "shift", "speed")
few_examples = settings(max_examples=12)
Corpus = tuple[pd.DataFrame, Path]


def with_effects(*names: str) -> Augmentation:
    changes = {f"augmentation.{name}.enabled": name in names for name in EFFECTS}
    found: Augmentation = make_values(changes).section("augmentation", Augmentation)
    return found


def effect_called(name: str) -> Effect:
    return enabled_effects(with_effects(name))[name]


def rms(samples: npt.NDArray[Any]) -> float:
    return float(np.sqrt(np.square(samples.astype(np.float64)).mean()))


def spectral_peak_hz(samples: npt.NDArray[Any]) -> float:
    """The strongest frequency in the middle half, to a sixteenth of a bin."""
    quarter = len(samples) // 4
    middle = samples[quarter : 3 * quarter] * np.hanning(2 * quarter)
    spectrum = np.abs(np.fft.rfft(middle, 16 * len(middle)))
    return float(np.argmax(spectrum)) * SAMPLE_RATE_HZ / (16 * len(middle))


def repetition_hz(samples: npt.NDArray[Any], near_hz: float) -> float:
    """How often the middle half repeats itself, by the autocorrelation's peak near a frequency."""
    quarter = len(samples) // 4
    middle = samples[quarter : 3 * quarter].astype(np.float64) * np.hanning(2 * quarter)
    correlation = np.fft.irfft(np.abs(np.fft.rfft(middle, 4 * len(middle))) ** 2)
    first, last = int(SAMPLE_RATE_HZ / near_hz / 1.25), int(SAMPLE_RATE_HZ / near_hz * 1.25)
    peak = first + int(np.argmax(correlation[first:last]))
    left, top, right = correlation[peak - 1 : peak + 2]
    return float(SAMPLE_RATE_HZ / (peak + 0.5 * (left - right) / (left - 2 * top + right)))


def voice(pitch_hz: float, seconds: float = 1.0) -> npt.NDArray[Any]:
    """A sum of harmonics that fall off as 1 / number."""
    numbers = range(1, int(7000 / pitch_hz))
    harmonics = [tone(number * pitch_hz, seconds, 0.15 / number) for number in numbers]
    return np.sum(harmonics, axis=0).astype(np.float32)


def test_a_copy_has_the_same_bytes_twice_and_another_clip_another_copy() -> None:
    samples = random_clip(0)
    for name in EFFECTS:
        effect = effect_called(name)
        first, second, other = (
            make_copy(samples, clip, name, effect) for clip in ("x/a", "x/a", "x/b")
        )
        assert first.tobytes() == second.tobytes(), f"{name} draws anew for the same clip"
        assert first.dtype == np.int16
        assert not np.array_equal(first, samples), f"{name} changes nothing"
        assert first.tobytes() != other.tobytes(), f"{name} draws the same for every clip"


def test_effects_draw_different_numbers_for_one_clip() -> None:
    drawn = {name: clip_rng("ravdess/a", name).random() for name in EFFECTS}
    assert len(set(drawn.values())) == len(EFFECTS)


def test_a_fresh_process_makes_the_same_copies() -> None:
    program = (
        "import hashlib, sys\n"
        "import numpy as np\n"
        "from ser.features.augmentation import enabled_effects, make_copy\n"
        "from ser.features.settings import Augmentation\n"
        "effects = enabled_effects(Augmentation.model_validate_json(sys.argv[1]))\n"
        "samples = (np.arange(9_000) * 37 % 2_001 - 1_000).astype(np.int16)\n"
        "copies = [make_copy(samples, 'x/1', *effect).tobytes() for effect in effects.items()]\n"
        "print(len(copies), hashlib.sha256(b''.join(copies)).hexdigest())\n"
    )
    chosen = with_effects(*EFFECTS)
    fresh = subprocess.run(
        [sys.executable, "-c", program, chosen.model_dump_json()],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    samples = (np.arange(9_000) * 37 % 2_001 - 1_000).astype(np.int16)
    copies = [make_copy(samples, "x/1", *item) for item in enabled_effects(chosen).items()]
    digest = hashlib.sha256(b"".join(copy.tobytes() for copy in copies)).hexdigest()
    assert fresh.split() == [str(len(EFFECTS)), digest], "copies differ between processes"


def test_all_effects_but_speed_keep_the_length() -> None:
    for name in ("gain", "pitch", "noise", "shift"):
        for length in (400, 8_000, 12_345):
            samples = random_clip(1, 1.0)[3_000 : 3_000 + length]
            assert len(make_copy(samples, "x/1", name, effect_called(name))) == length, name


def test_loud_clips_do_not_wrap_around_and_silence_stays_finite() -> None:
    loud = np.full(8_000, 32_767, dtype=np.int16)
    loud[::2] = -32_768
    for name in EFFECTS:
        copy = make_copy(loud, "x/1", name, effect_called(name)).astype(np.int32)
        assert np.abs(copy).max() > 10_000, name
        assert rms(copy) < 40_000, name
        still = effect_called(name)(np.zeros(4_000, dtype=np.float32), clip_rng("x/1", name))
        assert np.isfinite(still).all(), name


@few_examples
@given(gain_db=st.floats(-12.0, 6.0))
def test_gain_is_in_decibels(gain_db: float) -> None:
    samples = tone(200.0, amplitude=0.3)
    place = (gain_db + 12.0) / 24.0
    louder = change_dynamics(
        samples, Drawn(place), Gain(enabled=True, max_gain_db=12.0, max_compression=1.0)
    )
    measured = 20 * np.log10(rms(louder) / rms(samples))
    assert measured == pytest.approx(gain_db, abs=0.05)


def test_compression_brings_quiet_parts_nearer_to_loud_ones() -> None:
    samples = np.concatenate([tone(200.0, 0.5, 0.5), tone(200.0, 0.5, 0.005)])
    settings_ = Gain(enabled=True, max_gain_db=0.0, max_compression=2.0)
    pressed = change_dynamics(samples, Drawn(1.0), settings_)

    def range_db(signal: npt.NDArray[Any]) -> float:
        return float(20 * np.log10(rms(signal[1_000:7_000]) / rms(signal[9_000:15_000])))

    assert range_db(samples) == pytest.approx(40.0, abs=0.5)
    assert range_db(pressed) == pytest.approx(20.0, abs=0.5)


def test_pitch_of_a_pure_tone_is_shifted_as_drawn() -> None:
    for frequency_hz in (150.0, 440.0, 1000.0):
        samples = tone(frequency_hz, 1.5)
        for semitones in (-2.0, -0.5, 0.0, 1.0, 2.0):
            place = (semitones + 2.0) / 4.0
            shifted = shift_pitch(samples, Drawn(place), Pitch(enabled=True, max_semitones=2.0))
            ratio = spectral_peak_hz(shifted) / spectral_peak_hz(samples)
            assert ratio == pytest.approx(2 ** (semitones / 12), rel=0.01), frequency_hz
            assert rms(shifted) == pytest.approx(rms(samples), rel=0.1), frequency_hz


def test_pitch_of_a_voice_is_shifted_as_drawn() -> None:
    for pitch_hz in (90.0, 180.0, 300.0):
        samples = voice(pitch_hz)
        for semitones in (-1.0, -0.3, 0.7):
            place = (semitones + 1.0) / 2.0
            shifted = shift_pitch(samples, Drawn(place), Pitch(enabled=True, max_semitones=1.0))
            wanted = 2 ** (semitones / 12)
            ratio = repetition_hz(shifted, pitch_hz * wanted) / repetition_hz(samples, pitch_hz)
            assert ratio == pytest.approx(wanted, rel=0.005), pitch_hz


def test_pitch_shifting_delays_nothing() -> None:
    samples = np.zeros(16_000, dtype=np.float32)
    samples[6_000:10_000] = tone(300.0, 0.25)
    shifted = shift_pitch(samples, Drawn(1.0), Pitch(enabled=True, max_semitones=1.0))
    inside = np.square(shifted[5_000:11_000]).sum() / np.square(shifted).sum()
    assert inside > 0.99, "sound moved in time"
    centre = (np.arange(16_000) * np.square(shifted)).sum() / np.square(shifted).sum()
    assert centre == pytest.approx(8_000, abs=160)


@few_examples
@given(snr_db=st.floats(0.0, 40.0), seed=st.integers(0, 2**32))
def test_noise_has_the_ratio_drawn(snr_db: float, seed: int) -> None:
    samples = tone(300.0, amplitude=0.2)
    samples[:4_000] = 0.0  # silence must not make the speech seem quieter than it is
    noisy = add_noise(
        samples,
        np.random.default_rng(seed),
        Noise(enabled=True, min_snr_db=snr_db, max_snr_db=snr_db),
    )
    measured = 20 * np.log10(rms(samples[4_000:]) / rms(noisy - samples))
    assert measured == pytest.approx(snr_db, abs=1.0)


def test_noise_ratios_fill_their_range() -> None:
    samples = tone(300.0, amplitude=0.2)
    limits = Noise(enabled=True, min_snr_db=15.0, max_snr_db=30.0)
    measured = [
        20
        * np.log10(
            rms(samples) / rms(add_noise(samples, np.random.default_rng(i), limits) - samples)
        )
        for i in range(60)
    ]
    assert 14.5 < min(measured) < 17.0
    assert 28.0 < max(measured) < 30.5


def test_noise_is_white() -> None:
    samples = tone(300.0, 2.0, amplitude=0.2)
    limits = Noise(enabled=True, min_snr_db=10.0, max_snr_db=10.0)
    noise = add_noise(samples, np.random.default_rng(0), limits) - samples
    power = np.square(np.abs(np.fft.rfft(noise)))[1:16_001].reshape(8, -1).mean(axis=1)
    assert power.max() / power.min() < 1.3


@few_examples
@given(seed=st.integers(0, 2**32), length=st.integers(1, 3_000))
def test_a_shift_is_a_rotation_of_samples(seed: int, length: int) -> None:
    samples = np.random.default_rng(seed).standard_normal(length).astype(np.float32)
    limits = Shift(enabled=True, max_shift_s=0.02)
    moved = shift_time(samples, np.random.default_rng(seed), limits)
    assert np.array_equal(np.sort(moved), np.sort(samples)), "samples were lost or invented"
    largest = round(0.02 * SAMPLE_RATE_HZ)
    assert any(np.array_equal(moved, np.roll(samples, by)) for by in range(-largest, largest + 1))


def test_a_shift_moves_by_the_time_drawn() -> None:
    samples = np.arange(16_000, dtype=np.float32)
    moved = shift_time(samples, Drawn(1.0), Shift(enabled=True, max_shift_s=0.25))
    assert moved[4_000] == 0.0
    assert moved[0] == 12_000.0


@few_examples
@given(change=st.floats(-0.4, 0.4))
def test_speed_changes_length_and_pitch_by_the_factor(change: float) -> None:
    samples = tone(400.0)
    place = (change + 0.4) / 0.8
    faster = change_speed(samples, Drawn(place), Speed(enabled=True, max_change=0.4))
    assert len(faster) == pytest.approx(len(samples) / (1 + change), abs=2)
    ratio = spectral_peak_hz(faster) / spectral_peak_hz(samples)
    assert ratio == pytest.approx(1 + change, rel=0.01)


def test_only_effects_that_are_switched_on_are_made() -> None:
    for chosen in ((), ("noise",), ("gain", "speed"), EFFECTS):
        assert set(enabled_effects(with_effects(*chosen))) == set(chosen)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A corpus of few clips, which a test must not change."""
    folder = tmp_path_factory.mktemp("corpora") / "synthetic_a"
    return write_clips(make_manifest(speakers=2, clips_each=1), folder), folder


def test_a_corpus_has_one_copy_a_clip_and_effect(corpus: Corpus, tmp_path: Path) -> None:
    manifest, folder = corpus
    written = with_effects("noise", "speed")
    augment_corpus(files_of(manifest, folder), tmp_path, written)
    copies = read_copies(tmp_path)
    assert sorted(copies["copy"]) == sorted(
        f"{clip}+{effect}" for clip in manifest["clip"] for effect in ("noise", "speed")
    )
    for row in copies.itertuples():
        assert row.copy == f"{row.clip}+{row.effect}", f"{row.copy} does not name its source"
        samples = Pack(pack_path(tmp_path, row.effect)).rows(row.start, row.length)
        source = read_canonical(clip_path(folder, row.clip))
        expected = make_copy(source, row.clip, row.effect, enabled_effects(written)[row.effect])
        assert np.array_equal(samples, expected), f"{row.copy} holds samples of something else"
        assert pcm_sha256(samples) == row.pcm_sha256


def test_a_clip_that_is_not_the_one_of_the_manifest_is_refused(
    corpus: Corpus, tmp_path: Path, refused: Refused
) -> None:
    manifest, folder = corpus
    with refused("are not those that its manifest describes"):
        other = files_of(manifest.assign(pcm_sha256="0" * 64), folder)
        augment_corpus(other, tmp_path / "out", with_effects("noise"))


def test_copies_do_not_depend_on_the_number_of_processes(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for workers in ("1", "2"):
        monkeypatch.setenv(VARIABLE, workers)
        augment_corpus(files_of(*corpus), tmp_path / workers, with_effects(*EFFECTS))
    names = sorted(path.name for path in (tmp_path / "1").iterdir())
    assert names == sorted([COPIES, *(f"{name}.safetensors" for name in EFFECTS)])
    for name in names:
        one, two = ((tmp_path / workers / name).read_bytes() for workers in ("1", "2"))
        assert one == two, name


def test_without_effects_there_is_an_empty_table(corpus: Corpus, tmp_path: Path) -> None:
    augment_corpus(files_of(*corpus), tmp_path / "out", with_effects())
    assert [path.name for path in (tmp_path / "out").iterdir()] == [COPIES]
    assert read_copies(tmp_path / "out").empty


def test_full_scale_is_kept() -> None:
    samples = np.array([-32_768, 32_767, 0, 1, -1], dtype=np.int16)
    assert np.array_equal(make_copy(samples, "x/1", "none", lambda x, rng: x), samples)
