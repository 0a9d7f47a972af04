"""The table of predictions: complete, and the same when it is read again."""

from pathlib import Path

import pandas as pd
import pytest

from ser.core.errors import SerError
from ser.evaluation.predictions import (
    IDENTITY,
    check_complete,
    probability_columns,
    read_predictions,
)
from ser.core.files import write_csv
from ser.clips.labels import EMOTIONS
from tests.builders import make_manifest, make_predictions

SEEDS = [0, 7]


def test_incomplete_predictions_are_refused() -> None:
    clips = make_manifest()
    whole = pd.DataFrame([{"seed": seed, "clip": clip} for seed in SEEDS for clip in clips["clip"]])
    check_complete(whole, clips, SEEDS)
    clip = clips["clip"][4]
    row = whole[(whole["clip"] == clip) & (whole["seed"] == 7)]
    for wrong in (whole.drop(row.index), pd.concat([whole, row])):
        with pytest.raises(
            SerError, match=f"Clip {clip} is not predicted exactly once with seed 7"
        ):
            check_complete(wrong, clips, SEEDS)
    with pytest.raises(SerError, match="with seed 9"):
        check_complete(whole, clips, [0, 7, 9])


def test_predictions_come_back_from_disk(tmp_path: Path) -> None:
    predictions = make_predictions(seeds=SEEDS)
    write_csv(tmp_path / "predictions.csv", predictions)
    read = read_predictions(tmp_path / "predictions.csv")
    pd.testing.assert_frame_equal(read, predictions, atol=1e-6)
    assert read["speaker"][0] == "01", "a speaker became a number"


def test_an_intensity_that_is_empty_stays_a_text(tmp_path: Path) -> None:
    write_csv(tmp_path / "predictions.csv", make_predictions().assign(intensity=""))
    assert set(read_predictions(tmp_path / "predictions.csv")["intensity"]) == {""}


def test_missing_predictions_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SerError, match=r"predictions\.csv are missing; run `dvc repro`"):
        read_predictions(tmp_path / "predictions.csv")


@pytest.mark.parametrize("content", [b"", b"clip\n\xff\xfe\n"], ids=["empty", "not UTF-8"])
def test_unreadable_predictions_are_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "predictions.csv"
    path.write_bytes(content)
    with pytest.raises(SerError, match="are not a readable CSV") as caught:
        read_predictions(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("column", [*IDENTITY, "emotion", "predicted"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    write_csv(tmp_path / "predictions.csv", make_predictions().drop(columns=column))
    with pytest.raises(SerError, match=f"lack the columns {column}"):
        read_predictions(tmp_path / "predictions.csv")


def test_probabilities_stand_in_the_order_of_the_shared_set() -> None:
    names = [f"p_{emotion}" for emotion in ("bored", "sad", "neutral")]
    table = make_predictions().assign(**dict.fromkeys(names, 0.3), predicted_by="p")
    assert probability_columns(table) == ["p_neutral", "p_sad", "p_bored"]
    everything = pd.DataFrame(columns=[f"p_{emotion}" for emotion in sorted(EMOTIONS)])
    assert probability_columns(everything) == [f"p_{emotion}" for emotion in EMOTIONS]
    assert probability_columns(make_predictions()[["clip", "predicted"]]) == []
