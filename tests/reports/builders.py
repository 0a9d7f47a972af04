"""Results of systems as the graph writes them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ser.core.files import write_csv, write_json
from ser.evaluation.calibration import reliability_table
from ser.evaluation.metrics import (
    confusion_table,
    facts_table,
    scores_table,
    speakers_table,
    system_metrics,
)
from ser.reports.revisions import Files
from ser.reports.systems import Results
from ser.shortcuts.verdicts import as_written, table_path
from ser.splits.protocols import find_protocol
from tests.builders import make_predictions
from tests.evaluation.test_calibration import with_probabilities

# from the strongest to the weakest
BASELINES = ("functionals_linear", "functionals_svm", "loudness", "majority")


def history_table(epochs: int = 4, held_out: str = "validation") -> pd.DataFrame:
    """Two models that learn, without the noise of training."""
    rows = [
        {"fold": fold, "seed": 0, "epoch": epoch, "part": part, "loss": 2 / epoch}
        | {"accuracy": 20.0 * epoch - fold, "uar": 10.0 * epoch}
        for fold in (0, 1)
        for epoch in range(1, epochs + 1)
        for part in ("train", held_out)
    ]
    return pd.DataFrame(rows)


def baselines_table(best: float = 60.0) -> pd.DataFrame:
    """Baselines, each weaker than the one before."""
    rows = [
        {"baseline": name, "uar": best - 8 * n, "uar_low": best - 8 * n - 5}
        | {"uar_high": best + 4 - 8 * n, "accuracy": best - 8 * n}
        for n, name in enumerate(BASELINES)
    ]
    return pd.DataFrame(rows)


def write_results(
    folder: Path,
    system: str,
    predictions: pd.DataFrame | None = None,
    protocol: str = "leave_one_speaker_out",
    held_out: str = "validation",
) -> Results:
    """What the stages of a system leave in `folder`, read back from there."""
    table = with_probabilities(make_predictions() if predictions is None else predictions)
    table = table.assign(protocol=protocol)
    plots = folder / "plots/systems" / system
    tables = {
        "history": history_table(held_out=held_out),
        "confusion": confusion_table(table),
        "speakers": speakers_table(table),
        "reliability": reliability_table(table),
        "scores": scores_table(table),
        "facts": facts_table(table, 70, "float32"),
    }
    write_csv(plots / "predictions.csv", table)
    for name, rows in tables.items():
        write_csv(plots / f"{name}.csv", rows, decimals=2)
    write_csv(folder / f"metrics/baselines/{system}.csv", baselines_table(), decimals=2)
    metrics = system_metrics(table, find_protocol(protocol))
    write_json(folder / f"metrics/{system}.json", metrics)
    return Results(system, Files(root=folder))


def change_metrics(folder: Path, system: str, **changes: Any) -> None:
    """Other values in the metrics of a system."""
    path = folder / f"metrics/{system}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes), encoding="utf-8")


def write_shortcuts(folder: Path, corpus: str, cues: list[dict[str, Any]]) -> None:
    """The table of shortcuts of a corpus of 6 speakers, below `folder`."""
    table = as_written(pd.DataFrame(cues).assign(speakers=6, one_emotion=0))
    write_csv(folder / table_path(corpus), table, decimals=4)
