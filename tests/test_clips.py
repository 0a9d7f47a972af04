"""The manifest: what is written is read back, and what breaks a rule is named."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.clips import (
    COLUMNS,
    MANIFEST,
    Expected,
    check_expected,
    check_rows,
    clip_path,
    read_manifest,
    speaker_keys,
    write_manifest,
)
from ser.labels import EMOTIONS

Refused = Callable[..., AbstractContextManager[None]]

SPEAKERS = {"01": "male", "02": "female", "NA": "female"}
EXPECTED = Expected(n_clips=6, emotions={"happy": 3, "sad": 3}, genders=SPEAKERS)
# texts that readers of CSV like to turn into something else; no lone line ends, which CSV changes
TEXT = st.one_of(
    st.sampled_from(["", "NA", "nan", "null", "01", "1e5", "True", "a,b", 'a"b', " x ", "è"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=8),
)


def row(speaker: str, emotion: str, **changes: object) -> dict[str, object]:
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
        **changes,
    }


@pytest.fixture
def manifest() -> pd.DataFrame:
    rows = [row(speaker, emotion) for speaker in SPEAKERS for emotion in ("happy", "sad")]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path, manifest: pd.DataFrame) -> None:
    write_manifest(tmp_path / MANIFEST, manifest)
    found = read_manifest(tmp_path / MANIFEST)
    # "01" stays text, "NA" a name, "" a text without letters
    pd.testing.assert_frame_equal(found, manifest, check_dtype=False)
    assert found["speaker"].tolist() == ["01", "01", "02", "02", "NA", "NA"]


@settings(deadline=None, max_examples=25)
@given(texts=st.lists(TEXT, min_size=1, max_size=5), seconds=st.floats(0.001, 1000))
def test_no_text_changes_on_its_way(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], seconds: float
) -> None:
    path = tmp_path_factory.mktemp("manifest") / MANIFEST
    rows = [
        row(text, "sad", clip=f"toy/{index}", sentence=text, take=text, duration_s=seconds)
        for index, text in enumerate(texts)
    ]
    write_manifest(path, pd.DataFrame(rows, columns=list(COLUMNS)))
    found = read_manifest(path)
    for column in ("speaker", "sentence", "take"):
        assert found[column].tolist() == texts
    assert found["duration_s"].tolist() == pytest.approx([seconds] * len(texts), abs=1e-6)


def test_the_order_of_rows_does_not_change_the_bytes(
    tmp_path: Path, manifest: pd.DataFrame
) -> None:
    write_manifest(tmp_path / "a.csv", manifest)
    write_manifest(tmp_path / "b.csv", manifest.sample(frac=1, random_state=3))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_more_columns_are_kept(tmp_path: Path, manifest: pd.DataFrame) -> None:
    write_manifest(tmp_path / MANIFEST, manifest.assign(take_group=manifest["clip"]))
    found = read_manifest(tmp_path / MANIFEST)
    assert found["take_group"].tolist() == manifest["clip"].tolist()


def test_a_missing_manifest_is_named(tmp_path: Path, refused: Refused) -> None:
    with refused(str(tmp_path / MANIFEST), "missing", "dvc repro"):
        read_manifest(tmp_path / MANIFEST)


@pytest.mark.parametrize(
    "content",
    [b"", b'clip,corpus\n"a', b"a,b\n1,2,3\n1,2\n1,2,3,4,5\n", b"clip\n\xff\xfe\x00\n"],
    ids=["empty", "open quote", "ragged", "not UTF-8"],
)
def test_what_is_no_csv_is_refused(tmp_path: Path, refused: Refused, content: bytes) -> None:
    path = tmp_path / MANIFEST
    path.write_bytes(content)
    with refused(str(path), "manifest"):
        read_manifest(path)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named(
    tmp_path: Path, manifest: pd.DataFrame, refused: Refused, column: str
) -> None:
    path = tmp_path / MANIFEST
    manifest.drop(columns=column).to_csv(path, index=False)
    with refused(str(path), "lacks", column):
        read_manifest(path)


def test_speakers_of_two_corpora_are_two_people(manifest: pd.DataFrame) -> None:
    both = pd.concat([manifest, manifest.assign(corpus="other")])
    assert speaker_keys(both).nunique() == 2 * len(SPEAKERS)
    assert speaker_keys(manifest).iloc[0] == "toy/01"


def test_a_clip_lies_below_its_corpus_folder() -> None:
    found = clip_path(Path("built"), "toy/Actor_01/03-01.5")
    # a dot in a name is no ending
    assert found == Path("built/clips/Actor_01/03-01.5.wav")


def test_a_good_manifest_passes(manifest: pd.DataFrame) -> None:
    check_rows(manifest, "toy")
    check_expected(manifest, "toy", EXPECTED)


def test_a_clip_listed_twice_is_named(manifest: pd.DataFrame, refused: Refused) -> None:
    with refused("toy", "toy/02/sad", "more than once"):
        check_rows(pd.concat([manifest, manifest.iloc[[3]]]), "toy")


@pytest.mark.parametrize(
    ("column", "given", "allowed"),
    [("emotion", "joyful", EMOTIONS[0]), ("emotion", "", "bored"), ("gender", "f", "female, male")],
)
def test_a_strange_label_is_named_with_its_clip(
    manifest: pd.DataFrame, refused: Refused, column: str, given: str, allowed: str
) -> None:
    manifest.loc[2, column] = given
    with refused("toy/02/happy", column, repr(given), allowed):
        check_rows(manifest, "toy")


@pytest.mark.parametrize("missing", range(6))
def test_any_missing_clip_is_noticed(
    manifest: pd.DataFrame, refused: Refused, missing: int
) -> None:
    with refused("toy: 5 clips found", "6 expected"):
        check_expected(manifest.drop(index=missing), "toy", EXPECTED)


def test_a_clip_too_many_is_noticed(manifest: pd.DataFrame, refused: Refused) -> None:
    more = pd.concat([manifest, pd.DataFrame([row("01", "calm")])])
    with refused("toy: 7 clips found", "6 expected"):
        check_expected(more, "toy", EXPECTED)


@pytest.mark.parametrize("emotion", ["happy", "calm"])
def test_a_wrong_label_is_noticed_by_its_count(
    manifest: pd.DataFrame, refused: Refused, emotion: str
) -> None:
    manifest.loc[manifest.index[1], "emotion"] = emotion
    with refused("toy", "expected", "3 expected"):
        check_expected(manifest, "toy", EXPECTED)


def test_a_missing_speaker_is_named(manifest: pd.DataFrame, refused: Refused) -> None:
    with refused("toy", "speakers differ", "(02 missing"):
        check_expected(manifest[manifest["speaker"] != "02"], "toy", EXPECTED)


def test_an_unknown_speaker_is_named(manifest: pd.DataFrame, refused: Refused) -> None:
    manifest.loc[0, "speaker"] = "17"
    with refused("toy", "speakers differ", "17"):
        check_expected(manifest, "toy", EXPECTED)


@pytest.mark.parametrize("rows", [[2, 3], [2], [3]], ids=["all rows", "first row", "last row"])
def test_a_speaker_of_the_wrong_gender_is_named(
    manifest: pd.DataFrame, refused: Refused, rows: list[int]
) -> None:
    manifest.loc[rows, "gender"] = "male"
    with refused("toy", "speaker 02", "gender"):
        check_expected(manifest, "toy", EXPECTED)
