"""Confidences are scored as torchmetrics scores them, and a temperature mends them."""

import numpy as np
import pandas as pd
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from ser.evaluation.calibration import (
    BINS,
    calibration_scores,
    fit_temperature,
    reliability_table,
    soften,
)
from ser.evaluation.predictions import probability_columns
from tests.builders import make_predictions


def with_probabilities(
    table: pd.DataFrame, temperature: float = 1.5, seed: int = 0
) -> pd.DataFrame:
    """Predictions with probabilities that agree with them; each fold has its own temperature."""
    rng = np.random.default_rng(seed)
    emotions = sorted(set(table["emotion"]) | set(table["predicted"]))
    drawn = np.sort(rng.dirichlet(np.ones(len(emotions)), len(table)), axis=1)
    best = table["predicted"].map(emotions.index).to_numpy()
    # the largest to the predicted emotion, the others around it
    probabilities = np.stack(
        [np.roll(row, shift) for row, shift in zip(drawn, best + 1, strict=True)]
    )
    temperatures = temperature + 0.1 * table["fold"].to_numpy()
    return table.assign(
        confidence=probabilities.max(axis=1),
        calibrated=soften(probabilities, temperatures).max(axis=1),
        temperature=temperatures,
        **{f"p_{emotion}": probabilities[:, n] for n, emotion in enumerate(emotions)},
    )


