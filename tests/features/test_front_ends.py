"""Front ends compute what others compute, and a corpus's features lie where its index says."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torchaudio
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ser.clips.audio import INT16_SCALE, SAMPLE_RATE_HZ, Int16, read_canonical
from ser.clips.manifest import clip_path
from ser.core.errors import SerError
from ser.core.workers import VARIABLE
from ser.features.augmentation import augment_corpus
from ser.features.front_ends import FrontEnd, build_front_end, describe_layout, featurize_corpus
from ser.features.front_ends import extract as extract_with
from ser.features.settings import (
    ENCODER_LAYERS,
    Augmentation,
    Features,
    FrontEndSettings,
    load_features,
)
from ser.store.copies import pack_path, read_copies
from ser.store.features import INDEX, LAYOUT, PACK, Layout, read_index, read_layout
from ser.store.packs import Pack
from tests.builders import files_of, make_manifest, make_values, random_clip, tone, write_clips
from tests.conftest import Refused

Float = npt.NDArray[Any]
# those that need no weights
FRONT_ENDS = ("log_mel", "mfcc", "pcen", "waveform", "mean_mfcc")
SPECTRAL = ("log_mel", "mfcc", "pcen", "mean_mfcc")


def chosen(front_end: str, changes: dict[str, Any] | None = None, **features: Any) -> Any:
    """Settings of a front end, with changes of its own and of `features`."""
    values = {f"front_ends.{front_end}.{key}": value for key, value in (changes or {}).items()}
    values |= {f"features.{key}": value for key, value in features.items()}
    return load_features(make_values({"features.front_end": front_end, **values}))


def built(front_end: str, changes: dict[str, Any] | None = None) -> FrontEnd:
    return build_front_end(*chosen(front_end, changes))


def extract(samples: Int16, front_end: str, **features: Any) -> Float:
    settings, own = chosen(front_end, **features)
    return extract_with(samples, build_front_end(settings, own), settings)


@pytest.fixture(scope="module")
def spoken(voices: tuple[Path, Any]) -> list[Float]:
    """A few synthetic voices as floats, and a tone."""
    folder, manifest = voices
    clips = [read_canonical(clip_path(folder, clip)) for clip in manifest["clip"][::9]]
    floats = [clip.astype(np.float32) / np.float32(INT16_SCALE) for clip in clips]
    return [*floats, tone(440.0, 0.51)]


# Other implementations. torchaudio's is tested against librosa's; librosa itself would compile for
# half a minute where it is called for the first time.


def reference_mel(samples: Float, settings: Any) -> Float:
    """Mel power by torchaudio, shape (frames, bands)."""
    transform = torchaudio.transforms.MelSpectrogram(
        SAMPLE_RATE_HZ,
        settings.n_fft,
        round(settings.window_ms * 16),
        round(settings.hop_ms * 16),
        settings.fmin_hz,
        settings.fmax_hz,
        n_mels=settings.n_mels,
        pad_mode="constant",
        norm="slaney",
        mel_scale="slaney",
    )
    return transform(torch.from_numpy(samples).double().float()).T.double().numpy()


def reference_log_mel(samples: Float, settings: Any) -> Float:
    decibels = 10 * np.log10(reference_mel(samples, settings) + 1e-10)
    return np.maximum(decibels, decibels.max() - settings.top_db) * np.log(10) / 10


def slopes(contour: Float, degree: int) -> Float:
    """The highest derivative of a polynomial fitted to nine frames about each, shape (frames,)."""
    places = np.arange(-4, 5)
    fits = [
        np.polyfit(places, contour[at - 4 : at + 5], degree)[0] for at in range(4, len(contour) - 4)
    ]
    return np.array(fits) * (1, 2)[degree - 1]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"window_ms": 25.0, "hop_ms": 10.0, "n_fft": 512, "n_mels": 40},
        {"fmin_hz": 0.0, "fmax_hz": 4000.0, "top_db": 40.0},
        {"window_ms": 32.0, "n_fft": 2048, "n_mels": 80},
    ],
)
def test_log_mel_is_what_another_computes(spoken: list[Float], changes: dict[str, Any]) -> None:
    settings, front_end = chosen("log_mel", changes)[1], built("log_mel", changes)
    for samples in spoken:
        values, expected = front_end(samples), reference_log_mel(samples, settings)
        assert values.shape == expected.shape
        assert np.abs(values - expected).max() < 2e-3


def test_mfcc_is_the_cosine_transform_and_its_slopes(spoken: list[Float]) -> None:
    settings, front_end = chosen("mfcc")[1], built("mfcc")
    number = np.arange(settings.n_mels)
    basis = np.cos(np.pi / settings.n_mels * np.outer(np.arange(settings.n_mfcc), number + 0.5))
    basis *= np.where(np.arange(settings.n_mfcc) == 0, 1, np.sqrt(2))[:, None]
    for samples in spoken:
        values = front_end(samples)
        expected = reference_log_mel(samples, settings) @ basis.T / np.sqrt(settings.n_mels)
        assert values.shape == (len(expected), 3 * settings.n_mfcc)
        cepstra, first, second = np.split(values, 3, axis=1)
        # a sum over all bands may add up the errors of each
        assert np.abs(cepstra - expected).max() < 2e-2
        for column in (0, 7, 19):
            for degree, deltas in ((1, first), (2, second)):
                fitted = slopes(cepstra[:, column].astype(np.float64), degree)
                assert np.abs(deltas[4:-4, column] - fitted).max() < 1e-3


def test_mean_mfcc_is_what_another_computes(spoken: list[Float]) -> None:
    settings, front_end = chosen("mean_mfcc")[1], built("mean_mfcc")
    # librosa's own values where nothing is said
    mel = {
        "n_fft": 2048,
        "hop_length": 512,
        "f_min": 0.0,
        "n_mels": 128,
        "norm": "slaney",
        "mel_scale": "slaney",
        "pad_mode": "constant",
    }
    reference = torchaudio.transforms.MFCC(SAMPLE_RATE_HZ, settings.n_mfcc, melkwargs=mel)
    for samples in spoken:
        values = front_end(samples)
        expected = reference(torch.from_numpy(samples)).mean(1).numpy()
        assert values.shape == (1, settings.n_mfcc)
        assert np.abs(values[0] - expected).max() < 2e-2


def test_pcen_follows_each_band_by_its_own_level(spoken: list[Float]) -> None:
    settings, front_end = chosen("pcen")[1], built("pcen")
    steps = 0.4 * 1000 / settings.hop_ms
    share = (np.sqrt(1 + 4 * steps**2) - 1) / (2 * steps**2)
    for samples in spoken:
        power = reference_mel(samples, settings) * 2**31
        level, expected = np.ones(settings.n_mels), []
        for row in power:
            level = (1 - share) * level + share * row
            expected.append((row / (1e-6 + level) ** 0.98 + 2) ** 0.5 - 2**0.5)
        values = front_end(samples)
        assert values.shape == power.shape
        assert np.abs(values - np.array(expected)).max() < 2e-3


# Any clip


def test_clips_of_any_length_and_silence_have_finite_features() -> None:
    for name in FRONT_ENDS:
        settings, own = chosen(name)
        front_end = build_front_end(settings, own)
        hop = {"waveform": 1, "mean_mfcc": 10**9}.get(name, 320)
        for length in (1, 100, 700, 1_600, 2_600):
            values = front_end(tone(440.0, 0.5)[1 : 1 + length])
            steps = length if name == "waveform" else 1 + length // hop
            assert len(values) == steps, f"{name} of {length} samples"
            assert np.isfinite(values).all(), f"{name} of {length} samples"
        silence = extract_with(np.zeros(4_000, dtype=np.int16), front_end, settings)
        assert np.isfinite(silence).all(), f"{name} of silence"


@given(samples=hnp.arrays(np.int16, st.integers(1, 500)))
def test_the_waveform_passes_through_exactly(samples: Int16) -> None:
    full = np.concatenate([samples, np.array([-32_768, 32_767, -1, 0, 1], dtype=np.int16)])
    values = extract(full, "waveform", trim_db=None)
    assert values.dtype == np.int16
    assert np.array_equal(values, full[:, np.newaxis])


def test_silence_is_cut_but_for_a_margin() -> None:
    samples = np.zeros(32_000, dtype=np.int16)
    samples[9_600:16_000] = 8_000
    values = extract(samples, "waveform", trim_db=30.0, trim_margin_ms=50.0)[:, 0]
    assert len(values) == 800 + 6_400 + 800
    assert not values[:800].any()
    assert not values[-800:].any()
    assert (values[800:-800] == 8_000).all()


def test_features_are_stored_in_half_precision() -> None:
    for name in SPECTRAL:
        values = extract(random_clip(0), name)
        assert values.dtype == np.float16
        assert np.isfinite(values).all(), f"half precision overflowed in {name}"


# Layouts


def layout_of(front_end: str, changes: dict[str, Any] | None = None, width: int = 7) -> Layout:
    settings: tuple[Features, FrontEndSettings] = chosen(front_end, changes)
    return describe_layout(*settings, width)


def test_the_layout_says_what_a_row_is() -> None:
    assert layout_of("log_mel") == Layout("log_mel", 7, 50.0, neighbours=True)
    assert layout_of("log_mel", {"hop_ms": 10.0}).rows_per_second == 100.0
    assert layout_of("pcen") == Layout("pcen", 7, 50.0, neighbours=True)
    assert layout_of("mfcc") == Layout("mfcc", 7, 50.0, neighbours=False)
    assert layout_of("mean_mfcc") == Layout("mean_mfcc", 7, 0.0, neighbours=False)
    # the filterbank that is to be learned decides, not the one number of a sample
    learned = Layout("waveform", 128, 16_000.0, neighbours=True, window_ms=64.0, hop_ms=20.0)
    assert layout_of("waveform") == learned
    assert learned.waveform
    for name, layers in ENCODER_LAYERS.items():
        layout = layout_of("encoder", {"name": name, "frame_ms": 40.0}, layers * 8)
        assert layout == Layout("encoder", layers * 8, 25.0, neighbours=False, layers=layers)
        assert not layout.waveform


# A corpus


def augmentation(*effects: str) -> Augmentation:
    changes = {f"augmentation.{name}.enabled": True for name in effects}
    found: Augmentation = make_values(changes).section("augmentation", Augmentation)
    return found


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path, Path]:
    """A corpus with two kinds of copies: its manifest and the folders of clips and of copies."""
    folder = tmp_path_factory.mktemp("corpus")
    manifest = write_clips(make_manifest(speakers=2, clips_each=1), folder / "clips")
    files = files_of(manifest, folder / "clips")
    augment_corpus(files, folder / "augmented", augmentation("noise", "speed"))
    return manifest, folder / "clips", folder / "augmented"


@pytest.mark.parametrize("front_end", ["log_mel", "waveform"])
def test_the_index_says_where_features_of_clips_and_copies_lie(
    corpus: tuple[Any, Path, Path], tmp_path: Path, front_end: str
) -> None:
    manifest, folder, augmented = corpus
    settings, own = chosen(front_end)
    featurize_corpus(files_of(manifest, folder), augmented, tmp_path / "out", settings, own)
    index, copies = read_index(tmp_path / "out"), read_copies(augmented)
    pack = Pack(tmp_path / "out" / PACK)
    assert index["item"].is_unique
    assert sorted(index["item"]) == sorted([*manifest["clip"], *copies["copy"]])
    assert len(pack) == index["length"].sum()
    layout = read_layout(tmp_path / "out")
    assert layout == describe_layout(settings, own, 128 if front_end == "log_mel" else 1)
    sources = copies.set_index("copy")
    for row in index.itertuples():
        if row.effect:
            copy = sources.loc[row.item]
            assert copy["clip"] == row.clip, f"{row.item} lost its source"
            samples = Pack(pack_path(augmented, row.effect)).rows(copy["start"], copy["length"])
        else:
            assert row.item == row.clip
            samples = read_canonical(clip_path(folder, row.clip))
        expected = extract(samples, front_end)
        assert np.array_equal(pack.rows(row.start, row.length), expected), row.item


def test_features_do_not_depend_on_the_number_of_processes(
    corpus: tuple[Any, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for workers in ("1", "2"):
        monkeypatch.setenv(VARIABLE, workers)
        featurize_corpus(files_of(*corpus[:2]), corpus[2], tmp_path / workers, *chosen("log_mel"))
    for name in (INDEX, PACK, LAYOUT):
        one, two = (tmp_path / workers / name for workers in ("1", "2"))
        assert one.read_bytes() == two.read_bytes(), name


def test_copies_of_unknown_clips_are_refused(
    corpus: tuple[Any, Path, Path], tmp_path: Path, refused: Refused
) -> None:
    manifest, folder, augmented = corpus
    with refused("+noise is a copy of no clip", "dvc repro"):
        files = files_of(manifest[1:], folder)
        featurize_corpus(files, augmented, tmp_path / "out", *chosen("log_mel"))


def test_an_unreadable_clip_leaves_no_features(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    manifest = write_clips(make_manifest(speakers=1, clips_each=1), folder)
    files = files_of(manifest, folder)
    augment_corpus(files, tmp_path / "augmented", augmentation())
    clip_path(folder, manifest["clip"][1]).write_bytes(b"no sound")
    out = tmp_path / "out"
    with pytest.raises(SerError, match="no audio"):
        featurize_corpus(files, tmp_path / "augmented", out, *chosen("log_mel"))
    assert not out.exists()
