"""Takes that are the same recording are found; different takes are not taken for one."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pytest

from ser.clips.audio import Int16, pcm_sha256, read_canonical, to_int16, write_wav
from ser.clips.manifest import ClipName, clip_path
from ser.core.workers import VARIABLE
from ser.corpora import find_corpus
from ser.download.source import MIRROR_VARIABLE
from ser.download.synthetic_voice import speak, utterances
from ser.splits.signatures import signature
from ser.splits.takes import (
    ALIKE,
    IDENTICAL,
    SAME,
    SAME_TAKE_SIMILARITY,
    find_pairs,
    find_signatures,
    fingerprint,
    group_takes,
)
from tests.builders import built_manifest, files_of, make_manifest, write_clips
from tests.conftest import Refused
from tests.splits.manifests import TWINS, pairs_of

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


def nothing_declared() -> pd.DataFrame:
    return pd.DataFrame(columns=["clip_a", "clip_b", "reason"])


def corpus_of(clips: list[Int16], folder: Path) -> pd.DataFrame:
    """Clips toy/0, toy/1, ... of one speaker, written to a folder; their manifest."""
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    rows = []
    for number, samples in enumerate(clips):
        write_wav(clip_path(folder, f"toy/{number}"), samples)
        rows.append({"clip": f"toy/{number}", "pcm_sha256": pcm_sha256(samples)})
    return pd.DataFrame(rows).assign(corpus="toy", speaker="01")


def groups_of(clips: list[Int16], folder: Path) -> list[str]:
    manifest = corpus_of(clips, folder)
    return group_takes(manifest, find_pairs(files_of(manifest, folder), nothing_declared()))


def test_a_copy_is_found_whatever_was_done_to_it(tmp_path: Path) -> None:
    for what, copy in COPIES.items():
        for index in (0, 5, 17):
            found = similarity(voice(index), copy(voice(index)))
            assert found > 0.99, f"{VOICES[index].file_name}, {what}: {found:.3f}"
        clips = [voice(0), voice(1), copy(voice(0)), voice(2)]
        assert groups_of(clips, tmp_path) == ["toy/0", "toy/1", "toy/0", "toy/3"], what


def test_different_takes_stay_apart(tmp_path: Path) -> None:
    # three speakers, two takes of every sentence and emotion
    clips = [voice(index) for index in range(len(VOICES))]
    prints = np.stack([fingerprint(clip) for clip in clips])
    closest = float(np.triu(prints @ prints.T, 1).max())
    assert closest < SAME_TAKE_SIMILARITY - 0.2, f"two takes are as close as {closest:.3f}"
    manifest = corpus_of(clips, tmp_path)
    assert find_pairs(files_of(manifest, tmp_path), nothing_declared()).empty


def test_a_take_that_ends_otherwise_is_another_take() -> None:
    one, other = voice(0), voice(1)
    assert similarity(one, other) < 0.7
    half = len(one) // 2
    assert similarity(one, np.concatenate([one[:half], other[half:]])) < SAME_TAKE_SIMILARITY


def humming(samples: Int16, level: float = 1000.0) -> Int16:
    """With a hum of the mains, as of a bad cable."""
    times_s = np.arange(len(samples)) / 16_000
    hum = np.sin(2 * np.pi * 100 * times_s) + 0.5 * np.sin(2 * np.pi * 200 * times_s)
    return to_int16(0.2 * samples + level * hum)


def test_a_hum_makes_clips_alike_and_not_the_same(tmp_path: Path) -> None:
    clips = [humming(voice(0)), humming(voice(5)), gained(humming(voice(0)), -3)]
    assert similarity(clips[0], clips[1]) > SAME_TAKE_SIMILARITY
    manifest = corpus_of(clips, tmp_path)
    pairs = find_pairs(files_of(manifest, tmp_path), nothing_declared())
    names = zip(pairs["clip_a"], pairs["clip_b"], strict=True)
    assert dict(zip(names, pairs["what"], strict=True)) == {
        ("toy/0", "toy/1"): ALIKE,
        ("toy/0", "toy/2"): SAME,
        ("toy/1", "toy/2"): ALIKE,
    }
    assert group_takes(manifest, pairs) == ["toy/0", "toy/1", "toy/0"]


def test_what_the_corpus_declares_not_to_be_the_same_is_not(tmp_path: Path) -> None:
    clips = [voice(0), gained(voice(0), -6), voice(0)]
    manifest = corpus_of(clips, tmp_path)
    declared = pd.DataFrame(
        [("toy/1", "toy/0", "a test tone"), ("toy/1", "toy/2", "a test tone")],
        columns=["clip_a", "clip_b", "reason"],
    )
    pairs = find_pairs(files_of(manifest, tmp_path), declared).set_index(["clip_a", "clip_b"])
    assert pairs["what"].tolist() == [ALIKE, IDENTICAL, ALIKE]
    assert pairs["note"].tolist() == ["a test tone", "", "a test tone"]
    assert group_takes(manifest, pairs.reset_index()) == ["toy/0", "toy/1", "toy/0"]


def test_all_recordings_that_speakers_share_are_listed_before_one_sentence(
    refused: Refused, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = pd.DataFrame({"clip": list("abcd"), "speaker": list("1221"), "corpus": "toy"})
    pairs = pairs_of([("a", "b"), ("b", "c"), ("c", "d")])
    with refused("2 pairs of clips of different speakers", "a and b", "ser/corpora/toy.py"):
        group_takes(manifest, pairs)
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(pairs)
    alike = pairs_of([("a", "b"), ("c", "d")], ALIKE)
    assert group_takes(manifest, alike) == list("abcd")


def test_the_copy_of_a_copy_is_of_the_group() -> None:
    manifest = pd.DataFrame({"clip": list("abcd"), "speaker": "1", "corpus": "toy"})
    for pairs in (["ab", "bc", "cd"], ["cd", "ab", "bc"], ["bd", "ac", "cd"]):
        chain = pairs_of([(a, b) for a, b in pairs])
        assert group_takes(manifest, chain) == ["a", "a", "a", "a"], pairs


def test_fingerprints_have_one_length_and_level() -> None:
    for n_samples in (1, 100, 16_000, 2**14, 2**14 + 1, 200_000):
        samples = np.random.default_rng(0).normal(0, 99, n_samples).astype(np.int16)
        found = fingerprint(samples)
        assert found.shape == fingerprint(voice(0)).shape
        assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    assert not fingerprint(np.zeros(5000, np.int16)).any(), "silence is like something"


def test_signatures_of_a_folder_come_in_the_order_of_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [voice(index) for index in (4, 0, 9)]
    manifest = corpus_of(clips, tmp_path)
    for workers in ("1", "2"):
        monkeypatch.setenv(VARIABLE, workers)
        found = find_signatures(files_of(manifest, tmp_path))
        expected = np.stack([signature(fingerprint(clip)) for clip in clips])
        np.testing.assert_array_equal(found, expected)


# Real corpora


def found_in(folder: Path, manifest: pd.DataFrame) -> Mapping[tuple[str, str], str]:
    pairs = find_pairs(files_of(manifest, folder), nothing_declared())
    names = zip(pairs["clip_a"], pairs["clip_b"], strict=True)
    return dict(zip(names, pairs["what"], strict=True))


@pytest.mark.real
def test_ravdess_holds_one_take_twice(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (mirror / "ravdess").is_dir():
        pytest.skip("the mirror has no ravdess")
    monkeypatch.setenv(MIRROR_VARIABLE, str(mirror))
    ravdess = find_corpus("ravdess")

    def of_one_actor(path: PurePosixPath) -> ClipName | None:
        return ravdess.parse(path) if path.parent.name == "Actor_07" else None

    part = replace(ravdess.expected, n_clips=60, emotions={}, genders={"07": "male"})
    one = replace(ravdess, parse=of_one_actor, expected=part)
    manifest = built_manifest(one, tmp_path / "ravdess")
    assert found_in(tmp_path / "ravdess", manifest) == {TWINS["ravdess"]: IDENTICAL}


def test_a_clip_that_is_not_the_one_of_the_manifest_is_refused(
    tmp_path: Path, refused: Refused
) -> None:
    manifest = write_clips(make_manifest(speakers=1, clips_each=1), tmp_path)
    find_signatures(files_of(manifest, tmp_path))
    with refused("are not those that its manifest describes"):
        find_signatures(files_of(manifest.assign(pcm_sha256="0" * 64), tmp_path))


@pytest.mark.real
def test_emodb_holds_no_take_twice_and_emovo_one_as_two_sentences(real_corpus: RealCorpus) -> None:
    assert found_in(*real_corpus("emodb")) == {}
    # cut and levelled otherwise: hashes do not show it, correlation of the samples does
    assert found_in(*real_corpus("emovo")) == {TWINS["emovo"]: SAME}


@pytest.mark.real
def test_copies_of_real_clips_are_found(real_corpus: RealCorpus) -> None:
    for name in ("emodb", "emovo"):
        folder, manifest = real_corpus(name)
        for clip in manifest["clip"].iloc[::100]:
            samples = read_canonical(clip_path(folder, clip))
            for what, copy in COPIES.items():
                found = similarity(samples, copy(samples))
                assert found > 0.98, f"{clip}, {what}: {found:.3f}"
