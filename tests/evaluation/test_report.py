"""All systems in one table."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ser.errors import SerError
from ser.evaluation.metrics import system_metrics
from ser.evaluation.report import FLOORS, read_metrics, systems_table
from ser.splits.protocols import PROTOCOLS
from tests.builders import make_predictions
from tests.evaluation.test_calibration import with_probabilities


def make_metrics(
    predictions: pd.DataFrame, protocol: str = "leave_one_speaker_out", parameters: int = 10
) -> dict[str, Any]:
    """Metrics as they are read back from their file."""
    values = system_metrics(with_probabilities(predictions), parameters, PROTOCOLS[protocol])
    return json.loads(json.dumps(values))


def make_floors(protocol: str = "leave_one_speaker_out", best: float = 60.0) -> dict[str, Any]:
    """Floors, each weaker than the one before."""
    scores = {
        name: {"uar": best - 8 * n, "uar_low": best - 8 * n - 5, "uar_high": best + 4 - 8 * n}
        for n, name in enumerate(FLOORS)
    }
    return {"protocol": protocol, "mark": PROTOCOLS[protocol].mark or "none", **scores}


def test_a_system_has_one_row_with_its_own_scores() -> None:
    metrics = {
        name: make_metrics(make_predictions(random_seed=seed), parameters=10 + seed)
        for seed, name in enumerate(("one", "two", "three"))
    }
    floors = {name: make_floors(best=50.0 + n) for n, name in enumerate(metrics)}
    table = systems_table(metrics, floors)
    assert table["system"].tolist() == ["one", "two", "three"], "the order of params.yaml is lost"
    for row in table.to_dict("records"):
        for column in set(row) & set(metrics["one"]):
            expected = metrics[row["system"]][column]
            missing = expected is None and pd.isna(row[column])
            assert missing or row[column] == expected, f"{row['system']}: {column}"
    wanted = {"protocol", "mark", "uar", "uar_low", "uar_high", "uar_deviation", "n_seeds"}
    wanted |= {"macro_f1", "chance", "ece_calibrated", "n_clips", "n_speakers"}
    assert wanted <= set(table.columns)


def test_floors_stand_in_the_row_of_their_system() -> None:
    metrics = {name: make_metrics(make_predictions()) for name in ("one", "two")}
    floors = {"two": make_floors(best=40.0), "one": make_floors(best=60.0)}
    table = systems_table(metrics, floors).set_index("system")
    for name in metrics:
        for floor in FLOORS:
            assert table.loc[name, f"floor_{floor}"] == floors[name][floor]["uar"], (name, floor)
        svm = floors[name]["functionals_svm"]
        assert table.loc[name, "floor_functionals_svm_low"] == svm["uar_low"]
        assert table.loc[name, "floor_functionals_svm_high"] == svm["uar_high"]


def test_floors_of_another_protocol_are_not_shown_beside_a_system() -> None:
    metrics = {"one": make_metrics(make_predictions())}
    with pytest.raises(SerError, match="one was scored under protocol leave_one_speaker_out"):
        systems_table(metrics, {"one": make_floors("leaky_random")})


def test_a_leaky_system_is_marked_in_the_table() -> None:
    metrics = {"one": make_metrics(make_predictions(), "leaky_random")}
    table = systems_table(metrics, {"one": make_floors("leaky_random")})
    assert table["mark"].tolist() == ["LEAKY: speaker, take, duplicate audio"]


def test_a_system_of_one_gender_or_one_seed_has_gaps() -> None:
    predictions = make_predictions(seeds=(0, 1))
    only = predictions[(predictions["gender"] == "female") & (predictions["seed"] == 0)]
    metrics = {"all": make_metrics(predictions), "female": make_metrics(only)}
    table = systems_table(metrics, {name: make_floors() for name in metrics})
    assert table["uar_male"].isna().tolist() == [False, True]
    assert table["uar_deviation"].isna().tolist() == [False, True]
    assert table["n_seeds"].tolist() == [2, 1]


def test_metrics_are_read_by_system(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"uar": len(name)}))
    assert list(read_metrics(tmp_path, ["two", "one"])) == ["two", "one"]


def test_missing_or_damaged_metrics_are_named(tmp_path: Path) -> None:
    with pytest.raises(SerError, match=r"one\.json are missing; run `dvc repro`"):
        read_metrics(tmp_path, ["one"])
    (tmp_path / "one.json").write_text('{"uar": ')
    with pytest.raises(SerError, match=r"one\.json are no JSON"):
        read_metrics(tmp_path, ["one"])
