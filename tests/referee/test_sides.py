"""Leaks are found, counted rightly, and no others are."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.clips.audio import write_wav
from ser.corpora import find_corpus
from ser.export.table import named_folds, named_manifest
from ser.referee.sides import count_sides, group_recordings
from ser.referee.words import headline
from ser.splits.takes import ALIKE, SAME
from tests.builders import random_clip
from tests.conftest import case
from tests.referee.splits import change, crossing, folds_of_speakers, held_out, submit


def test_a_clean_split_is_called_clean(tmp_path: Path) -> None:
    found = submit(tmp_path, held_out())
    assert not found.leaks
    assert headline(found) == "No leak found"
    assert found.sides["statement"].share == 100, "the sentences are known, which is no leak"
    assert found.closest is not None
    assert found.closest.protocol == "speaker_independent"
    assert "2 of 8 speakers" in found.closest.how


def test_planted_leaks_are_found_and_counted(tmp_path: Path) -> None:
    clean = held_out()
    tested = int(np.flatnonzero(clean["split"] == "test")[0])
    twice = pd.concat([clean, clean.iloc[[tested]].assign(split="train")])
    for kind, table in (
        ("speaker", change(clean, tested, split="train")),
        ("speaker", change(clean, tested, split="val")),
        ("clip", twice),
    ):
        with case(kind, table["split"].value_counts().to_dict()):
            found = submit(tmp_path, table)
            assert kind in [side.kind for side in found.leaks]
            side = found.sides[kind]
            unit = "file" if kind == "clip" else kind
            assert (side.crossing, side.clips_crossing) == crossing(table, unit)
            assert "Leak" in headline(found)


def test_new_sentences_are_seen(tmp_path: Path) -> None:
    table = held_out()
    new = table["sentence"].isin(["1", "2"])
    found = submit(tmp_path, table[new == (table["split"] == "test")])
    assert found.sides["statement"].crossing == 0
    assert found.closest is not None
    assert found.closest.protocol == "speaker_and_statement_open"


@pytest.fixture
def recordings(tmp_path: Path) -> tuple[pd.DataFrame, Path]:
    """A clean split and its files, of which one tested is a train clip at another level."""
    table = held_out(speakers=4, clips_each=1, tested=1)
    folder = tmp_path / "audio"
    for number, file in enumerate(table["file"]):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        write_wav(folder / file, random_clip(number, 0.4 + 0.1 * number))
    first, last = table["file"].iloc[0], table["file"].iloc[-1]
    assert (table["split"].iloc[0], table["split"].iloc[-1]) == ("test", "train")
    number = len(table) - 1
    quiet = (random_clip(number, 0.4 + 0.1 * number) // 2).astype(np.int16)
    write_wav(folder / first, np.pad(quiet, (800, 0)))
    return table, folder / Path(last).parts[0]


def test_a_copy_at_another_level_is_found_in_the_sound(
    tmp_path: Path, recordings: tuple[pd.DataFrame, Path]
) -> None:
    table, folder = recordings
    found = submit(tmp_path, table, audio=folder.parent)
    side = found.sides["take"]
    assert side.leaks
    assert (side.crossing, side.clips_crossing) == (1, 1)
    assert any("different speakers are one recording" in remark for remark in found.remarks)
    assert found.length is not None, "lengths are those of the files"
    # without the sound nobody can know
    silent = submit(tmp_path, table)
    assert not silent.leaks
    assert any("recording is there twice" in line for line in silent.unknown)


def test_files_that_cannot_be_read_are_said_and_do_not_end_the_audit(
    tmp_path: Path, recordings: tuple[pd.DataFrame, Path]
) -> None:
    table, folder = recordings
    (folder.parent / table["file"].iloc[1]).write_bytes(b"RIFF")
    (folder.parent / table["file"].iloc[2]).unlink()
    found = submit(tmp_path, table, audio=folder.parent)
    (said,) = [remark for remark in found.remarks if "heard" in remark]
    assert "1 were not found" in said
    assert "1 could not be read" in said
    shutil.rmtree(folder)


def test_folds_without_roles_are_tested_by_all_others(tmp_path: Path) -> None:
    clean = folds_of_speakers()
    found = submit(tmp_path, clean)
    assert not found.leaks
    assert found.closest is not None
    assert found.closest.protocol == "leave_one_speaker_out"
    assert any("all others" in remark for remark in found.remarks)
    other = 1 + clean["fold"].iloc[0] % clean["fold"].max()
    found = submit(tmp_path, change(clean, 0, fold=other))
    side = found.sides["speaker"]
    own = clean[clean["speaker"] == clean["speaker"].iloc[0]]
    # one clip in one fold and the rest in another: each trains where the other tests
    assert (side.crossing, side.clips_crossing) == (1, len(own))
    assert side.leaks


_ROLES = st.sampled_from(["train", "validation", "test"])


@settings(max_examples=25)
@given(st.lists(st.tuples(_ROLES, st.integers(0, 3), st.integers(0, 2)), min_size=2, max_size=14))
def test_counts_and_guards_agree_with_counting_by_hand(rows: list[tuple[str, int, int]]) -> None:
    table = pd.DataFrame(rows, columns=["split", "speaker", "recording"])
    clips = pd.DataFrame(
        {
            "clip": [f"c{number}" for number in table.index],
            "corpus": "",
            "speaker": table["speaker"].map(lambda number: f"s{number}" if number else ""),
            "sentence": "",
        }
    )
    folds = pd.DataFrame({"fold": 0, "clip": clips["clip"], "role": table["split"]})
    recordings = table["recording"].map(str)
    sides = count_sides(clips, folds, recordings)
    if set(table["split"]) <= {"test"}:
        assert not sides
        return
    known = table.assign(speaker=clips["speaker"])[clips["speaker"] != ""]
    for kind, rows_known, unit in (("speaker", known, "speaker"), ("take", table, "recording")):
        if kind not in sides:
            assert known.empty
            continue
        expected = crossing(rows_known, unit)
        assert (sides[kind].crossing, sides[kind].clips_crossing) == expected
        assert sides[kind].leaks == (expected[0] > 0), "the guards say otherwise"


def test_recordings_are_grouped_whatever_the_order_of_pairs() -> None:
    clips = pd.Series(["a", "b", "c", "d"])
    pairs = pd.DataFrame(
        [("c", "b", SAME), ("b", "a", SAME), ("c", "d", ALIKE)],
        columns=["clip_a", "clip_b", "what"],
    )
    assert group_recordings(clips, pairs) == ["a", "a", "a", "d"]


# Corpora that are known by their names


def known(name: str) -> pd.DataFrame:
    """Files and emotions of a corpus, nothing else, as a paper's supplement has them."""
    manifest = named_manifest(find_corpus(name))
    files = "downloads\\" + manifest["clip"].str.replace("/", "\\") + ".wav"
    return pd.DataFrame({"path": files, "emo": manifest["emotion"].str.upper()})


