"""A corpus on one page: counts and means are right, and examples show every emotion."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ser.clips.audio import SAMPLE_RATE_HZ
from studies.card import (
    Sound,
    card_table,
    choose_examples,
    describe_clips,
    load_sounds,
)
from ser.reports.figures.card import draw_card, draw_sounds
from tests.builders import EMOTIONS, make_manifest, make_params, tone, write_clips


def make_clips() -> pd.DataFrame:
    """Clips of four speakers with what the card shows."""
    manifest = make_manifest(speakers=4, clips_each=3)
    numbers = np.arange(len(manifest), dtype=float)
    functionals = pd.DataFrame(
        {"duration.speech_s": 0.5 + 0.001 * numbers, "loudness.0.mean": -30.0 - numbers},
        index=pd.Index(manifest["clip"]),
    )
    # in another order: rows are found by name
    return describe_clips(manifest, functionals.iloc[::-1])


def test_clips_are_described_by_their_own_functionals() -> None:
    clips = make_clips()
    assert clips["speech_s"].iloc[4] == pytest.approx(0.504)
    assert clips["silence_percent"].iloc[4] == pytest.approx(49.6)
    assert clips["level_db"].iloc[4] == pytest.approx(-34.0)


def test_the_table_has_a_row_an_emotion_and_gender() -> None:
    clips = make_clips()
    table = card_table(clips)
    assert len(table) == 2 * len(EMOTIONS)
    assert table["n_clips"].sum() == len(clips)
    row = table[(table["emotion"] == "sad") & (table["gender"] == "male")].iloc[0]
    own = clips[(clips["emotion"] == "sad") & (clips["gender"] == "male")]
    assert row["n_clips"] == len(own)
    assert row["n_speakers"] == 2
    assert row["level_db"] == pytest.approx(own["level_db"].mean())
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


def test_sounds_are_read_at_full_scale(tmp_path: Path) -> None:
    manifest = write_clips(make_manifest(speakers=2, clips_each=1), tmp_path)
    sounds = load_sounds(manifest.drop_duplicates("emotion"), tmp_path)
    assert [sound.emotion for sound in sounds] == manifest["emotion"].unique().tolist()
    for sound in sounds:
        assert sound.samples.dtype == np.float32
        assert 0.05 < np.abs(sound.samples).max() <= 1


def test_figures_have_the_same_bytes_twice(tmp_path: Path) -> None:
    sounds = [Sound(name, name, tone(200.0 * (1 + n))) for n, name in enumerate(EMOTIONS)]
    assert len(sounds[0].samples) == SAMPLE_RATE_HZ
    features = make_params().features
    for draw in (
        lambda path: draw_card(make_clips(), "Tiny", path),
        lambda path: draw_sounds(sounds, features, "Tiny", "01", path),
    ):
        one, two = tmp_path / "one.png", tmp_path / "two.png"
        draw(one)
        draw(two)
        assert one.read_bytes() == two.read_bytes()
