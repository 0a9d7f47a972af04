"""Figures: the same bytes whenever they are drawn, and no data lost on the way."""

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from ser.evaluation.metrics import confusion_table, system_metrics
from ser.evaluation.report import systems_table
from ser.plots import (
    draw_confusion,
    draw_examples,
    draw_history,
    draw_systems,
    example_predictions,
)
from tests.builders import make_predictions


def history(folds: int = 3, epochs: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        (fold, 0, epoch, part, rng.random(), 100 * rng.random())
        for fold in range(folds)
        for epoch in range(1, epochs + 1)
        for part in ("train", "validation")
    ]
    return pd.DataFrame(rows, columns=["fold", "seed", "epoch", "part", "loss", "accuracy"])


def systems() -> pd.DataFrame:
    predictions = make_predictions()
    female = predictions[predictions["gender"] == "female"]
    return systems_table(
        {"all": system_metrics(predictions, 1), "female": system_metrics(female, 1)}
    )


FIGURES: dict[str, Callable[[Path], None]] = {
    "history": lambda path: draw_history(history(), "tiny", path),
    "history of one epoch": lambda path: draw_history(history(1, 1), "tiny", path),
    "confusion": lambda path: draw_confusion(confusion_table(make_predictions()), "tiny", path),
    "examples": lambda path: draw_examples(make_predictions(), "tiny", path),
    "systems": lambda path: draw_systems(systems(), path),
}


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_has_the_same_bytes_twice(figure: str, tmp_path: Path) -> None:
    one, two = tmp_path / "one.png", tmp_path / "other name.png"
    FIGURES[figure](one)
    with plt.rc_context({"font.size": 30, "figure.dpi": 50}):  # somebody else's settings
        FIGURES[figure](two)
    assert one.read_bytes() == two.read_bytes(), f"{figure} differs when drawn again"
    assert one.read_bytes().startswith(b"\x89PNG\r\n")
    assert b"Software" not in one.read_bytes(), "the drawing program's version is in the file"
    assert not plt.get_fignums(), "the figure was not closed"
    assert np.ptp(plt.imread(one)[..., :3]) > 0.5, "the figure is empty"


@pytest.mark.parametrize(
    ("figure", "other"),
    [
        ("history", lambda path: draw_history(history().assign(loss=1.0), "tiny", path)),
        (
            "confusion",
            lambda path: draw_confusion(
                confusion_table(make_predictions(random_seed=9)), "tiny", path
            ),
        ),
        ("systems", lambda path: draw_systems(systems().assign(uar=50.0), path)),
    ],
)
def test_a_figure_shows_its_data(
    figure: str, other: Callable[[Path], None], tmp_path: Path
) -> None:
    FIGURES[figure](tmp_path / "one.png")
    other(tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() != (tmp_path / "two.png").read_bytes()


def test_a_confusion_with_an_emotion_that_is_only_predicted_is_drawn(tmp_path: Path) -> None:
    predictions = make_predictions()
    predictions.loc[0, "predicted"] = "angry"
    draw_confusion(confusion_table(predictions), "tiny", tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").is_file()


def test_examples_are_the_surest_right_and_wrong_answer_of_each_emotion() -> None:
    predictions = make_predictions(seeds=(3, 4))
    examples = example_predictions(predictions)
    assert set(examples["seed"]) == {3}, "examples come from the first seed"
    first = predictions[predictions["seed"] == 3]
    for emotion in first["emotion"].unique():
        for is_right in (True, False):
            right = first["emotion"] == first["predicted"]
            rows = first[(first["emotion"] == emotion) & (right == is_right)]
            shown = examples[
                (examples["emotion"] == emotion)
                & ((examples["emotion"] == examples["predicted"]) == is_right)
            ]
            assert len(shown) == 1
            assert shown.iloc[0]["confidence"] == rows["confidence"].max()


def test_perfect_predictions_have_no_mistakes_to_show(tmp_path: Path) -> None:
    predictions = make_predictions(accuracy=lambda speaker: 1.0)
    assert len(example_predictions(predictions)) == predictions["emotion"].nunique()
    draw_examples(predictions, "tiny", tmp_path / "examples.png")
