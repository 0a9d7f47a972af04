"""The list of changes to compare can be run as it stands, and a row is measured on validation."""

from pathlib import Path

import pytest
import yaml

from benchmarks import ablation
from benchmarks.ablation import SYSTEMS, validation_scores
from ser.check import check_values
from tests.builders import CORPUS, REPOSITORY, build_voices, make_values, real_values, write_splits

ROWS = yaml.safe_load((REPOSITORY / "docs" / "ablation.yaml").read_text(encoding="utf-8"))


def test_every_row_is_a_valid_change_of_systems_that_exist() -> None:
    values = real_values()
    for row in ROWS:
        changed = values.changed(row["changes"])
        check_values(changed)
        assert (changed.table != values.table) == bool(row["changes"]), row["name"]
        for system in row.get("systems", SYSTEMS):
            assert system in values.table["systems"], row["name"]
    names = [row["name"] for row in ROWS]
    assert len(set(names)) == len(names)


def test_a_row_is_trained_and_scored_on_validation_speakers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = build_voices(tmp_path / "corpora" / CORPUS)
    write_splits(manifest.assign(take_group=manifest["clip"]), tmp_path / "splits" / CORPUS)
    monkeypatch.setattr(ablation, "DATA", tmp_path)
    scores = validation_scores(make_values({"training.epochs": 1}), "tiny", [0, 1])
    assert 0 <= scores["validation_uar"] <= 100
    assert scores["deviation"] >= 0
    assert 0 < scores["validation_loss"] < 10
    assert scores["parameters"] > 100
