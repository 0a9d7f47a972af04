"""Functionals: finite for every clip, told apart by name, and stable on disk."""

import re
import sys
import warnings
from collections import Counter
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.linalg
from scipy import stats

from ser.clips.audio import SAMPLE_RATE_HZ, Float32, Int16, write_wav
from ser.clips.manifest import clip_path
from ser.core.workers import VARIABLE
from ser.features.front_ends import LogMel, Mfcc
from ser.features.functionals import (
    EGEMAPS_LICENCE,
    SETTINGS,
    _percentiles,
    _statistics,
    at_speed,
    describe,
    write_functionals,
)
from ser.features.settings import FunctionalsSettings
from ser.store.functionals import CLIPS, COPIES, NAMES, PACK, Functionals
from tests.builders import files_of, make_manifest, random_clip, tone, write_clips
from tests.conftest import Refused

OWN = FunctionalsSettings(kind="own", speeds=[0.9, 1.1])
EGEMAPS = FunctionalsSettings(kind="egemaps", speeds=[])
Corpus = tuple[pd.DataFrame, Path]


@pytest.fixture(scope="module")
def spectra() -> Mfcc:
    return Mfcc(LogMel.build(SETTINGS), SETTINGS.n_mfcc)


def loud(samples: Float32, gain_db: float) -> Int16:
    return np.rint(samples * 10 ** (gain_db / 20)).astype(np.int16)


def test_there_are_about_a_thousand_and_more_covariances(spectra: Mfcc) -> None:
    values = describe(random_clip(0), spectra)
    groups = Counter(name.partition(".")[0] for name in values)
    assert groups["covariance"] == 48 * 49 // 2 + 32 * 33 // 2
    assert 800 <= len(values) - groups["covariance"] <= 1500
    assert {"duration", "loudness", "log_mel", "mfcc", "spectrum", "pitch"} <= set(groups)


@pytest.mark.parametrize(("prefix", "size"), [("covariance.", 48), ("covariance.slow.", 32)])
def test_covariances_are_the_logarithm_of_a_covariance_matrix(
    spectra: Mfcc, prefix: str, size: int
) -> None:
    values = describe(random_clip(3, 1.0), spectra)
    logarithm = np.zeros((size, size))
    for row, column in zip(*np.triu_indices(size), strict=True):
        value = values[f"{prefix}{row}.{column}"]
        logarithm[row, column] = logarithm[column, row] = value
    off_diagonal = ~np.eye(size, dtype=bool)
    logarithm[off_diagonal] /= np.sqrt(2)
    covariance = scipy.linalg.expm(logarithm)
    assert np.allclose(covariance, covariance.T)
    # never below what is added to the diagonal
    assert np.linalg.eigvalsh(covariance).min() > 0.049