def overconfident(clips: int = 4000, sharpness: float = 2.5) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are too sure by a known temperature, and targets drawn from fair ones."""
    rng = np.random.default_rng(1)
    fair = rng.dirichlet(np.full(4, 0.8), clips)
    targets = np.array([rng.choice(4, p=row) for row in fair])
    return soften(fair, 1 / sharpness), targets


def test_the_helper_makes_answers_that_agree_with_themselves() -> None:
    table = with_probabilities(make_predictions())
    columns = probability_columns(table)
    assert ("p_" + table["predicted"] == table[columns].idxmax(axis=1)).all()
    assert table[columns].sum(axis=1).to_numpy() == pytest.approx(1)


def test_softening_keeps_the_order_and_undoes_itself() -> None:
    probabilities, _ = overconfident(200)
    softened = soften(probabilities, 3.0)
    assert (softened.argmax(axis=1) == probabilities.argmax(axis=1)).all()
    assert (softened.max(axis=1) < probabilities.max(axis=1)).all(), "above 1 is less sure"
    assert softened.sum(axis=1) == pytest.approx(1)
    assert soften(softened, 1 / 3.0) == pytest.approx(probabilities, abs=1e-6)
    assert soften(probabilities, 1.0) == pytest.approx(probabilities, abs=1e-9)


def test_each_clip_may_have_its_own_temperature() -> None:
    probabilities, _ = overconfident(6)
    temperatures = np.array([0.5, 1, 1.5, 2, 2.5, 3])
    together = soften(probabilities, temperatures)
    for row, temperature in enumerate(temperatures):
        alone = soften(probabilities[row : row + 1], float(temperature))
        assert together[row : row + 1] == pytest.approx(alone)


def test_certain_answers_can_be_softened() -> None:
    softened = soften(np.array([[1.0, 0.0, 0.0]]), 2.0)
    assert np.isfinite(softened).all()
    assert softened.sum() == pytest.approx(1)


def test_the_temperature_of_known_overconfidence_is_found() -> None:
    probabilities, targets = overconfident(sharpness=2.5)
    speakers = np.array([str(n % 2) for n in range(len(targets))])
    found = fit_temperature(probabilities, targets, speakers, prior=0.0)
    assert found == pytest.approx(2.5, rel=0.1)


@pytest.mark.parametrize("seed", range(2))
def test_the_calibration_error_is_that_of_torchmetrics(seed: int) -> None:
    table = with_probabilities(make_predictions(random_seed=seed), seed=seed)
    columns = probability_columns(table)
    targets = torch.tensor([columns.index(f"p_{emotion}") for emotion in table["emotion"]])
    raw = table[columns].to_numpy()
    softened = soften(raw, table["temperature"].to_numpy())
    scores = calibration_scores(table)
    for key, probabilities in (("ece", raw), ("ece_calibrated", softened)):
        expected = multiclass_calibration_error(
            torch.tensor(probabilities), targets, len(columns), n_bins=BINS, norm="l1"
        )
        assert scores[key] == pytest.approx(float(expected), abs=1e-6), key


@pytest.mark.parametrize("seed", range(2))
def test_the_table_of_bins_holds_the_calibration_error(seed: int) -> None:
    predictions = with_probabilities(make_predictions(random_seed=seed), seed=seed)
    table, scores = reliability_table(predictions), calibration_scores(predictions)
    for kind, key in (("raw", "ece"), ("calibrated", "ece_calibrated")):
        rows = table[table["kind"] == kind]
        assert rows["clips"].sum() == len(predictions), f"{kind}: clips are lost between bins"
        gaps = (rows["accuracy"] - rows["confidence"]).abs() / 100
        error = float((gaps * rows["clips"]).sum() / rows["clips"].sum())
        assert error == pytest.approx(scores[key], abs=1e-6), kind


def test_bins_are_of_equal_width() -> None:
    table = reliability_table(with_probabilities(make_predictions(clips_each=40)))
    low, high = 100 * (table["bin"] - 1) / BINS, 100 * table["bin"] / BINS
    assert table["confidence"].between(low, high).all()
    assert table["bin"].between(1, BINS).all()
    assert set(table["kind"]) == {"raw", "calibrated"}
    assert (table["clips"] > 0).all()


def test_an_answer_that_is_certain_is_in_the_last_bin() -> None:
    predictions = with_probabilities(make_predictions()).assign(confidence=1.0)
    raw = reliability_table(predictions).query("kind == 'raw'")
    assert raw["bin"].tolist() == [BINS]
    wrong = (predictions["emotion"] != predictions["predicted"]).mean()
    assert calibration_scores(predictions)["ece"] == pytest.approx(wrong, abs=1e-6)


def test_the_brier_score_equals_an_independent_computation() -> None:
    table = with_probabilities(make_predictions())
    columns = probability_columns(table)
    emotions = [column.removeprefix("p_") for column in columns]
    truth = np.array([[emotion == name for name in emotions] for emotion in table["emotion"]])
    raw = table[columns].to_numpy()
    scores = calibration_scores(table)
    assert scores["brier"] == pytest.approx(((raw - truth) ** 2).sum(axis=1).mean(), abs=1e-9)
    softened = soften(raw, table["temperature"].to_numpy())
    expected = ((softened - truth) ** 2).sum(axis=1).mean()
    assert scores["brier_calibrated"] == pytest.approx(expected, abs=1e-9)


def test_an_emotion_that_is_only_predicted_is_part_of_the_brier_score() -> None:
    table = make_predictions()
    table.loc[0, "predicted"] = "angry"
    scores = calibration_scores(with_probabilities(table))
    assert 0 < scores["brier"] < 2


def test_the_temperature_is_a_mean_over_models_not_over_clips() -> None:
    table = with_probabilities(make_predictions(speakers=2))
    table["temperature"] = np.where(table["fold"] == 0, 1.0, 2.0)
    few = table.drop(table.index[table["fold"] == 0][1:])
    assert calibration_scores(few)["temperature"] == pytest.approx(1.5)


def test_the_right_temperature_lowers_both_scores() -> None:
    probabilities, targets = overconfident()
    names = np.array(["neutral", "happy", "sad", "angry"])
    softened = soften(probabilities, 2.5)
    columns = {f"p_{name}": probabilities[:, n] for n, name in enumerate(names)}
    scores = calibration_scores(
        pd.DataFrame(
            {
                "fold": 0,
                "seed": 0,
                "emotion": names[targets],
                "predicted": names[probabilities.argmax(axis=1)],
                "confidence": probabilities.max(axis=1),
                "calibrated": softened.max(axis=1),
                "temperature": 2.5,
                **columns,
            }
        )
    )
    assert scores["ece_calibrated"] < 0.05 < scores["ece"], "the temperature does not mend it"
    assert scores["brier_calibrated"] < scores["brier"]
