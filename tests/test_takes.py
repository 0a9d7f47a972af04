"""Takes that are the same recording are found; different takes are not taken for one."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from ser.audio import pcm_sha256, read_canonical, to_int16, write_wav
from ser.clips import clip_path
from ser.corpora.synthetic_voice import speak, utterances
from ser.takes import SAME_TAKE_SIMILARITY, fingerprint, fingerprints, group_takes

Int16 = NDArray[np.int16]
RealCorpus = Callable[[str], tuple[Path, pd.DataFrame]]

VOICES = utterances(n_speakers=3, takes=2)


@cache
def voice(index: int) -> Int16:
    return speak(VOICES[index], "a")


def gained(samples: Int16, gain_db: float) -> Int16:
    return to_int16(samples * 10 ** (gain_db / 20))


def padded(samples: Int16, before_s: float, after_s: float) -> Int16:
    before, after = (np.zeros(round(seconds * 16_000), np.int16) for seconds in (before_s, after_s))
    return np.concatenate([before, samples, after])


def noisy(samples: Int16, snr_db: float) -> Int16:
    power = np.mean(np.square(samples, dtype=np.float64)) * 10 ** (-snr_db / 10)
    noise = np.random.default_rng(7).normal(0, np.sqrt(power), len(samples))
    return to_int16(samples + noise)


COPIES: dict[str, Callable[[Int16], Int16]] = {
    "the same": lambda samples: samples,
    "3 dB louder": lambda samples: gained(samples, 3),
    "12 dB softer": lambda samples: gained(samples, -12),
    "20 dB softer": lambda samples: gained(samples, -20),
    "inverted": lambda samples: to_int16(-samples.astype(np.float64)),
    "silence before": lambda samples: padded(samples, 0.5, 0),
    "silence around": lambda samples: padded(samples, 0.123, 0.987),
    "much silence": lambda samples: padded(samples, 1.7, 3.3),
    "faint noise": lambda samples: noisy(samples, 50),
    "noise at 40 dB": lambda samples: noisy(samples, 40),
    "softer, padded, noisy": lambda samples: padded(noisy(gained(samples, -6), 40), 0.2, 0.1),
}


def similarity(one: Int16, other: Int16) -> float:
    return float(fingerprint(one) @ fingerprint(other))


def manifest_of(clips: list[Int16]) -> pd.DataFrame:
    names = [f"toy/{index}" for index in range(len(clips))]
    return pd.DataFrame({"clip": names, "pcm_sha256": [pcm_sha256(clip) for clip in clips]})


def groups_of(clips: list[Int16]) -> list[str]:
    return group_takes(manifest_of(clips), np.stack([fingerprint(clip) for clip in clips]))


def groups_of_real(built: tuple[Path, pd.DataFrame]) -> list[list[str]]:
    """Groups of more than one clip, without the corpus's name."""
    folder, manifest = built
    groups = group_takes(manifest, fingerprints(manifest, folder, processes=1))
    clips = manifest["clip"].str.partition("/")[2].groupby(pd.Series(groups)).apply(sorted)
    return [group for group in clips if len(group) > 1]


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_copy_is_found_whatever_was_done_to_it(copy: Callable[[Int16], Int16]) -> None:
    for index in range(0, len(VOICES), 7):
        found = similarity(voice(index), copy(voice(index)))
        assert found > 0.99, f"{VOICES[index].file_name} and its copy: {found:.3f}"
        assert found > SAME_TAKE_SIMILARITY
    clips = [voice(0), voice(1), copy(voice(0)), voice(2)]
    assert groups_of(clips) == ["toy/0", "toy/1", "toy/0", "toy/3"]


def test_different_takes_stay_apart() -> None:
    # three speakers, two takes of every sentence and emotion
    clips = [voice(index) for index in range(len(VOICES))]
    prints = np.stack([fingerprint(clip) for clip in clips])
    closest = float(np.triu(prints @ prints.T, 1).max())
    assert closest < SAME_TAKE_SIMILARITY - 0.2, f"two takes are as close as {closest:.3f}"
    names = manifest_of(clips)["clip"].tolist()
    assert group_takes(manifest_of(clips), prints) == names