def test_covariances_do_not_hear_how_loud_a_clip_is(spectra: Mfcc) -> None:
    clip = random_clip(4, 1.0)
    loud, soft = (describe(samples, spectra) for samples in (clip, clip // 4))
    names = [name for name in loud if name.startswith("covariance.")]
    change = np.abs([loud[name] - soft[name] for name in names])
    assert np.median(change) < 0.05, np.median(change)


def test_clips_of_any_length_have_the_same_finite_functionals(spectra: Mfcc) -> None:
    names = list(describe(random_clip(1, 1.0), spectra))
    for seconds in (0.05, 0.1, 0.3, 1.0, 5.0):
        values = describe(random_clip(2, seconds), spectra)
        assert list(values) == names, "every clip must have the same functionals in one order"
        assert np.isfinite(list(values.values())).all(), f"not a number at {seconds} s"


def test_odd_clips_have_finite_functionals(spectra: Mfcc) -> None:
    silence, click = np.zeros(8000, dtype=np.int16), np.zeros(8000, dtype=np.int16)
    click[4000] = 20_000
    for kind, samples in {"silence": silence, "constant": silence + 500, "click": click}.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            values = describe(samples.astype(np.int16), spectra)
        bad = [name for name, value in values.items() if not np.isfinite(value)]
        assert not bad, f"not finite for {kind}: {bad[:3]}"


def test_duration_tells_clip_from_speech(spectra: Mfcc) -> None:
    voice = (tone(300, 1.0) * 32_000).astype(np.int16)
    samples = np.concatenate([np.zeros(8000, np.int16), voice, np.zeros(4000, np.int16)])
    values = describe(samples, spectra)
    assert values["duration.clip_s"] == pytest.approx(1.75)
    assert values["duration.speech_s"] == pytest.approx(1.0, abs=0.05)
    assert values["duration.before_s"] == pytest.approx(0.5, abs=0.03)
    assert values["duration.after_s"] == pytest.approx(0.25, abs=0.03)


def test_loudness_is_in_db_of_full_scale(spectra: Mfcc) -> None:
    voice = tone(300, 1.0) * 32_767
    soft, full = (describe(loud(voice, gain), spectra) for gain in (-12.0, 0.0))
    assert full["loudness.0.mean"] == pytest.approx(20 * np.log10(0.3 / np.sqrt(2)), abs=0.2)
    assert full["loudness.0.mean"] - soft["loudness.0.mean"] == pytest.approx(12.0, abs=0.1)
    assert full["loudness.peak"] - soft["loudness.peak"] == pytest.approx(12.0, abs=0.1)


def test_loudness_slope_rises_with_a_rising_tone(spectra: Mfcc) -> None:
    voice = tone(300, 1.0) * 32_767
    ramp = 10 ** (np.linspace(-20, 0, len(voice)) / 20)
    values = describe(np.rint(voice * ramp).astype(np.int16), spectra)
    assert values["loudness.slope"] == pytest.approx(20.0, abs=1.5)


def test_moments_are_those_of_scipy(spectra: Mfcc) -> None:
    contour = np.random.default_rng(0).gamma(2.0, size=(50, 2)).astype(np.float32)
    values = _statistics("x", contour)
    for column in range(2):
        for name, moment in (("skewness", stats.skew), ("kurtosis", stats.kurtosis)):
            assert values[f"x.{column}.{name}"] == pytest.approx(moment(contour[:, column]), 1e-5)


def test_pitch_is_that_of_a_voice(spectra: Mfcc) -> None:
    times = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    for hertz in (80.0, 125.0, 200.0, 400.0):
        # harmonics as strong as each other: the octave is a temptation
        voice = sum(np.sin(2 * np.pi * hertz * k * times) for k in range(1, 6))
        values = describe((3000 * voice).astype(np.int16), spectra)
        assert values["pitch.0.p50"] == pytest.approx(12 * np.log2(hertz / 100), abs=0.5)
        assert values["periodicity.voiced"] > 0.95
        assert values["periodicity.0.p50"] > 0.95, "a steady voice is periodic at any pitch"
        assert abs(values["pitch.slope"]) < 0.5


def test_pitch_that_rises_has_a_slope(spectra: Mfcc) -> None:
    octaves = np.linspace(0, 1, SAMPLE_RATE_HZ)
    voice = np.sin(2 * np.pi * np.cumsum(120.0 * 2**octaves) / SAMPLE_RATE_HZ)
    values = describe((9000 * voice).astype(np.int16), spectra)
    assert values["pitch.slope"] == pytest.approx(12.0, abs=1.5), "one octave is 12 semitones"


def test_noise_has_little_pitch(spectra: Mfcc) -> None:
    noise = (3000 * np.random.default_rng(0).standard_normal(16_000)).astype(np.int16)
    assert describe(noise, spectra)["periodicity.voiced"] < 0.2


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A corpus of few clips, which a test must not change."""
    folder = tmp_path_factory.mktemp("corpora") / "synthetic_a"
    return write_clips(make_manifest(speakers=2), folder), folder


def test_they_come_back_by_clip_and_name_from_any_number_of_processes(
    corpus: Corpus, tmp_path: Path, spectra: Mfcc, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, folder = corpus
    for workers in ("1", "2"):
        monkeypatch.setenv(VARIABLE, workers)
        write_functionals(files_of(manifest, folder), tmp_path / workers, OWN)
    for name in (PACK, COPIES, CLIPS, NAMES):
        one, two = ((tmp_path / workers / name).read_bytes() for workers in ("1", "2"))
        assert one == two, name
    table = Functionals(tmp_path / "1").table()
    assert table.index.tolist() == manifest["clip"].tolist()
    samples = random_clip(3, 0.4 + 0.02 * 3)
    for name, value in describe(samples, spectra).items():
        assert table.loc[manifest["clip"][3], name] == pytest.approx(value, rel=1e-5, abs=1e-5)
    functionals = Functionals(tmp_path / "1")
    copies = functionals.rows(functionals.clips, copies=True)
    assert len(copies) == 2 * len(manifest)
    for row, speed in enumerate(OWN.speeds):
        copy, expected = copies[6 + row], describe(at_speed(samples, speed), spectra)
        assert np.allclose(copy, list(expected.values()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_a_faster_copy_is_shorter_and_higher(speed: float, spectra: Mfcc) -> None:
    plain = loud(32767 * tone(200.0, 1.0), 0.0)
    copy = at_speed(plain, speed)
    assert len(copy) == pytest.approx(len(plain) / speed, abs=2)
    found = describe(copy, spectra)["pitch.0.mean"] - describe(plain, spectra)["pitch.0.mean"]
    assert found == pytest.approx(12 * np.log2(speed), abs=0.3)
    assert np.abs(copy).max() == pytest.approx(np.abs(plain).max(), rel=0.1)


@pytest.mark.parametrize("frames", [1, 2, 7, 300])
def test_percentiles_are_numpys(frames: int) -> None:
    contour = np.random.default_rng(0).standard_normal((frames, 5)).astype(np.float32)
    expected = np.percentile(contour.astype(np.float64), (5, 25, 50, 75, 95), axis=0)
    assert np.allclose(_percentiles(contour), expected)


def test_clips_other_than_those_of_the_manifest_are_refused(
    tmp_path: Path, refused: Refused
) -> None:
    manifest = write_clips(make_manifest(speakers=1), tmp_path / "corpus")
    path = clip_path(tmp_path / "corpus", manifest["clip"][2])
    write_wav(path, random_clip(77))
    with refused(str(path), "manifest", "dvc repro"):
        write_functionals(files_of(manifest, path.parents[2]), tmp_path / "out", OWN)
    assert not (tmp_path / "out").exists()


def test_opensmile_is_asked_for_in_a_sentence(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with refused("pip install -r requirements-opensmile.in", "params.yaml"):
        write_functionals(files_of(*corpus), tmp_path / "out", EGEMAPS)
    assert not (tmp_path / "out").exists()


class FakeSmile:
    """Gives the two numbers that a test can foretell."""

    def __init__(self, feature_set: str, feature_level: str) -> None:
        assert (feature_set, feature_level) == ("gemaps", "functionals")

    def process_signal(self, signal: Float32, rate: int) -> pd.DataFrame:
        assert rate == SAMPLE_RATE_HZ
        assert np.abs(signal).max() <= 1.0
        return pd.DataFrame({"length": [len(signal)], "peak": [float(np.abs(signal).max())]})


def test_egemaps_stand_beside_duration_and_loudness(
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake = ModuleType("opensmile")
    fake.Smile = FakeSmile
    fake.FeatureSet = SimpleNamespace(eGeMAPSv02="gemaps")
    fake.FeatureLevel = SimpleNamespace(Functionals="functionals")
    monkeypatch.setitem(sys.modules, "opensmile", fake)
    write_functionals(files_of(*corpus), tmp_path / "out", EGEMAPS)
    assert "audEERING Research License Agreement" in capsys.readouterr().out, (
        "terms must be printed"
    )
    table = Functionals(tmp_path / "out").table()
    groups = {name.partition(".")[0] for name in table.columns}
    assert groups == {"duration", "loudness", "loudness_change", "egemaps"}
    lengths = (table["duration.clip_s"] * SAMPLE_RATE_HZ).round()
    assert (table["egemaps.length"] == lengths).all()


def test_real_egemaps_are_88_finite_numbers(corpus: Corpus, tmp_path: Path) -> None:
    pytest.importorskip("opensmile")
    manifest, folder = corpus
    write_functionals(files_of(manifest, folder), tmp_path / "out", EGEMAPS)
    table = Functionals(tmp_path / "out").table()
    own = [name for name in table.columns if name.startswith("egemaps.")]
    assert len(own) == 88
    assert np.isfinite(table[own]).all().all()


def test_the_terms_are_quoted_as_the_package_gives_them() -> None:
    pytest.importorskip("opensmile")
    files = metadata.distribution("opensmile").files or []
    licence = next(file for file in files if file.name == "LICENSE")
    words = " ".join(licence.read_text().split())
    assert "audEERING Research License Agreement" in words
    (quotation,) = re.findall(r'"([^"]+)"', EGEMAPS_LICENCE)
    assert quotation in words, "not the package's own words"
