"""Scores of prediction tables, recomputed by torchmetrics, equal those in the metrics files."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from torchmetrics.functional.classification import (
    multiclass_confusion_matrix,
    multiclass_f1_score,
    multiclass_recall,
)

from ser.evaluation.metrics import headline_scores
from ser.evaluation.predictions import read_predictions
from tests.builders import REPOSITORY, make_predictions

COMMITTED = sorted(path.stem for path in (REPOSITORY / "metrics").glob("*.json"))
# the JSON has six decimals
ROUNDED = 5e-7 + 1e-12


def recomputed(predictions: pd.DataFrame) -> dict[str, float]:
    """UAR, accuracy and macro F1 in percent, means over seeds, in double precision."""
    seeds = [_recomputed(rows) for _, rows in predictions.groupby("seed")]
    return {name: sum(seed[name] for seed in seeds) / len(seeds) for name in seeds[0]}


def _recomputed(rows: pd.DataFrame) -> dict[str, float]:
    """From torchmetrics' counts, since it divides them in single precision only."""
    classes = sorted(set(rows["emotion"]) | set(rows["predicted"]))
    target = torch.tensor([classes.index(emotion) for emotion in rows["emotion"]])
    predicted = torch.tensor([classes.index(emotion) for emotion in rows["predicted"]])
    counts = multiclass_confusion_matrix(predicted, target, len(classes)).double()
    right, said, shown = counts.diagonal(), counts.sum(0), counts.sum(1)
    recall, f1 = (right / shown)[shown > 0], (2 * right / (said + shown))[shown > 0]
    single = {"average": "none", "num_classes": len(classes)}
    assert torch.allclose(
        multiclass_recall(predicted, target, **single)[shown > 0].double(), recall, atol=1e-6
    )
    assert torch.allclose(
        multiclass_f1_score(predicted, target, **single)[shown > 0].double(), f1, atol=1e-6
    )
    return {
        "uar": 100 * float(recall.mean()),
        "accuracy": 100 * float(right.sum() / counts.sum()),
        "macro_f1": 100 * float(f1.mean()),
    }


@pytest.mark.parametrize("seed", range(3))
def test_scores_of_generated_predictions(seed: int) -> None:
    table = make_predictions(
        speakers=5,
        clips_each=5,
        seeds=(0, 1),
        accuracy=lambda speaker: 0.2 + 0.13 * speaker,
        emotions=("neutral", "happy", "sad", "angry"),
        random_seed=seed,
    )
    # classes of unequal size, or UAR and accuracy would be one number
    table = table[(table["emotion"] != "sad") | table["clip"].str.endswith("-1")]
    expected, found = recomputed(table), headline_scores(table)
    assert found == pytest.approx(expected, abs=1e-9)
    assert abs(found["uar"] - found["accuracy"]) > 1e-3, "the example cannot tell them apart"


@pytest.mark.parametrize("system", COMMITTED)
def test_scores_of_committed_predictions(system: str) -> None:
    table = read_predictions(REPOSITORY / "plots/systems" / system / "predictions.csv")
    path = Path(f"metrics/{system}.json")
    tracked = json.loads((REPOSITORY / path).read_text(encoding="utf-8"))
    expected, found = recomputed(table), headline_scores(table)
    for name, score in expected.items():
        assert found[name] == pytest.approx(score, abs=1e-9), f"{system}: {name}"
    for name in ("uar", "accuracy"):
        assert tracked[name] == pytest.approx(expected[name], abs=ROUNDED), f"{path}: {name}"
