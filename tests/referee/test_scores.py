"""Scores beside what hears nothing, the claimed number, and calibration, against known truths."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ser.core.scoring import accuracy, unweighted_average_recall
from ser.evaluation.intervals import uar_interval
from ser.referee.audit import Audit
from ser.referee.scores import Calibration
from ser.referee.words import sections
from tests.builders import make_predictions
from tests.conftest import Refused, case
from tests.referee.splits import folds_of_speakers, held_out, submit


def said(found: Audit) -> str:
    """All words of the page."""
    return str(sections(found))


def test_the_score_and_its_interval_are_those_of_our_own_metrics(tmp_path: Path) -> None:
    predictions = make_predictions(speakers=6, clips_each=6, seeds=(0, 1))
    found = submit(tmp_path, predictions)
    assert found.answered is not None
    assert found.answered.interval == uar_interval(predictions)
    assert found.answered.speakers == 6
    by_seed = [
        unweighted_average_recall(rows["emotion"].tolist(), rows["predicted"].tolist())
        for _, rows in predictions.groupby("seed")
    ]
    assert found.answered.uar == pytest.approx(np.mean(by_seed))


@pytest.fixture
def answered(tmp_path: Path) -> pd.DataFrame:
    """Five speakers, unequal emotions, three in four answers right."""
    table = folds_of_speakers(5, 6)
    table = table[(table["emotion"] != "sad") | table["sentence"].isin(["1", "2"])]
    rng = np.random.default_rng(3)
    wrong = rng.choice(["happy", "sad"], len(table))
    return table.assign(predicted=np.where(rng.random(len(table)) < 0.75, table["emotion"], wrong))


def test_a_claim_is_told_from_what_it_is(tmp_path: Path, answered: pd.DataFrame) -> None:
    actual, predicted = answered["emotion"].tolist(), answered["predicted"].tolist()
    folds = [rows for _, rows in answered.groupby("fold")]
    by_fold = [
        unweighted_average_recall(f["emotion"].tolist(), f["predicted"].tolist()) for f in folds
    ]
    uar, right = unweighted_average_recall(actual, predicted), accuracy(actual, predicted)
    for claimed, sentence in (
        (f"{uar:.1f}", "is what the answers give"),
        (f"{uar / 100:.3f}", "is what the answers give"),
        (f"{right:.2f}", "is not their UAR but the accuracy over all answers"),
        (f"{max(by_fold):.2f}", "UAR of the best fold"),
        (f"{np.mean(by_fold):.2f}", "UAR, mean over folds"),
        ("99.99", "is not found again"),
    ):
        with case(claimed, sentence):
            assert sentence in said(submit(tmp_path, answered, claimed=claimed))


def test_claims_that_are_no_scores_are_refused(
    tmp_path: Path, answered: pd.DataFrame, refused: Refused
) -> None:
    for claimed in ("abc", "-3", "101", "nan", "1e999"):
        with case(claimed), refused("--claimed", claimed):
            submit(tmp_path, answered, claimed=claimed)


def test_an_oracle_of_speakers_is_a_warning_only_where_they_give_labels_away(
    tmp_path: Path,
) -> None:
    tied = held_out(9, 4)
    emotions = ["neutral", "happy", "sad"]
    own = tied["speaker"].map(lambda name: emotions[int(name) % 3])
    # each speaker shows one emotion: 100, whatever is heard
    found = submit(tmp_path, tied.assign(emotion=own))
    assert found.majority is not None
    assert found.majority.uar == 100
    assert "Speakers give the labels away" in said(found)
    # few clips a speaker always have a most frequent emotion: by chance, no warning
    rng = np.random.default_rng(0)
    loose = held_out(40, 3, tested=20)
    found = submit(tmp_path, loose.assign(emotion=rng.choice(emotions, len(loose))))
    assert found.majority is not None
    assert found.majority.uar > 40
    assert found.by_chance == pytest.approx(found.majority.uar, abs=10)
    assert "give the labels away" not in said(found)


def test_length_is_a_warning_only_where_it_gives_labels_away(tmp_path: Path) -> None:
    table, rng = held_out(10, 6, tested=4), np.random.default_rng(1)
    base = table["emotion"].map({"neutral": 1.0, "happy": 2.0, "sad": 4.0})
    found = submit(tmp_path, table.assign(duration=base * rng.uniform(0.9, 1.1, len(table))))
    assert found.length is not None
    assert found.length.uar == 100
    assert "Length gives labels away" in said(found)
    found = submit(tmp_path, table.assign(length=rng.uniform(1, 2, len(table))))
    assert found.length is not None
    assert "Length gives labels away" not in said(found)
    # the same everywhere: no more than chance, and no division by zero
    found = submit(tmp_path, table.assign(duration=2.0))
    assert found.length is not None
    assert found.length.uar == pytest.approx(100 / 3)
    # one clip that trains has none, and can be done without; one that tests cannot
    for role, known in (("train", True), ("test", False)):
        lacking = table.assign(duration=base)
        lacking.loc[lacking.index[lacking["split"] == role][0], "duration"] = np.nan
        assert (submit(tmp_path, lacking).length is not None) == known


def with_shares(sure: float, right: float, form: str = "p_{}") -> pd.DataFrame:
    """Predictions of many clips: so sure of each, and right so often."""
    table = folds_of_speakers(10, 20)
    emotions = sorted(table["emotion"].unique())
    order = np.arange(len(table)) % 100 < 100 * right
    following = table["emotion"].map(dict(zip(emotions, emotions[1:] + emotions[:1], strict=True)))
    table["predicted"] = np.where(order, table["emotion"], following)
    for emotion in emotions:
        likely = table["predicted"] == emotion
        table[form.format(emotion)] = np.where(likely, sure, (1 - sure) / 2)
    return table


def test_calibration_is_that_of_the_answers(tmp_path: Path) -> None:
    # nkululeko calls the columns by the labels alone
    for sure, right, words, form in (
        (0.8, 0.8, "no bias beyond chance", "p_{}"),
        (0.9, 0.6, "they are too sure", "{}"),
        (0.6, 0.9, "they are not sure enough", "prob_{}"),
    ):
        with case(sure, right, form):
            table = with_shares(sure, right, form)
            found = submit(tmp_path, table)
            assert isinstance(found.calibration, Calibration)
            hits = 100 * (table["emotion"] == table["predicted"]).mean()
            assert found.calibration.ece == pytest.approx(abs(100 * sure - hits), abs=1e-6)
            assert words in said(found)


def test_a_column_of_confidence_is_enough_and_what_is_no_probability_is_said(
    tmp_path: Path,
) -> None:
    table = with_shares(0.9, 0.6)
    alone = table[["file", "speaker", "emotion", "fold", "predicted"]]
    found = submit(tmp_path, alone.assign(confidence=0.9))
    assert isinstance(found.calibration, Calibration)
    assert found.calibration.confidence == pytest.approx(90)
    assert submit(tmp_path, alone).calibration is None
    logits = table.assign(p_happy=12.5)
    assert "do not add up to 1" in said(submit(tmp_path, logits))
    assert "outside 0 to 1" in said(submit(tmp_path, alone.assign(confidence=3)))
    # without predicted labels, the likeliest counts
    found = submit(tmp_path, table.drop(columns="predicted"))
    assert found.answered == submit(tmp_path, table).answered


def test_predictions_alone_have_a_score_and_say_what_they_cannot(tmp_path: Path) -> None:
    table = folds_of_speakers().drop(columns="fold")
    found = submit(tmp_path, table.assign(prediction=table["emotion"].str.title()))
    assert found.answered is not None
    assert found.answered.uar == 100
    assert not found.sides
    assert "do not say what trains" in said(found)
    assert "No split to judge" in said(found)


def test_predictions_meet_their_split_in_another_file(tmp_path: Path, refused: Refused) -> None:
    split = held_out()
    tests = split[split["split"] == "test"]
    answers = pd.DataFrame(
        {"utt": tests["file"].str.rpartition("/")[2], "pred": tests["emotion"], "run": "1"}
    )
    # names alone do not tell these clips apart
    with refused("No clip of", "named as they are there"):
        submit(tmp_path, split, answers)
    answers["utt"] = tests["file"].str.removesuffix(".wav")
    found = submit(tmp_path, split, pd.concat([answers, answers.iloc[:1].assign(utt="other.wav")]))
    assert found.answered is not None
    assert found.answered.uar == 100
    assert found.answered.speakers == 2
    assert any("1 of 25 rows" in remark for remark in found.remarks)


def test_labels_in_two_vocabularies_and_double_answers_are_refused(
    tmp_path: Path, answered: pd.DataFrame, refused: Refused
) -> None:
    with refused("No predicted label", "'0'"):
        submit(tmp_path, answered.assign(predicted="0"))
    with refused("is answered twice", "--column seed="):
        submit(tmp_path, pd.concat([answered, answered.iloc[:1]]))
    odd = answered.iloc[:1].assign(speaker="99", predicted="")
    with refused("in one row and", "speaker"):
        submit(tmp_path, pd.concat([answered, odd]))
