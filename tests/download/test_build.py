"""From source files to canonical clips: complete and unaltered, or nothing."""

import errno
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pytest
import soundfile as sf

from ser.clips.audio import SAMPLE_RATE_HZ, Int16, pcm_sha256, read_canonical, read_sound, write_wav
from ser.clips.manifest import (
    COLUMNS,
    DECISIONS,
    MANIFEST,
    ClipName,
    Expected,
    clip_path,
    read_decisions,
    read_manifest,
)
from ser.core.workers import VARIABLE
from ser.corpora import find_corpus
from ser.download import build, source
from ser.download.build import build_corpus
from ser.download.corpus import Archive, Corpus
from ser.download.source import MIRROR_VARIABLE
from tests.builders import built_manifest
from tests.conftest import Refused, case

RealCorpus = Callable[[str], tuple[Path, pd.DataFrame]]

GENDERS = {"f1": "female", "m1": "male"}
EMOTIONS = ("happy", "sad")
# as in RAVDESS: most clips at 48 kHz, some with two identical channels; one is canonical already
FORMS = {"f1/happy": (48_000, 1), "f1/sad": (48_000, 2), "m1/happy": (16_000, 1)}
NAMES = tuple(f"{speaker}/{emotion}" for speaker in GENDERS for emotion in EMOTIONS)
# what a built corpus consists of
FILES = {f"clips/{name}.wav" for name in NAMES} | {MANIFEST, DECISIONS}


def parse(path: PurePosixPath) -> ClipName:
    speaker, emotion = path.parent.name, path.stem
    if speaker not in GENDERS or emotion not in EMOTIONS:
        raise ValueError("clips are named speaker/emotion")
    return ClipName(f"{speaker}/{emotion}", speaker, GENDERS[speaker], emotion, "", "s1", "1")


TOY = Corpus(
    name="toy",
    title="Toy corpus",
    language="tt",
    licence="none",
    citation="nobody (2000)",
    expected=Expected(n_clips=4, emotions={"happy": 2, "sad": 2}, genders=GENDERS),
    parse=parse,
    archives=(Archive("http://publisher.example/toy.zip", "toy.zip", by_hand=True),),
    checksums_of="source",
)


