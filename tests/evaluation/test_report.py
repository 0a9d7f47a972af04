"""All systems in one table."""

import json

from ser.evaluation.metrics import system_metrics
from ser.evaluation.report import systems_table
from tests.builders import make_predictions


def test_a_system_has_one_row_with_its_own_scores() -> None:
    metrics = {
        name: json.loads(json.dumps(system_metrics(make_predictions(random_seed=seed), 10 + seed)))
        for seed, name in enumerate(("one", "two", "three"))
    }
    table = systems_table(metrics)
    assert table["system"].tolist() == ["one", "two", "three"], "the order of params.yaml is lost"
    for row in table.to_dict("records"):
        for column, value in row.items():
            if column != "system":
                assert value == metrics[row["system"]][column], f"{row['system']}: {column}"
    assert {"uar", "uar_low", "uar_high", "chance", "n_clips", "n_speakers"} <= set(table.columns)


def test_a_system_of_one_gender_has_gaps() -> None:
    predictions = make_predictions()
    only = system_metrics(predictions[predictions["gender"] == "female"], 1)
    table = systems_table({"one": system_metrics(predictions, 1), "female": only})
    assert table["uar_male"].isna().tolist() == [False, True]
