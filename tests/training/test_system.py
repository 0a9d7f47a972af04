"""Training of a whole system: all folds and seeds, in any number of processes, or nothing."""

import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ser.reading.data import SystemData
from ser.core.errors import SerError
from ser.models.storage import load_model, model_path
from ser.training.fold import train_fold
from ser.training.system import log_seconds, train_system
from tests.builders import make_params, one_torch_thread, tiny_system

QUICK = {"training.epochs": 1, "training.seeds": [0, 3]}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


@pytest.fixture
def data(tmp_path: Path) -> SystemData:
    return tiny_system(tmp_path / "data", speakers=3)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_every_fold_and_seed_has_its_model_whatever_the_number_of_processes(
    data: SystemData, tmp_path: Path
) -> None:
    written = []
    for processes in (1, 2):
        out, history = tmp_path / f"models-{processes}", tmp_path / f"history-{processes}.csv"
        params = make_params({**QUICK, "processes": processes})
        assert train_system(params, data, "tiny", out, history) > 0
        written.append((contents(out), history.read_bytes()))
    assert written[0] == written[1], "the number of processes changes the result"
    jobs = [(fold, seed) for seed in (0, 3) for fold in range(3)]
    out = tmp_path / "models-1"
    assert sorted(path.name for path in out.iterdir()) == sorted(
        model_path(out, *job).name for job in jobs
    )
    for fold, seed in jobs:
        model = load_model(model_path(out, fold, seed))
        assert (model.fold, model.seed) == (fold, seed)
    rows = pd.read_csv(tmp_path / "history-1.csv")
    expected = {(*job, 0, 1, part) for job in jobs for part in ("train", "validation")}
    found = set(
        rows[["fold", "seed", "network", "epoch", "part"]].itertuples(index=False, name=None)
    )
    assert found == expected
    assert len(rows) == len(expected)


def test_a_system_is_trained_with_the_first_of_all_seeds(data: SystemData, tmp_path: Path) -> None:
    params = make_params({**QUICK, "systems.tiny.max_seeds": 1})
    train_system(params, data, "tiny", tmp_path / "models", tmp_path / "history.csv")
    assert set(pd.read_csv(tmp_path / "history.csv")["seed"]) == {0}
    assert len(list((tmp_path / "models").iterdir())) == len(data.fold_numbers)


def test_divergence_is_a_sentence_and_leaves_the_old_models(
    data: SystemData, tmp_path: Path
) -> None:
    out = tmp_path / "models"
    train_system(make_params({"training.epochs": 1}), data, "tiny", out, tmp_path / "history.csv")
    before = contents(out), (tmp_path / "history.csv").read_bytes()
    absurd = make_params(
        {"optimizer": "sgd", "optimizers.sgd.lr": 1e30, "training.schedule": "constant"}
    )
    with pytest.raises(
        SerError, match=r"diverged in fold \d with seed 0; lower optimizers\.sgd\.lr"
    ):
        train_system(absurd, data, "tiny", out, tmp_path / "history.csv")
    assert (contents(out), (tmp_path / "history.csv").read_bytes()) == before
    assert not list(tmp_path.glob(".*partial")), "a partial folder is left"


def test_a_single_weight_that_is_not_finite_is_divergence(
    data: SystemData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train_badly(*job: Any) -> Any:
        model, scores = train_fold(*job)
        model.networks[0].classifier.bias.data[0] = float("nan")
        return model, scores

    monkeypatch.setattr("ser.training.system.train_fold", train_badly)
    with pytest.raises(SerError, match="diverged in fold"):
        train_system(make_params(QUICK), data, "tiny", tmp_path / "models", tmp_path / "h.csv")
    assert not (tmp_path / "models").exists()


def test_after_a_failure_no_further_fold_is_trained(
    data: SystemData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()

    def fail(params: object, data: object, fold: int, seed: int) -> None:
        (begun / f"{fold}-{seed}").touch()
        time.sleep(0.05)
        raise SerError("Training diverged.")

    monkeypatch.setattr("ser.training.system.train_fold", fail)
    params = make_params({"training.seeds": list(range(8))})
    with pytest.raises(SerError, match="diverged"):
        train_system(params, data, "tiny", tmp_path / "models", tmp_path / "history.csv")
    # the pool hands out a few jobs ahead
    assert len(list(begun.iterdir())) < 12, "all 24 models were trained before the error was shown"


def test_seconds_of_other_systems_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "seconds.json"
    for name, seconds in (("one", 1.26), ("two", 2.0), ("one", 3.0)):
        log_seconds(log, name, seconds)
    assert json.loads(log.read_text()) == {"one": 3.0, "two": 2.0}
