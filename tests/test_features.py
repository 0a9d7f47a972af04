"""Front ends compute what librosa computes, and a corpus's features lie where its index says."""

from pathlib import Path
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from threadpoolctl import threadpool_limits

from ser.audio import INT16_SCALE, SAMPLE_RATE_HZ, read_canonical
from ser.augmentation import augment_corpus
from ser.clips import clip_path
from ser.copies import pack_path, read_copies
from ser.errors import SerError
from ser.feature_store import INDEX, PACK, read_index
from ser.features import build_front_end, extract, featurize_corpus
from ser.packs import Pack
from ser.params import Features
from tests.builders import build_voices, make_manifest, make_params, random_clip, tone, write_clips

FRONT_ENDS = ("log_mel", "mfcc", "pcen", "waveform")


def feature_settings(**changes: Any) -> Features:
    return make_params({f"features.{key}": value for key, value in changes.items()}).features


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> list[npt.NDArray[Any]]:
    folder = tmp_path_factory.mktemp("voices")
    manifest = build_voices(folder / "synthetic_a")
    clips = [read_canonical(clip_path(folder / "synthetic_a", clip)) for clip in manifest["clip"]]
    return [clip.astype(np.float32) / np.float32(INT16_SCALE) for clip in clips[::9]]


def librosa_mel(samples: npt.NDArray[Any], chosen: Features) -> npt.NDArray[Any]:
    return librosa.feature.melspectrogram(
        y=samples,
        sr=SAMPLE_RATE_HZ,
        n_fft=chosen.n_fft,
        hop_length=round(chosen.hop_ms * SAMPLE_RATE_HZ / 1000),
        win_length=round(chosen.window_ms * SAMPLE_RATE_HZ / 1000),
        window="hann",
        center=True,
        pad_mode="constant",
        power=2.0,
        n_mels=chosen.n_mels,
        fmin=chosen.fmin_hz,
        fmax=chosen.fmax_hz,
    )


def librosa_log_mel(samples: npt.NDArray[Any], chosen: Features) -> npt.NDArray[Any]:
    decibels = 10 * np.log10(librosa_mel(samples, chosen) + 1e-10)
    decibels = np.maximum(decibels, decibels.max() - chosen.top_db)
    return (decibels * np.log(10) / 10).T


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"window_ms": 25.0, "hop_ms": 10.0, "n_fft": 512, "n_mels": 40},
        {"fmin_hz": 0.0, "fmax_hz": 4000.0, "top_db": 40.0},
        {"window_ms": 32.0, "n_fft": 2048, "n_mels": 80},
    ],
)
def test_log_mel_is_what_librosa_computes(
    voices: list[npt.NDArray[Any]], changes: dict[str, Any]
) -> None:
    chosen = feature_settings(**changes)
    front_end = build_front_end(chosen)
    for samples in [*voices, tone(440.0, 0.51)]:
        values, expected = front_end(samples), librosa_log_mel(samples, chosen)
        assert values.shape == expected.shape
        assert np.abs(values - expected).max() < 1e-3


def test_mfcc_and_its_differences_are_what_librosa_computes(voices: list[npt.NDArray[Any]]) -> None:
    chosen = feature_settings(front_end="mfcc")
    front_end = build_front_end(chosen)
    for samples in voices:
        expected = librosa.feature.mfcc(
            S=librosa_log_mel(samples, chosen).T, n_mfcc=chosen.n_mfcc, dct_type=2, norm="ortho"
        )
        deltas = [librosa.feature.delta(expected, width=9, order=order) for order in (1, 2)]
        values = front_end(samples)
        assert values.shape == (expected.shape[1], 3 * chosen.n_mfcc)
        # a sum over all bands may add up the errors of each
        assert np.abs(values - np.concatenate([expected, *deltas]).T).max() < 5e-3


def test_pcen_is_what_librosa_computes(voices: list[npt.NDArray[Any]]) -> None:
    chosen = feature_settings(front_end="pcen")
    front_end = build_front_end(chosen)
    hop = round(chosen.hop_ms * SAMPLE_RATE_HZ / 1000)
    for samples in voices:
        mel = librosa_mel(samples, chosen) * 2**31
        expected = librosa.pcen(mel, sr=SAMPLE_RATE_HZ, hop_length=hop).T
        values = front_end(samples)
        assert values.shape == expected.shape
        assert np.abs(values - expected).max() < 1e-3


@pytest.mark.parametrize("length", [1, 100, 700, 1_600, 2_600])
@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_clips_of_any_length_have_finite_features(front_end: str, length: int) -> None:
    chosen = feature_settings(front_end=front_end)
    values = build_front_end(chosen)(tone(440.0, 0.5)[1 : 1 + length])
    steps = length if front_end == "waveform" else 1 + length // round(chosen.hop_ms * 16)
    assert len(values) == steps
    assert np.isfinite(values).all()


