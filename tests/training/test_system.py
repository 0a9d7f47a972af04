"""Training of a system with one seed: all folds, in any number of processes, or nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ser.core.errors import SerError
from ser.core.files import partial_path
from ser.core.workers import VARIABLE
from ser.guards.crossings import Crossing
from ser.models.storage import load_network, network_path, seed_folder
from ser.reading.data import SystemData
from ser.training import system
from ser.training.settings import Recipe
from ser.training.system import HISTORY, read_history, train_seed
from tests.builders import make_recipe, tiny_system
from tests.conftest import Refused

QUICK = {"training.epochs": 1}
SEED = 3


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> SystemData:
    return tiny_system(tmp_path_factory.mktemp("system"), speakers=3)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def train(data: SystemData, models: Path, recipe: Recipe | None = None) -> dict[str, bytes]:
    train_seed(recipe or make_recipe(QUICK), data, SEED, models, "tiny")
    return contents(seed_folder(models, SEED))


def test_every_fold_has_its_model_whatever_the_number_of_processes(
    data: SystemData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    for processes in ("1", "2"):
        monkeypatch.setenv(VARIABLE, processes)
        written.append(train(data, tmp_path / processes))
    assert written[0] == written[1], "the number of processes changes the result"
    folder = seed_folder(tmp_path / "1", SEED)
    paths = [network_path(folder, fold) for fold in data.fold_numbers]
    assert set(written[0]) == {HISTORY, *(path.name for path in paths)}
    for fold, path in enumerate(paths):
        model = load_network(path)
        assert (model.fold, model.seed) == (fold, SEED)
    rows = read_history(folder / HISTORY)
    found = set(rows[["fold", "seed", "epoch", "part"]].itertuples(index=False, name=None))
    assert found == {
        (fold, SEED, 1, part) for fold in data.fold_numbers for part in ("train", "validation")
    }
    assert len(rows) == len(found)


class Stopped(BaseException):
    """As Ctrl-C is."""


def stop_after(monkeypatch: pytest.MonkeyPatch, folds: int) -> list[int]:
    """Have training stopped once so many folds are trained; the list holds those that were."""
    begun: list[int] = []
    real = system.train_fold

    def train_fold(recipe: Recipe, data: SystemData, fold: int, *more: Any) -> Any:
        if len(begun) == folds:
            raise Stopped
        begun.append(fold)
        return real(recipe, data, fold, *more)

    monkeypatch.setattr(system, "train_fold", train_fold)
    return begun


def test_a_stopped_training_goes_on_with_the_next_fold(data: SystemData, tmp_path: Path) -> None:
    whole = train(data, tmp_path / "whole")
    models = tmp_path / "models"
    with pytest.MonkeyPatch.context() as patch:
        assert stop_after(patch, 2) == []
        with pytest.raises(Stopped):
            train(data, models)
    assert not seed_folder(models, SEED).exists(), "half a training counts as one"
    with pytest.MonkeyPatch.context() as patch:
        begun = stop_after(patch, 9)
        assert train(data, models) == whole, "a training in two parts gives other bytes"
        assert begun == [2], "a finished fold was trained again"
    assert [path.name for path in models.iterdir()] == ["seed_3"], "something is left over"


def other_copies(data: SystemData) -> SystemData:
    return replace(data, index=data.index.iloc[::-1].reset_index(drop=True))


def other_protocol(data: SystemData) -> SystemData:
    leaky = replace(data.protocol, crosses=data.protocol.crosses | {Crossing.CHECKPOINT})
    return replace(data, protocol=leaky)


def other_layout(data: SystemData) -> SystemData:
    return replace(data, layout=replace(data.layout, neighbours=False))


def other_folds(data: SystemData) -> SystemData:
    return replace(data, folds=data.folds.assign(fold=(data.folds["fold"] + 1) % 3))


@pytest.mark.parametrize("change", [other_copies, other_protocol, other_layout, other_folds])
def test_folds_of_other_data_are_not_gone_on_with(
    data: SystemData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[SystemData], SystemData],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(Stopped):
            train(data, tmp_path)
    begun = stop_after(monkeypatch, 9)
    train(change(data), tmp_path)
    assert begun == [0, 1, 2], "folds of another run were taken for these"


def test_folds_of_another_recipe_are_not_gone_on_with(
    data: SystemData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(Stopped):
            train(data, tmp_path)
    begun = stop_after(monkeypatch, 9)
    train(data, tmp_path, make_recipe({**QUICK, "optimizers.adamw.lr": 1e-4}))
    assert begun == [0, 1, 2], "folds of another recipe were taken for these"


def test_a_failure_leaves_the_old_models(
    data: SystemData, tmp_path: Path, refused: Refused
) -> None:
    before = train(data, tmp_path)
    absurd = {"optimizer": "sgd", "optimizers.sgd.lr": 1e30, "training.schedule": "constant"}
    with refused("diverged in fold 0 with seed 3; lower optimizers.sgd.lr"):
        train(data, tmp_path, make_recipe(absurd))
    assert contents(seed_folder(tmp_path, SEED)) == before
    assert [path.name for path in partial_path(seed_folder(tmp_path, SEED)).iterdir()] == [
        ".key.partial"
    ], "half a fold waits for the next run"


def test_a_training_that_lacks_a_fold_does_not_count(
    data: SystemData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "save_network", lambda path, model: None)
    with pytest.raises(SerError, match="would lack fold_00"):
        train(data, tmp_path)
    assert not seed_folder(tmp_path, SEED).exists()