def test_a_random_split_of_ravdess_is_a_leak_and_known_as_one(tmp_path: Path) -> None:
    table = known("ravdess")
    draw = np.random.default_rng(0).random(len(table)) < 0.2
    found = submit(tmp_path, table.assign(subset=np.where(draw, "Test", "Train")))
    assert found.corpora == ["RAVDESS speech"]
    side = found.sides["speaker"]
    assert (side.tested, side.crossing, side.clips_crossing) == (24, 24, int(draw.sum()))
    assert found.closest is not None
    assert (found.closest.protocol, found.closest.overlap) == ("leaky_random", None)
    # of eight emotions, all speakers show the same number
    assert found.majority is not None
    assert found.majority.uar == pytest.approx(12.5)
    # the release has one recording twice
    twins = ["03-01-03-01-02-01-07", "03-01-03-01-02-02-07"]
    split = table["path"].str.contains(twins[0]).map({True: "test", False: "train"})
    found = submit(tmp_path, table.assign(split=split))
    assert found.sides["take"].leaks
    assert found.compared == "by published checksums"
    assert twins[1] not in found.sides["take"].examples[0]


def test_our_folds_are_recognised_by_the_clips_that_they_test(tmp_path: Path) -> None:
    for name, protocol in (
        ("emodb", "leave_one_speaker_out"),
        ("ravdess", "ravdess_emobox_six_fold"),
        ("ravdess", "ravdess_five_fold"),
        ("emodb", "leave_one_statement_out"),
    ):
        with case(name, protocol):
            manifest = named_manifest(find_corpus(name))
            folds = named_folds(manifest, [protocol])[protocol]
            table = folds.assign(path=folds["clip"] + ".flac")[["path", "fold", "role"]]
            found = submit(tmp_path, table)
            assert found.closest is not None
            assert (found.closest.protocol, found.closest.overlap) == (protocol, 1.0)
            assert bool(found.leaks) == (protocol == "leave_one_statement_out")


def test_what_names_tell_counts_before_columns(tmp_path: Path) -> None:
    table = known("emodb").assign(split="train")
    speakers = table["path"].str.extract(r"(\d\d)[ab]\d\d")[0]
    table.loc[speakers == "03", "split"] = "test"
    table.loc[table.index[-1], "split"] = "test"
    # a column of speakers that would hide the leak
    hidden = table.assign(speaker=[f"s{number}" for number in table.index])
    hidden.loc[0, "emo"] = "bored"
    found = submit(tmp_path, hidden)
    assert [side.kind for side in found.leaks] == ["speaker"]
    assert found.sides["speaker"].examples == ("emodb/16",)
    assert any("speakers of" in remark and "count here" in remark for remark in found.remarks)
    assert any("labels of 1 of 535" in remark for remark in found.remarks)


def test_names_that_are_only_made_alike_fill_gaps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as if the clips of no corpus were listed
    monkeypatch.setattr("ser.referee.corpora._listed", lambda name: {})
    table = known("emodb").assign(split="train")
    table.loc[table["path"].str.contains("03[ab]"), "split"] = "test"
    found = submit(tmp_path, table)
    assert found.sides["speaker"].tested == 1
    assert "take" not in found.sides, "no checksums are published"
    found = submit(tmp_path, table.assign(speaker="somebody"))
    assert found.leaks, "the author's own speakers count"
    found = submit(tmp_path, table.assign(speaker="somebody"), corpus="emodb")
    assert not found.leaks


def test_left_out_and_merged_classes_are_said(tmp_path: Path) -> None:
    table = known("ravdess").assign(split="train")
    table.loc[table["path"].str.contains("Actor_01"), "split"] = "test"
    merged = table[table["emo"] != "DISGUST"].replace({"emo": {"CALM": "NEUTRAL"}})
    found = submit(tmp_path, merged)
    assert any("192 of the 1440" in remark and "disgust" in remark for remark in found.remarks)
    assert any("7 emotions" in remark and "into 6" in remark for remark in found.remarks)
