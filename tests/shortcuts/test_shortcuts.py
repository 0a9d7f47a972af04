"""Shortcuts are found where they are, and nowhere else; they are said in words."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.false_alarms import PLANTED, warned
from ser.core.files import write_csv
from ser.shortcuts.cues import cues_of, measure
from ser.shortcuts.measure import COLUMNS, measure_shortcuts
from ser.shortcuts.verdicts import (
    as_written,
    read_shortcuts,
    sentences,
    table_path,
    warnings_beside,
)
from tests.builders import make_manifest, tone
from tests.conftest import Refused

INT16 = 32_767


def test_clean_corpora_raise_no_alarm() -> None:
    # `python -m benchmarks.false_alarms` counts them over 200
    assert sum(bool(warned(("none", seed))[1]) for seed in range(4)) <= 1


@pytest.mark.parametrize("planted", PLANTED[1:])
def test_a_planted_shortcut_is_found(planted: str) -> None:
    found = warned((planted, 0))[1]
    assert planted in found
    # longer silence makes longer clips
    assert found <= {planted, *(["duration"] if planted == "silence" else [])}


def test_what_is_measured_of_a_clip() -> None:
    speech = tone(200.0, 0.5, 0.1)
    clip = np.concatenate([np.zeros(3200), speech, np.zeros(1600)])
    cues = measure((clip * INT16).astype(np.int16))
    assert cues.duration_s == pytest.approx(0.8)
    assert cues.lead_s == pytest.approx(0.2, abs=0.02)
    assert cues.trail_s == pytest.approx(0.1, abs=0.02)
    assert cues.level_db == pytest.approx(-23.0, abs=0.1)
    assert cues.peak_db == pytest.approx(-20.0, abs=0.1)


def one_emotion_each(speakers: int) -> pd.DataFrame:
    clips = make_manifest(speakers, ("angry", "happy"), 10)
    shown = clips["speaker"].astype(int) % 2 == (clips["emotion"] == "angry")
    return clips[shown | (clips["speaker"] == "01")]


def test_speakers_who_show_one_emotion_come_first() -> None:
    table = measure_shortcuts(one_emotion_each(9))
    first, second, *_ = sentences(table)
    assert first == "8 of 9 speakers show one emotion: no within-corpus score means anything."
    assert second.startswith("Who speaks alone recognises ")
    assert " % (95 % interval " in second
    assert second.endswith(" %: a model may learn the voice.")


def test_warnings_are_the_same_from_a_table_and_its_file(tmp_path: Path) -> None:
    table = measure_shortcuts(one_emotion_each(9))
    path = tmp_path / "shortcuts" / "toy.csv"
    write_csv(path, as_written(table), decimals=4)
    assert list(read_shortcuts(path).columns) == list(COLUMNS)
    assert sentences(read_shortcuts(path)) == sentences(table) != []


def test_what_is_said_beside_results_comes_from_the_tables(
    tmp_path: Path, refused: Refused
) -> None:
    for name, speakers in (("one_each", one_emotion_each(9)), ("clean", make_manifest(3))):
        table = as_written(measure_shortcuts(speakers))
        write_csv(tmp_path / table_path(name), table, decimals=4)
    first, *others, clean, nothing = warnings_beside(["one_each", "clean", "new"], tmp_path)
    assert first.startswith("one_each: 8 of 9 speakers show one emotion")
    assert len(others) == 1
    assert clean == "clean: No shortcut can be told from chance."
    assert "new: shortcuts are not measured yet; `ser corpora check new` measures" in nothing
    assert "`dvc repro studies/dvc.yaml:shortcuts@new` writes" in nothing
    for column, value in (("cue", "colour"), ("warns", "perhaps"), ("one_emotion", 99)):
        write_csv(tmp_path / table_path("clean"), table.assign(**{column: value}), decimals=4)
        with refused("The table of shortcuts", "clean.csv must hold known cues"):
            warnings_beside(["clean"], tmp_path)


def test_a_built_corpus_is_measured(voices: tuple[Path, pd.DataFrame]) -> None:
    folder, manifest = voices
    clips = cues_of(folder)
    assert clips["clip"].tolist() == sorted(manifest["clip"])
    assert (clips[["duration_s", "lead_s", "trail_s"]] >= 0).all().all()


def test_one_emotion_or_one_speaker_is_no_error(tmp_path: Path) -> None:
    table = measure_shortcuts(make_manifest(3, ("angry",)))
    assert sentences(table) == []
    write_csv(tmp_path / "empty.csv", as_written(table), decimals=4)
    assert sentences(read_shortcuts(tmp_path / "empty.csv")) == []
    alone = measure_shortcuts(make_manifest(1, clips_each=6))
    assert alone["low"].isna().all()
    assert sentences(alone) == []


def test_a_damaged_table_is_refused(tmp_path: Path, refused: Refused) -> None:
    with refused("The table of shortcuts", "missing"):
        read_shortcuts(tmp_path / "none.csv")
    table = measure_shortcuts(one_emotion_each(4)).drop(columns="p")
    write_csv(tmp_path / "bad.csv", table)
    with refused("The table of shortcuts", "lacks the columns p"):
        read_shortcuts(tmp_path / "bad.csv")
