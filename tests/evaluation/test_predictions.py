"""The table of predictions: one answer a clip and seed, and what belies itself is refused."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ser.clips.labels import EMOTIONS
from ser.core.files import write_csv
from ser.evaluation.predictions import (
    IDENTITY,
    check_complete,
    check_predictions,
    probability_columns,
    read_predictions,
)
from tests.builders import make_manifest, make_predictions
from tests.conftest import Refused

SEEDS = [0, 7]


def with_shares() -> pd.DataFrame:
    """Predictions whose probabilities add up to 1."""
    return make_predictions(seeds=SEEDS).assign(p_neutral=0.5, p_happy=0.3, p_sad=0.2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "predictions.csv"


def test_incomplete_predictions_are_refused(refused: Refused) -> None:
    clips = make_manifest()
    whole = pd.DataFrame([{"seed": seed, "clip": clip} for seed in SEEDS for clip in clips["clip"]])
    check_complete(whole, clips, SEEDS)
    clip = clips["clip"][4]
    row = whole[(whole["clip"] == clip) & (whole["seed"] == 7)]
    for wrong in (whole.drop(row.index), pd.concat([whole, row])):
        with refused(f"Clip {clip} is not predicted exactly once with seed 7"):
            check_complete(wrong, clips, SEEDS)
    with refused("with seed 9"):
        check_complete(whole, clips, [0, 7, 9])


def test_predictions_come_back_from_disk(path: Path) -> None:
    predictions = with_shares().assign(intensity="")
    write_csv(path, predictions)
    read = read_predictions(path)
    pd.testing.assert_frame_equal(read, predictions, atol=1e-6)
    assert read["speaker"][0] == "01", "a speaker became a number"
    assert set(read["intensity"]) == {""}, "an intensity that lacks became a number"


def test_missing_predictions_are_one_sentence(path: Path, refused: Refused) -> None:
    with refused("predictions.csv is missing; run `dvc repro`"):
        read_predictions(path)


def test_a_missing_column_is_named(path: Path, refused: Refused) -> None:
    for column in (*IDENTITY, "emotion", "predicted"):
        write_csv(path, make_predictions().drop(columns=column))
        with refused(str(path), f"lacks the columns {column}"):
            read_predictions(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 0}, ["predicts clip synthetic_a/01/happy-1 twice with seed 0"]),
        ({"emotion": "glee"}, ["unknown emotion 'glee'"]),
        ({"predicted": "Happy"}, ["unknown emotion 'Happy'"]),
        ({"confidence": 7.0}, ["numbers from 0 to 1", "confidence"]),
        ({"p_sad": ""}, ["do not add up to 1"]),
        ({"p_sad": 0.3}, ["the probabilities of clip synthetic_a/01/happy-1", "add up to 1"]),
        ({"p_sad": -0.2, "p_happy": 0.7}, ["do not add up to 1"]),
        ({"p_sad": float("nan")}, ["do not add up to 1"]),
    ],
)
def test_what_cannot_be_is_refused(
    changes: dict[str, Any], said: list[str], refused: Refused
) -> None:
    table = check_predictions(with_shares(), "a table")
    with refused("a table", *said):
        check_predictions(table.assign(**changes), "a table")


def test_probabilities_stand_in_the_order_of_the_shared_set() -> None:
    names = [f"p_{emotion}" for emotion in ("bored", "sad", "neutral")]
    table = make_predictions().assign(**dict.fromkeys(names, 0.3), predicted_by="p")
    assert probability_columns(table) == ["p_neutral", "p_sad", "p_bored"]
    everything = pd.DataFrame(columns=[f"p_{emotion}" for emotion in sorted(EMOTIONS)])
    assert probability_columns(everything) == [f"p_{emotion}" for emotion in EMOTIONS]
    assert probability_columns(make_predictions()[["clip", "predicted"]]) == []