def test_a_take_that_ends_otherwise_is_another_take() -> None:
    one, other = voice(0), voice(1)
    assert similarity(one, other) < 0.7
    half = len(one) // 2
    assert similarity(one, np.concatenate([one[:half], other[half:]])) < SAME_TAKE_SIMILARITY


def test_fingerprints_have_one_length_and_level() -> None:
    for n_samples in (1, 100, 16_000, 2**14, 2**14 + 1, 200_000):
        samples = np.random.default_rng(0).normal(0, 99, n_samples).astype(np.int16)
        found = fingerprint(samples)
        assert found.shape == fingerprint(voice(0)).shape
        assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)


def test_clips_without_sound_are_like_nothing() -> None:
    silence = np.zeros(5000, np.int16)
    assert not fingerprint(silence).any()
    assert groups_of([silence, voice(0), np.zeros(4000, np.int16)]) == ["toy/0", "toy/1", "toy/2"]


def test_identical_samples_are_one_take_even_without_fingerprints() -> None:
    clips = [voice(0), voice(1), voice(0)]
    nothing = np.zeros((3, 10), np.float32)
    assert group_takes(manifest_of(clips), nothing) == ["toy/0", "toy/1", "toy/0"]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 0, 2, 1], [1, 3, 0, 2]])
def test_the_copy_of_a_copy_is_of_the_group(order: list[int]) -> None:
    # neighbours are close (0.94), the ends of the chain are not
    angles = np.array([0.0, 0.35, 0.7, 1.05])[order]
    prints = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert prints[order.index(0)] @ prints[order.index(3)] < SAME_TAKE_SIMILARITY
    manifest = pd.DataFrame({"clip": list("abcd"), "pcm_sha256": list("abcd")})
    assert group_takes(manifest, prints) == ["a", "a", "a", "a"]


def test_fingerprints_of_a_folder_come_in_the_order_of_the_manifest(tmp_path: Path) -> None:
    clips = [voice(index) for index in (4, 0, 9)]
    manifest = manifest_of(clips)
    (tmp_path / "clips").mkdir()
    for name, samples in zip(manifest["clip"], clips, strict=True):
        write_wav(clip_path(tmp_path, name), samples)
    for processes in (1, 2):
        found = fingerprints(manifest, tmp_path, processes)
        np.testing.assert_array_equal(found, np.stack([fingerprint(clip) for clip in clips]))


# Real corpora


@pytest.mark.real
def test_ravdess_holds_one_take_twice(real_corpus: RealCorpus) -> None:
    found = groups_of_real(real_corpus("ravdess"))
    assert found == [[f"Actor_07/03-01-03-01-02-0{take}-07" for take in (1, 2)]]


@pytest.mark.real
def test_emodb_holds_no_take_twice(real_corpus: RealCorpus) -> None:
    assert groups_of_real(real_corpus("emodb")) == []


@pytest.mark.real
def test_emovo_holds_one_take_as_two_sentences(real_corpus: RealCorpus) -> None:
    # cut and levelled otherwise: hashes do not show it, correlation of the samples (0.98) does
    assert groups_of_real(real_corpus("emovo")) == [["f3/tri-f3-n1", "f3/tri-f3-n2"]]


@pytest.mark.real
@pytest.mark.parametrize("name", ["emodb", "emovo"])
def test_copies_of_real_clips_are_found(real_corpus: RealCorpus, name: str) -> None:
    folder, manifest = real_corpus(name)
    for clip in manifest["clip"].iloc[::60]:
        samples = read_canonical(clip_path(folder, clip))
        for what, copy in COPIES.items():
            found = similarity(samples, copy(samples))
            assert found > 0.98, f"{clip}, {what}: {found:.3f}"
