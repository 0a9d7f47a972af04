"""The synthetic voices are repeatable, look like recordings, and differ as people would."""

import hashlib
import os
import subprocess
import sys
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ser.download.synthetic_voice import (
    EMOTIONS,
    INTENSITY_CODES,
    NEUTRAL,
    Utterance,
    speak,
    utterances,
)
from tests.builders import REPOSITORY

RATE_HZ = 16_000
DIALECTS = ("a", "b")

# Every clip of a corpus larger than the tests' own, so that chance is sampled widely.
UTTERANCES = st.sampled_from(utterances(n_speakers=24, takes=4))
ANY_DIALECT = st.sampled_from(DIALECTS)
few_examples = settings(max_examples=20)


def rms(samples: NDArray[np.int16]) -> float:
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


def frame_pitches_hz(samples: NDArray[np.int16]) -> list[float]:
    """The pitch of every clearly voiced frame, by the autocorrelation's highest peak."""
    size, shortest, longest = 1024, RATE_HZ // 500, RATE_HZ // 70
    pitches = []
    for start in range(0, len(samples) - size, size // 2):
        spectrum = np.fft.rfft(samples[start : start + size] * np.hanning(size), 2 * size)
        correlation = np.fft.irfft(np.abs(spectrum) ** 2)
        lag = shortest + int(np.argmax(correlation[shortest:longest]))
        if correlation[lag] > 0.5 * correlation[0]:
            pitches.append(RATE_HZ / lag)
    return pitches


def median_pitch_hz(speaker: int, dialect: str) -> float:
    neutral = [Utterance(NEUTRAL, "normal", sentence, 1, speaker) for sentence in (1, 2)]
    clips = [speak(utterance, dialect) for utterance in neutral]
    return float(np.median([pitch for clip in clips for pitch in frame_pitches_hz(clip)]))


def long_term_spectrum_db(speaker: int, dialect: str) -> NDArray[np.float64]:
    """Mean level in 16 bands of 500 Hz over neutral clips."""
    clip = np.concatenate(
        [
            speak(Utterance(NEUTRAL, "normal", s, t, speaker), dialect)
            for s in (1, 2)
            for t in (1, 2)
        ]
    )
    frames = clip[: len(clip) // 512 * 512].reshape(-1, 512) * np.hanning(512)
    power = np.mean(np.abs(np.fft.rfft(frames)[:, 1:]) ** 2, axis=0)
    return np.asarray(10.0 * np.log10(power.reshape(16, -1).mean(axis=1)))


def test_utterances_are_every_combination_in_order() -> None:
    listed = utterances(n_speakers=3, takes=2)
    # For each speaker and take: neutral once, four emotions twice, each in two sentences.
    assert len(listed) == len(set(listed)) == 3 * 2 * (1 + 4 * 2) * 2
    names = [utterance.file_name for utterance in listed]
    assert names == sorted(set(names))
    assert {utterance.emotion for utterance in listed} == set(EMOTIONS)


@given(UTTERANCES)
def test_file_names_parse_back(utterance: Utterance) -> None:
    stem, suffix = utterance.file_name.split(".")
    assert suffix == "wav"
    modality, channel, emotion, code, sentence, take, speaker = stem.split("-")
    assert (modality, channel) == ("03", "01")
    intensities = {code: intensity for intensity, code in INTENSITY_CODES.items()}
    parsed = Utterance(emotion, intensities[code], int(sentence), int(take), int(speaker))
    assert parsed == utterance


def test_unknown_utterances_are_refused() -> None:
    for fields in (
        ("02", "normal", 1, 1, 1),
        ("03", "loud", 1, 1, 1),
        ("01", "strong", 1, 1, 1),
        ("03", "normal", 3, 1, 1),
        ("03", "normal", 1, 0, 1),
        ("03", "normal", 1, 1, 100),
    ):
        with pytest.raises(ValueError, match=r"emotion|Neutral|numbered"):
            Utterance(*fields)


def test_unknown_dialects_and_low_sample_rates_are_refused() -> None:
    utterance = utterances(1, 1)[0]
    with pytest.raises(ValueError, match="dialect 'c'"):
        speak(utterance, "c")
    with pytest.raises(ValueError, match="8000"):
        speak(utterance, "a", sample_rate_hz=8_000)


def test_a_fresh_interpreter_gives_the_same_samples() -> None:
    program = (
        "import hashlib, sys\n"
        "from ser.download.synthetic_voice import speak, utterances\n"
        "clips = [speak(u, d).tobytes() for d in 'ab' for u in utterances(2, 1)]\n"
        "print(hashlib.sha256(b''.join(clips)).hexdigest())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": "12345"}
    fresh = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    clips = [speak(u, dialect).tobytes() for dialect in DIALECTS for u in utterances(2, 1)]
    assert fresh.stdout.strip() == hashlib.sha256(b"".join(clips)).hexdigest()


@few_examples
@given(UTTERANCES, ANY_DIALECT)
def test_clips_look_like_studio_recordings(utterance: Utterance, dialect: str) -> None:
    samples = speak(utterance, dialect)
    assert samples.dtype == np.int16
    assert samples.ndim == 1
    assert 0.8 <= len(samples) / RATE_HZ <= 1.3
    # No clipping: the highest sample stays below full scale.
    assert np.abs(samples.astype(int)).max() < 0.97 * 32767
    edge = RATE_HZ * 70 // 1000
    for silence in (samples[:edge], samples[-edge // 2 :]):
        assert silence.any()
        # 40 dB below the speech is what the features trim.
        assert rms(silence) < 0.01 * rms(samples)


def test_other_sample_rates_keep_the_duration() -> None:
    utterance = utterances(1, 1)[0]
    duration_s = len(speak(utterance, "a")) / RATE_HZ
    for sample_rate_hz in (22_050, 44_100, 48_000):
        found_s = len(speak(utterance, "a", sample_rate_hz)) / sample_rate_hz
        assert found_s == pytest.approx(duration_s, abs=1e-4)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_women_speak_higher_than_men(dialect: str) -> None:
    men = [median_pitch_hz(speaker, dialect) for speaker in (1, 3, 5)]
    women = [median_pitch_hz(speaker, dialect) for speaker in (2, 4, 6)]
    assert min(men) > 80.0
    assert max(men) < min(women) < 300.0


@pytest.mark.parametrize("dialect", DIALECTS)
def test_anger_is_louder_than_sadness(dialect: str) -> None:
    for speaker in range(1, 7):
        for intensity in INTENSITY_CODES:
            angry = speak(Utterance("05", intensity, 1, 1, speaker), dialect)
            sad = speak(Utterance("04", intensity, 1, 1, speaker), dialect)
            assert rms(angry) > rms(sad), f"speaker {speaker}, {intensity}"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_strong_emotions_are_further_from_neutral(dialect: str) -> None:
    def mean_length(emotion: str, intensity: str) -> float:
        said = [Utterance(emotion, intensity, 1, take, s) for take in (1, 2) for s in range(1, 7)]
        return float(np.mean([len(speak(utterance, dialect)) for utterance in said]))

    # Sad speech is slow and fearful speech fast.
    neutral = mean_length(NEUTRAL, "normal")
    assert neutral < mean_length("04", "normal") < mean_length("04", "strong")
    assert neutral > mean_length("06", "normal") > mean_length("06", "strong")


def test_takes_differ() -> None:
    first, second = (Utterance("03", "normal", 1, take, 1) for take in (1, 2))
    assert speak(first, "a").tobytes() != speak(second, "a").tobytes()


def test_speakers_differ() -> None:
    spectra = [long_term_spectrum_db(speaker, "a") for speaker in range(1, 7)]
    for index, spectrum in enumerate(spectra):
        for other in spectra[:index]:
            assert np.abs(spectrum - other).max() > 1.0


def test_dialects_differ() -> None:
    for speaker in (1, 2, 6):
        difference_db = long_term_spectrum_db(speaker, "a") - long_term_spectrum_db(speaker, "b")
        assert np.abs(difference_db).max() > 1.0


def test_a_clip_takes_few_milliseconds() -> None:
    said = utterances(n_speakers=2, takes=1)
    speak(said[0], "a")
    start_s = process_time()
    for utterance in said:
        speak(utterance, "a")
    # About 7 ms on one core; the limit leaves room for slow machines.
    assert (process_time() - start_s) / len(said) < 0.05