def write_clip(folder: Path, name: str, ending: str, flip: int = 0) -> Int16:
    """Write one clip of the toy corpus; `flip` alters the first sample."""
    rate_hz, channels = FORMS.get(name, (44_100, 1))
    rng = np.random.default_rng(NAMES.index(name))
    samples = rng.normal(0, 2000, (rate_hz // 10, 1)).astype(np.int16).repeat(channels, axis=1)
    samples[0] ^= flip
    path = folder / f"{name}.{ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, samples, rate_hz, subtype="PCM_16")
    return samples


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def source_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy corpus in a mirror, its checksums taken as it was published."""
    folder = tmp_path / "mirror" / "toy"
    sums = {f"toy/{name}": pcm_sha256(write_clip(folder, name, "flac")) for name in NAMES}
    monkeypatch.setenv(MIRROR_VARIABLE, str(folder.parent))
    monkeypatch.setattr(build, "load_checksums", lambda corpus: sums)
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "data" / "toy"


def test_clips_are_canonical_and_the_manifest_tells_of_them(source_folder: Path, out: Path) -> None:
    manifest = built_manifest(TOY, out)
    assert manifest["clip"].is_monotonic_increasing
    assert list(manifest.columns) == list(COLUMNS)
    assert sorted(manifest["clip"]) == sorted(f"toy/{name}" for name in NAMES)
    for row in manifest.itertuples():
        samples = read_canonical(clip_path(out, row.clip))
        name = str(row.clip).removeprefix("toy/")
        expected = read_sound(source_folder / f"{name}.flac").samples
        np.testing.assert_array_equal(samples, expected, err_msg=str(row.clip))
        assert row.pcm_sha256 == pcm_sha256(samples)
        assert row.duration_s == len(samples) / SAMPLE_RATE_HZ
        assert (row.speaker, row.emotion) == tuple(name.split("/"))
        assert (row.corpus, row.language, row.gender) == ("toy", "tt", GENDERS[str(row.speaker)])
    assert set(tree(out)) == FILES
    assert read_decisions(out / DECISIONS).empty
    assert [path.name for path in out.parent.iterdir()] == ["toy"], "something is left beside"


def test_a_canonical_source_is_kept_sample_by_sample(source_folder: Path, out: Path) -> None:
    build_corpus(TOY, out)
    published, _ = sf.read(source_folder / "m1/happy.flac", dtype="int16", always_2d=True)
    built = read_canonical(out / "clips/m1/happy.wav")
    assert built.tobytes() == published[:, 0].tobytes()


def test_any_number_of_processes_gives_the_same_bytes(
    source_folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_corpus(TOY, out)
    first = tree(out)
    monkeypatch.setenv(VARIABLE, "2")
    build_corpus(TOY, out)
    assert tree(out) == first


def test_mirror_and_archive_give_the_same_bytes(
    source_folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    build_corpus(TOY, out)
    from_mirror = tree(out)
    monkeypatch.setenv(MIRROR_VARIABLE, str(empty_folder(tmp_path)))
    monkeypatch.setattr(source, "ARCHIVE_FOLDER", tmp_path)
    with zipfile.ZipFile(tmp_path / "toy.zip", "w") as archive:
        for name in reversed(NAMES):
            write_clip(tmp_path / "wavs", name, "wav")
            archive.write(tmp_path / "wavs" / f"{name}.wav", f"Toy/{name}.wav")
    build_corpus(TOY, out)
    assert tree(out) == from_mirror


def empty_folder(tmp_path: Path) -> Path:
    """A mirror that has no corpus."""
    folder = tmp_path / "no-mirror"
    folder.mkdir()
    return folder


def test_what_is_missing_or_altered_is_noticed(
    source_folder: Path, out: Path, refused: Refused
) -> None:
    for name in NAMES:
        path = source_folder / f"{name}.flac"
        whole = path.read_bytes()
        path.unlink()
        with refused("toy", "3 clips found", "4 expected"):
            build_corpus(TOY, out)
        write_clip(source_folder, name, "flac", flip=1)
        with refused("Toy corpus", path.name, "not the published ones"):
            build_corpus(TOY, out)
        path.write_bytes(whole)
    for name in NAMES:
        (source_folder / f"{name}.flac").unlink()
    with refused("Toy corpus", "no file of sound"):
        build_corpus(TOY, out)
    assert not out.exists()


def test_checksums_of_the_canonical_form_are_compared_with_it(
    source_folder: Path, out: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = built_manifest(TOY, out)
    sums = dict(zip(manifest["clip"], manifest["pcm_sha256"], strict=True))
    corpus = replace(TOY, checksums_of="canonical")
    with refused("not the published ones"):
        build_corpus(corpus, out)
    monkeypatch.setattr(build, "load_checksums", lambda corpus: sums)
    build_corpus(corpus, out)
    with refused("not the published ones"):
        build_corpus(TOY, out)


def test_a_clip_without_a_checksum_is_not_taken_on_trust(
    source_folder: Path, out: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "load_checksums", lambda corpus: {})
    with refused("not the published ones"):
        build_corpus(TOY, out)
    build_corpus(replace(TOY, checksums_of=None), out)


def test_two_files_of_one_clip_are_noticed(
    source_folder: Path, out: Path, refused: Refused
) -> None:
    write_clip(source_folder / "again", "m1/sad", "wav")
    # both are named, as it may be a second copy of the corpus that is in the way
    both = (str(source_folder / "again/m1/sad.wav"), str(source_folder / "m1/sad.flac"))
    with refused("Toy corpus", "one clip by their names", *both):
        build_corpus(TOY, out)


def test_a_misnamed_file_is_named(source_folder: Path, out: Path, refused: Refused) -> None:
    (source_folder / "m1" / "sad (1).wav").write_bytes(b"")
    says = ("m1/sad (1).wav", "clips are named speaker/emotion", "ser/corpora/toy.py")
    with refused("Toy corpus", *says):
        build_corpus(TOY, out)


def test_all_that_names_tell_is_checked_before_any_sound_is_read(
    source_folder: Path, out: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "read_sound", lambda path: pytest.fail(f"{path} is read"))

    def parse_as(**changes: str) -> Callable[[PurePosixPath], ClipName]:
        return lambda path: replace(parse(path), **changes)

    with refused("toy", "emotion 'joyful'", "not one of"):
        build_corpus(replace(TOY, parse=parse_as(emotion="joyful")), out)
    with refused("toy", "gender 'm'", "not one of"):
        build_corpus(replace(TOY, parse=parse_as(gender="m")), out)
    with refused("toy", "speakers are missing (f1, m1)"):
        build_corpus(replace(TOY, parse=parse_as(speaker="x9")), out)
    with refused("toy", "4 clips found, 5 expected"):
        build_corpus(replace(TOY, expected=replace(TOY.expected, n_clips=5)), out)
    with refused("defect in toy/m1/calm", "ser/corpora/toy.py"):
        build_corpus(replace(TOY, defects={"m1/calm": "silent"}), out)


def test_clips_with_known_defects_are_left_out_and_counted(
    source_folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_wav(source_folder / "m1/sad.wav", np.zeros(1600, np.int16))  # published, and silent
    (source_folder / "m1/sad.flac").unlink()
    manifest = built_manifest(replace(TOY, defects={"m1/sad": "silent"}), out)
    assert sorted(manifest["clip"]) == [f"toy/{name}" for name in sorted(NAMES) if name != "m1/sad"]
    assert "1 clips with known defects are left out" in capsys.readouterr().out


def test_pairs_that_only_look_the_same_are_kept_for_the_split(
    source_folder: Path, out: Path
) -> None:
    reasons = {("m1/happy", "m1/sad"): "the same hum"}
    build_corpus(replace(TOY, not_the_same=reasons), out)
    rows = read_decisions(out / DECISIONS).values.tolist()
    assert rows == [["toy/m1/happy", "toy/m1/sad", "the same hum"]]


def test_clips_beyond_full_scale_are_told_of(
    source_folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signal = np.full(4410, 0.5)
    signal[7] = 1.5
    (source_folder / "m1/sad.flac").unlink()
    sf.write(source_folder / "m1/sad.wav", signal, 44_100, subtype="FLOAT")
    build_corpus(replace(TOY, checksums_of=None), out)
    assert "1 clips went beyond full scale" in capsys.readouterr().out


def test_files_that_are_no_clips_are_passed_over(source_folder: Path, out: Path) -> None:
    sf.write(source_folder / "tuning.wav", np.ones(100, np.int16), 16_000)
    corpus = replace(TOY, parse=lambda path: None if path.stem == "tuning" else parse(path))
    assert len(built_manifest(corpus, out)) == len(NAMES)


BROKEN: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "not readable as audio"),
    "text": (lambda path: path.write_bytes(b"no audio" * 100), "not readable as audio"),
    "no samples": (lambda path: sf.write(path, np.zeros(0, np.int16), 48_000), "too short"),
    "silent": (lambda path: sf.write(path, np.zeros(4800, np.int16), 48_000), "silent"),
    "cut short": (lambda path: path.write_bytes(path.read_bytes()[:-99]), "truncated"),
    "another": (lambda path: sf.write(path, np.ones(4800, np.int16), 48_000), "not the published"),
}


def test_a_broken_clip_is_named_and_the_old_output_stays(
    source_folder: Path, out: Path, refused: Refused
) -> None:
    (source_folder / "m1/sad.flac").unlink()
    write_clip(source_folder, "m1/sad", "wav")
    build_corpus(TOY, out)
    before = tree(out.parent)
    for what, (spoil, words) in BROKEN.items():
        write_clip(source_folder, "m1/sad", "wav")
        spoil(source_folder / "m1/sad.wav")
        with case(what), refused("sad.wav", words):
            build_corpus(TOY, out)
        assert tree(out.parent) == before


@pytest.mark.parametrize(
    "failure",
    [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("broken"), KeyboardInterrupt()],
    ids=repr,
)
@pytest.mark.parametrize("function", ["write_wav", "write_rows"])
def test_a_failure_half_way_leaves_the_old_output_and_nothing_else(
    source_folder: Path,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
    function: str,
) -> None:
    build_corpus(TOY, out)
    before, write = tree(out.parent), getattr(build, function)

    def fail_on_the_third(path: Path, *content: object) -> None:
        if path.name == MANIFEST or path.match("m1/happy.wav"):
            path.write_bytes(b"half")
            raise failure
        write(path, *content)

    monkeypatch.setattr(build, function, fail_on_the_third)
    with pytest.raises(type(failure)):
        build_corpus(TOY, out)
    assert tree(out.parent) == before
    assert [path.name for path in out.parent.iterdir()] == ["toy"], "partial folders are left"


def test_leftovers_of_a_killed_run_are_cleared(source_folder: Path, out: Path) -> None:
    for leftover in (".toy.partial", ".toy-source.partial"):
        (out.parent / leftover / "clips").mkdir(parents=True)
        (out.parent / leftover / "clips" / "stale.wav").write_bytes(b"stale")
    corpus = replace(
        TOY, generate=lambda folder: [write_clip(folder, name, "wav") for name in NAMES] and None
    )
    build_corpus(corpus, out)
    assert set(tree(out.parent)) == {f"toy/{name}" for name in FILES}


def test_clips_of_two_corpora_have_two_names(source_folder: Path, out: Path) -> None:
    (source_folder.parent / "other").symlink_to(source_folder)
    other = replace(TOY, name="other", checksums_of=None)
    clips = {*built_manifest(TOY, out)["clip"], *built_manifest(other, out)["clip"]}
    assert len(clips) == 2 * len(NAMES)


# Real corpora


@pytest.fixture(scope="session")
def mirror_table(mirror: Path) -> pd.DataFrame:
    path = mirror / "MANIFEST.tsv"
    if not path.is_file():
        pytest.skip("the mirror has no table of hashes")
    table = pd.read_csv(path, sep="\t")
    return table.assign(clip=table["path"].str.removesuffix(".flac")).set_index("clip")


@pytest.mark.real
@pytest.mark.parametrize(("name", "n_clips", "n_speakers"), [("emodb", 535, 10), ("emovo", 588, 6)])
def test_real_corpora_are_built_bit_exact(
    real_corpus: RealCorpus, mirror_table: pd.DataFrame, name: str, n_clips: int, n_speakers: int
) -> None:
    folder, manifest = real_corpus(name)
    assert len(manifest) == n_clips
    assert manifest["speaker"].nunique() == n_speakers
    assert manifest["emotion"].nunique() == 7
    assert len(list((folder / "clips").rglob("*.wav"))) == n_clips
    pd.testing.assert_frame_equal(
        read_manifest(folder / MANIFEST),
        manifest.sort_values("clip", ignore_index=True),
        check_exact=False,
        atol=1e-6,
    )
    # the mirror holds these two at 16 kHz in one channel: canonical is what it holds
    published = mirror_table.loc[manifest["clip"]]
    assert (published["sample_rate_hz"] == SAMPLE_RATE_HZ).all()
    assert manifest["pcm_sha256"].tolist() == published["pcm_sha256"].tolist()
    frames = (manifest["duration_s"] * SAMPLE_RATE_HZ).round().astype(int)
    assert frames.tolist() == published["frames"].tolist()


@pytest.mark.real
def test_real_clips_are_read_back_as_the_manifest_says(real_corpus: RealCorpus) -> None:
    folder, manifest = real_corpus("emodb")
    for row in manifest.iloc[::20].itertuples():
        assert pcm_sha256(read_canonical(clip_path(folder, row.clip))) == row.pcm_sha256


@pytest.mark.real
def test_real_checksums_are_those_of_the_mirror(mirror_table: pd.DataFrame) -> None:
    for name in ("ravdess", "emodb", "emovo"):
        for clip, digest in build.load_checksums(find_corpus(name)).items():
            assert mirror_table.loc[clip, "pcm_sha256"] == digest, clip


@pytest.mark.real
def test_emodb_from_an_archive_is_emodb_from_the_mirror(
    real_corpus: RealCorpus, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here its first speaker, by whom the folder of clips may be found in any archive."""
    folder, manifest = real_corpus("emodb")
    emodb = find_corpus("emodb")
    monkeypatch.setattr(source, "ARCHIVE_FOLDER", tmp_path)
    monkeypatch.setenv(MIRROR_VARIABLE, str(empty_folder(tmp_path)))
    with zipfile.ZipFile(tmp_path / emodb.archives[0].file_name, "w") as archive:
        archive.writestr("erkennung.txt", "as in the published archive")
        for path in sorted((mirror / "emodb" / "wav").glob("03*")):
            wav = tmp_path / "clip.wav"
            sf.write(wav, *sf.read(path, dtype="int16"), subtype="PCM_16")
            archive.write(wav, f"wav/{path.stem}.wav")
    own = manifest[manifest["speaker"] == "03"]
    part = replace(emodb.expected, n_clips=len(own), emotions={}, genders={"03": "male"})
    built = built_manifest(replace(emodb, expected=part), tmp_path / "emodb")
    assert built["pcm_sha256"].tolist() == own["pcm_sha256"].tolist()
    clips = {
        name: content for name, content in tree(folder).items() if name.startswith("clips/wav/03")
    }
    assert {
        name: content
        for name, content in tree(tmp_path / "emodb").items()
        if name.startswith("clips")
    } == clips