@pytest.mark.parametrize("front_end", ["log_mel", "mfcc", "pcen"])
def test_silence_has_finite_features(front_end: str) -> None:
    chosen = feature_settings(front_end=front_end)
    values = extract(np.zeros(4_000, dtype=np.int16), build_front_end(chosen), chosen)
    assert np.isfinite(values).all()


@settings(max_examples=50, deadline=None)
@given(samples=hnp.arrays(np.int16, st.integers(1, 500)))
def test_the_waveform_passes_through_exactly(samples: npt.NDArray[np.int16]) -> None:
    chosen = feature_settings(front_end="waveform", trim_db=None)
    values = extract(samples, build_front_end(chosen), chosen)
    assert values.dtype == np.int16
    assert np.array_equal(values, samples[:, np.newaxis])


def test_the_waveform_keeps_full_scale() -> None:
    samples = np.array([-32_768, 32_767, -1, 0, 1], dtype=np.int16)
    chosen = feature_settings(front_end="waveform", trim_db=None)
    assert extract(samples, build_front_end(chosen), chosen)[:, 0].tolist() == samples.tolist()


def test_silence_is_cut_but_for_a_margin() -> None:
    samples = np.zeros(32_000, dtype=np.int16)
    samples[9_600:16_000] = 8_000
    chosen = feature_settings(front_end="waveform", trim_db=30.0, trim_margin_ms=50.0)
    values = extract(samples, build_front_end(chosen), chosen)[:, 0]
    assert len(values) == 800 + 6_400 + 800
    assert not values[:800].any()
    assert not values[-800:].any()
    assert (values[800:-800] == 8_000).all()


@pytest.mark.parametrize("front_end", ["log_mel", "mfcc", "pcen"])
def test_features_are_stored_in_half_precision(front_end: str) -> None:
    chosen = feature_settings(front_end=front_end)
    values = extract(random_clip(0), build_front_end(chosen), chosen)
    assert values.dtype == np.float16
    assert np.isfinite(values).all(), "half precision overflowed"


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_the_index_says_where_features_of_clips_and_copies_lie(
    tmp_path: Path, front_end: str
) -> None:
    params = make_params(
        {"augmentation.noise.enabled": True, "features.front_end": front_end}
        | {f"augmentation.{name}.enabled": False for name in ("gain", "pitch", "shift")}
        | {"augmentation.speed.enabled": True}
    )
    corpus, augmented, out = (tmp_path / name for name in ("corpus", "augmented", "features"))
    manifest = write_clips(make_manifest(speakers=2, clips_each=1), corpus)
    augment_corpus(manifest, corpus, augmented, params.augmentation, processes=1)
    featurize_corpus(manifest, corpus, augmented, out, params.features, processes=1)
    index, copies, pack = read_index(out), read_copies(augmented), Pack(out / PACK)
    assert index["item"].is_unique
    assert sorted(index["item"]) == sorted([*manifest["clip"], *copies["copy"]])
    assert len(pack) == index["length"].sum()
    front = build_front_end(params.features)
    sources = copies.set_index("copy")
    for row in index.itertuples():
        if row.effect:
            copy = sources.loc[row.item]
            assert copy["clip"] == row.clip, f"{row.item} lost its source"
            samples = Pack(pack_path(augmented, row.effect)).rows(copy["start"], copy["length"])
        else:
            assert row.item == row.clip
            samples = read_canonical(clip_path(corpus, row.clip))
        with threadpool_limits(1):  # as in a worker: two threads add up in another order
            expected = extract(samples, front, params.features)
        assert np.array_equal(pack.rows(row.start, row.length), expected), row.item


def test_a_corpus_featurized_twice_gives_the_same_files(tmp_path: Path) -> None:
    params = make_params({"augmentation.noise.enabled": True})
    corpus, augmented = tmp_path / "corpus", tmp_path / "augmented"
    manifest = write_clips(make_manifest(speakers=2, clips_each=1), corpus)
    augment_corpus(manifest, corpus, augmented, params.augmentation, processes=1)
    for processes in (1, 2):
        out = tmp_path / f"features-{processes}"
        featurize_corpus(manifest, corpus, augmented, out, params.features, processes)
    for name in (INDEX, PACK):
        one, two = (tmp_path / f"features-{number}" / name for number in (1, 2))
        assert one.read_bytes() == two.read_bytes(), f"{name} depends on the number of processes"


def test_an_unreadable_clip_leaves_no_features(tmp_path: Path) -> None:
    params = make_params()
    corpus, augmented, out = (tmp_path / name for name in ("corpus", "augmented", "features"))
    manifest = write_clips(make_manifest(speakers=1, clips_each=1), corpus)
    augment_corpus(manifest, corpus, augmented, params.augmentation, processes=1)
    clip_path(corpus, manifest["clip"][1]).write_bytes(b"no sound")
    with pytest.raises(SerError, match="not readable as audio"):
        featurize_corpus(manifest, corpus, augmented, out, params.features, processes=1)
    assert not out.exists()


def test_a_missing_index_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SerError, match=r"index\.csv is missing; run `dvc repro`"):
        read_index(tmp_path)
