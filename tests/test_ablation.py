"""The list of changes to compare can be run as it stands."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.ablation import SYSTEMS, changed
from ser.params import parse_params

ROOT = Path(__file__).parents[1]
PLAN = yaml.safe_load((ROOT / "docs" / "ablation.yaml").read_text(encoding="utf-8"))
ROWS = PLAN["rows"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_every_row_is_a_valid_change_of_systems_that_exist(
    row: dict[str, Any], valid_params: dict[str, Any]
) -> None:
    common = changed(valid_params, PLAN["common"])
    values = changed(common, row["changes"])
    params = parse_params(values, row["name"])
    for system in row.get("systems", SYSTEMS):
        assert params.system(system)
    if row["changes"]:
        assert values != common, "the row changes nothing"


def test_names_of_rows_differ() -> None:
    names = [row["name"] for row in ROWS]
    assert len(set(names)) == len(names)
