"""All systems side by side."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ser.errors import SerError

# floors from the strongest to the weakest
FLOORS = (
    "functionals_linear",
    "functionals_svm",
    "loudness",
    "duration",
    "speaker_majority",
    "majority",
)

_SCORES = (
    "protocol",
    "mark",
    "uar",
    "uar_low",
    "uar_high",
    "uar_deviation",
    "accuracy",
    "macro_f1",
    "uar_female",
    "uar_male",
    "chance",
    "ece_calibrated",
)
_COUNTS = ("n_clips", "n_speakers", "parameters")


def systems_table(
    metrics: Mapping[str, Mapping[str, Any]], floors: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """One row a system: scores in percent, its floors' UAR as `floor_<name>`, and counts.

    Args:
        metrics: what `system_metrics` gave, by system.
        floors: the floors of the same systems.

    Raises:
        SerError: if a system's floors were made under another protocol.
    """
    return pd.DataFrame([_row(name, values, floors[name]) for name, values in metrics.items()])


def _row(name: str, values: Mapping[str, Any], floors: Mapping[str, Any]) -> dict[str, Any]:
    if floors["protocol"] != values["protocol"]:
        raise SerError(
            f"System {name} was scored under protocol {values['protocol']}, but its floors under "
            f"{floors['protocol']}; run `dvc repro`."
        )
    svm = floors["functionals_svm"]
    return {
        "system": name,
        **{column: values[column] for column in _SCORES},
        **{f"floor_{floor}": floors[floor]["uar"] for floor in FLOORS},
        "floor_functionals_svm_low": svm["uar_low"],
        "floor_functionals_svm_high": svm["uar_high"],
        "n_seeds": len(values["seeds"]),
        **{column: values[column] for column in _COUNTS},
    }


def read_metrics(folder: Path, systems: list[str]) -> dict[str, dict[str, Any]]:
    """What `<folder>/<system>.json` holds, by system.

    Raises:
        SerError: if a file is missing or no JSON.
    """
    return {name: _read_json(folder / f"{name}.json") for name in systems}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SerError(f"The metrics {path} are missing; run `dvc repro`.") from None
    except ValueError as error:
        raise SerError(f"The metrics {path} are no JSON: {error}; run `dvc repro`.") from None
    return values
