"""The manifest: what is written is read back, and what breaks a rule is named."""

from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest

from ser.clips.listing import ClipFiles
from ser.clips.manifest import (
    COLUMNS,
    DECISIONS,
    MANIFEST,
    Expected,
    check_expected,
    check_rows,
    clip_path,
    read_decisions,
    read_for_folds,
    read_genders,
    read_manifest,
    read_manifest_parts,
    speaker_keys,
    write_decisions,
    write_manifest,
)
from tests.builders import traced
from tests.conftest import Refused

SPEAKERS = {"01": "male", "02": "female", "NA": "unknown"}
EXPECTED = Expected(n_clips=6, emotions={"happy": 3, "sad": 3}, genders=SPEAKERS)


def row(speaker: str, emotion: str) -> dict[str, object]:
    return {
        "clip": f"toy/{speaker}/{emotion}",
        "corpus": "toy",
        "language": "tt",
        "speaker": speaker,
        "gender": SPEAKERS.get(speaker, "male"),
        "emotion": emotion,
        "intensity": "",
        "sentence": "NA",
        "take": "01",
        "duration_s": 1.25,
        "pcm_sha256": "0" * 64,
    }


@pytest.fixture
def manifest() -> pd.DataFrame:
    rows = [row(speaker, emotion) for speaker in SPEAKERS for emotion in ("happy", "sad")]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path, manifest: pd.DataFrame) -> None:
    more = manifest.assign(take_group=manifest["clip"])
    write_manifest(tmp_path / MANIFEST, more)
    found = read_manifest(tmp_path / MANIFEST)
    # "01" stays text, "NA" a name, "" a text without letters; more columns are kept
    pd.testing.assert_frame_equal(found, more, check_dtype=False)
    assert found["speaker"].tolist() == ["01", "01", "02", "02", "NA", "NA"]
    write_manifest(tmp_path / "other.csv", more.sample(frac=1, random_state=3))
    assert (tmp_path / "other.csv").read_bytes() == (tmp_path / MANIFEST).read_bytes()


def test_a_manifest_that_is_missing_or_lacks_a_column_is_named(
    tmp_path: Path, manifest: pd.DataFrame, refused: Refused
) -> None:
    path = tmp_path / MANIFEST
    with refused("The manifest", str(path), "missing", "dvc repro"):
        read_manifest(path)
    for column in COLUMNS:
        manifest.drop(columns=column).to_csv(path, index=False)
        with refused("The manifest", str(path), f"lacks the columns {column}."):
            read_manifest(path)


