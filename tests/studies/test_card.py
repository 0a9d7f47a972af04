"""A corpus on one page: counts and means are right, and examples show every emotion."""

import numpy as np
import pandas as pd
import pytest

from ser.clips.manifest import MANIFEST, write_manifest
from studies.card import boxes_table, card_table, choose_examples, describe_clips, study_corpus
from studies.study import DATA
from tests.builders import CORPUS, EMOTIONS, make_manifest, make_values, write_functionals


def functionals(manifest: pd.DataFrame) -> pd.DataFrame:
    numbers = np.arange(len(manifest), dtype=float)
    values = {"duration.speech_s": 0.5 + 0.001 * numbers, "loudness.0.mean": -30.0 - numbers}
    return pd.DataFrame(values, index=manifest["clip"].tolist())


def make_clips() -> pd.DataFrame:
    """Clips of four speakers with what the card shows."""
    manifest = make_manifest(speakers=4, clips_each=3)
    # in another order: rows are found by name
    return describe_clips(manifest, functionals(manifest).iloc[::-1])


def test_clips_are_described_by_their_own_functionals() -> None:
    clips = make_clips()
    assert clips["speech_s"].iloc[4] == pytest.approx(0.504)
    assert clips["silence_percent"].iloc[4] == pytest.approx(49.6)
    assert clips["level_db"].iloc[4] == pytest.approx(-34.0)


def test_the_tables_have_a_row_an_emotion_and_gender() -> None:
    clips = make_clips()
    table, boxes = card_table(clips), boxes_table(clips)
    assert table["emotion"].drop_duplicates().tolist() == list(EMOTIONS)
    assert len(table) == 2 * len(EMOTIONS)
    assert table["n_clips"].sum() == len(clips)
    row = table[(table["emotion"] == "sad") & (table["gender"] == "male")].iloc[0]
    own = clips[(clips["emotion"] == "sad") & (clips["gender"] == "male")]
    assert row["n_clips"] == len(own)
    assert row["n_speakers"] == 2
    assert row["level_db"] == pytest.approx(own["level_db"].mean())
    box = boxes[(boxes["emotion"] == "sad") & (boxes["gender"] == "male")].set_index("measure")
    assert box["p50"]["level_db"] == pytest.approx(own["level_db"].median())
    assert len(boxes) == 3 * len(table)
    women = card_table(clips[clips["gender"] == "female"])
    assert set(women["gender"]) == {"female"}, "a gender without clips has a row"


def test_examples_are_one_clip_an_emotion_of_one_speaker() -> None:
    examples = choose_examples(make_clips())
    assert examples["emotion"].tolist() == ["neutral", "happy", "sad"]
    assert examples["speaker"].nunique() == 1
    assert examples["sentence"].nunique() == 1


def test_a_speaker_who_lacks_an_emotion_is_no_example() -> None:
    clips = make_clips()
    first = clips["speaker"].min()
    lacking = clips[(clips["speaker"] != first) | (clips["emotion"] != "sad")]
    examples = choose_examples(lacking)
    assert examples["speaker"].iloc[0] != first
    assert len(examples) == len(EMOTIONS)


def test_a_missing_sentence_is_taken_from_the_same_speaker() -> None:
    clips = make_clips()
    # nobody says one sentence in every emotion
    kept = clips[(clips["emotion"] != "sad") | (clips["sentence"] == "3")]
    kept = kept[(kept["emotion"] == "sad") | (kept["sentence"] != "3")]
    examples = choose_examples(kept)
    assert sorted(examples["emotion"]) == sorted(EMOTIONS)
    assert examples["speaker"].nunique() == 1


def test_strong_intensity_is_shown_where_there_is_one() -> None:
    clips = make_clips()
    strong = clips["take"].eq("2") & clips["emotion"].eq("sad")
    shown = choose_examples(
        clips.assign(sentence="same", intensity=np.where(strong, "strong", "normal"))
    )
    assert shown.set_index("emotion").loc["sad", "intensity"] == "strong"


def test_the_study_reads_what_the_stages_wrote() -> None:
    manifest = make_manifest(speakers=4, clips_each=3)
    write_manifest(DATA / "corpora" / CORPUS / MANIFEST, manifest)
    write_functionals(DATA / "functionals" / CORPUS, functionals(manifest))
    tables = study_corpus(make_values(), CORPUS)
    assert tables["_examples"]["emotion"].tolist() == list(EMOTIONS)
    assert tables[""]["n_clips"].sum() == len(manifest)