def test_decisions_are_read_as_they_were_written(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / DECISIONS
    write_decisions(path, {})
    assert read_decisions(path).empty
    write_decisions(path, {("toy/b", "toy/c"): "a hum, nothing else", ("toy/a", "toy/b"): "NA"})
    rows = list(read_decisions(path).itertuples(index=False, name=None))
    assert rows == [("toy/a", "toy/b", "NA"), ("toy/b", "toy/c", "a hum, nothing else")]
    path.unlink()
    with refused("The list of pairs", "missing"):
        read_decisions(path)


def test_speakers_of_two_corpora_are_two_people(manifest: pd.DataFrame) -> None:
    both = pd.concat([manifest, manifest.assign(corpus="other")])
    assert speaker_keys(both).nunique() == 2 * len(SPEAKERS)
    assert speaker_keys(manifest).iloc[0] == "toy/01"


def test_a_clip_lies_below_its_corpus_folder_and_nowhere_else(refused: Refused) -> None:
    # a dot in a name is no ending
    found = clip_path(Path("built"), "toy/Actor_01/03-01.5")
    assert found == Path("built/clips/Actor_01/03-01.5.wav")
    for clip in ("toy/../other", "toy/a/../../b", "toy//etc/passwd", "toy/", "toy"):
        with refused(repr(clip), "built"):
            clip_path(Path("built"), clip)


def test_a_good_manifest_passes(manifest: pd.DataFrame) -> None:
    check_rows(manifest, "toy")
    check_expected(manifest, "toy", EXPECTED)


def test_a_clip_that_breaks_a_rule_is_named(manifest: pd.DataFrame, refused: Refused) -> None:
    with refused("toy", "toy/02/sad", "more than once"):
        check_rows(pd.concat([manifest, manifest.iloc[[3]]]), "toy")
    for column, label, allowed in (
        ("emotion", "So so", "small letters"),
        ("emotion", "", "small letters"),
        ("gender", "f", "female, male, unknown"),
    ):
        strange = manifest[column].mask(manifest.index == 2, label)
        with refused("toy/02/happy", column, repr(label), allowed):
            check_rows(manifest.assign(**{column: strange}), "toy")


def test_a_manifest_that_belies_itself_is_refused_when_it_is_read(
    tmp_path: Path, manifest: pd.DataFrame, refused: Refused
) -> None:
    path = tmp_path / MANIFEST
    for column, label in (("emotion", "Joy"), ("gender", "x"), ("speaker", ""), ("clip", "")):
        strange = manifest[column].mask(manifest.index == 2, label)
        write_manifest(path, manifest.assign(**{column: strange}))
        with refused(str(path)):
            read_manifest(path)
    write_manifest(path, pd.concat([manifest, manifest.iloc[[3]]]))
    with refused(str(path), "more than once"):
        read_manifest(path)
    write_manifest(path, manifest[:0])
    with refused(str(path), "lists no clip", "dvc repro"):
        read_manifest(path)


def test_a_manifest_is_read_in_parts_as_it_is_as_a_whole(
    tmp_path: Path,
    manifest: pd.DataFrame,
    refused: Refused,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ser.core.tables._ROWS", 3)
    path = tmp_path / MANIFEST
    write_manifest(path, manifest)
    parts = list(read_manifest_parts(path))
    assert {len(part) for part in parts[:-1]} == {3}
    pd.testing.assert_frame_equal(pd.concat(parts), read_manifest(path))
    rows = path.read_text().splitlines(keepends=True)
    for wrong in ([2, 1], [1, 2, 3, 1], [1, 2, 3, 3], [1, 2, 3, 4, 4]):
        path.write_text("".join(rows[number] for number in (0, *wrong)))
        with refused(str(path)):
            list(read_manifest_parts(path))
    write_manifest(path, manifest[:0])
    with refused(str(path), "lists no clip"):
        list(read_manifest_parts(path))
    assert not list(read_manifest_parts(path, may_be_empty=True))


def test_folds_are_made_by_what_the_manifest_tells(tmp_path: Path, manifest: pd.DataFrame) -> None:
    path = tmp_path / MANIFEST
    write_manifest(path, manifest.assign(pcm_sha256=list("abcabc")))
    found, whole = read_for_folds(path), read_manifest(path)
    texts = found.drop(columns="pcm_sha256").astype(str)
    pd.testing.assert_frame_equal(texts, whole[texts.columns])
    assert found["pcm_sha256"].dtype == "int64"
    assert pd.factorize(found["pcm_sha256"])[0].tolist() == [0, 1, 2, 0, 1, 2]


def test_files_of_many_clips_take_little_memory(tmp_path: Path, manifest: pd.DataFrame) -> None:
    clips = [f"toy/{number:020d}" for number in range(20_000)]
    hashes = [sha256(clip.encode()).hexdigest() for clip in clips]
    row = manifest.iloc[0].drop(["clip", "pcm_sha256"])
    write_manifest(tmp_path / MANIFEST, pd.DataFrame({"clip": clips, "pcm_sha256": hashes, **row}))
    files, held, _ = traced(lambda: ClipFiles.read(tmp_path))
    assert list(files.clips) == clips
    assert list(files.hashes) == hashes
    assert held / len(files) < 90, "bytes a clip; as a table of texts it is about 350"


def test_the_clips_of_all_genders_are_those_of_the_corpus(
    tmp_path: Path, manifest: pd.DataFrame, refused: Refused
) -> None:
    write_manifest(tmp_path / MANIFEST, manifest)
    for gender in ("female", "male", "unknown"):
        write_manifest(tmp_path / f"{gender}.csv", manifest[manifest["gender"] == gender])
    assert read_genders(tmp_path)["clip"].tolist() == sorted(manifest["clip"])
    assert list(ClipFiles.read_genders(tmp_path, tmp_path)) == list(ClipFiles.read(tmp_path))
    women = manifest[manifest["gender"] == "female"]
    for rows in (manifest[:0], women.assign(pcm_sha256="f" * 64)):
        write_manifest(tmp_path / "female.csv", rows)
        with refused("are not those of", "dvc repro"):
            ClipFiles.read_genders(tmp_path, tmp_path)
    write_manifest(tmp_path / "female.csv", women.assign(pcm_sha256="f" * 63))
    with refused("female.csv", women["clip"].iloc[0], "no SHA-256"):
        ClipFiles.read_genders(tmp_path, tmp_path)
    write_manifest(tmp_path / "female.csv", manifest[:0])
    assert len(read_genders(tmp_path)) < len(manifest)
    (tmp_path / "unknown.csv").write_bytes((tmp_path / "male.csv").read_bytes())
    with refused(str(tmp_path), "more than once"):
        read_genders(tmp_path)


def test_what_is_not_as_published_is_noticed(manifest: pd.DataFrame, refused: Refused) -> None:
    remedy = "fetch the corpus again"
    for missing in range(len(manifest)):
        with refused("toy: 5 clips found", "6 expected", remedy):
            check_expected(manifest.drop(index=missing), "toy", EXPECTED)
    more = pd.concat([manifest, pd.DataFrame([row("01", "calm")])])
    with refused("toy: 7 clips found", "6 expected", remedy):
        check_expected(more, "toy", EXPECTED)
    for emotion, said in (("happy", "3 expected"), ("calm", "'calm', which is not one of")):
        wrong = manifest.assign(emotion=manifest["emotion"].mask(manifest.index == 1, emotion))
        with refused("toy", said, remedy):
            check_expected(wrong, "toy", EXPECTED)


def test_what_is_not_published_is_not_asked_for(manifest: pd.DataFrame) -> None:
    check_expected(manifest[:4], "toy", Expected(None, dict.fromkeys(EXPECTED.emotions), {}))


def test_speakers_who_are_missing_unknown_or_of_another_gender_are_named(
    manifest: pd.DataFrame, refused: Refused
) -> None:
    with refused("toy: speakers are missing (02)"):
        check_expected(manifest[manifest["speaker"] != "02"], "toy", EXPECTED)
    with refused("toy: speakers are unknown (17)"):
        strange = manifest["speaker"].mask(manifest.index == 0, "17")
        check_expected(manifest.assign(speaker=strange), "toy", EXPECTED)
    for rows in ([2, 3], [2], [3]):
        gender = manifest["gender"].mask(manifest.index.isin(rows), "male")
        with refused("toy", "speaker 02", "gender"):
            check_expected(manifest.assign(gender=gender), "toy", EXPECTED)
