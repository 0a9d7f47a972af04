"""Optimizers: each is tuned equally long, and on validation speakers only."""

import pandas as pd
import pytest
from torch.optim import SGD, Adam, AdamW, RMSprop

from ser.evaluation.trials import Job, Trial, validate_job
from ser.guards.checks import Purpose
from ser.models.network import build_network
from ser.reading.data import SystemData
from ser.reading.reader import Reader
from ser.training.optimizers import Muon, build_optimizers
from ser.training.settings import load_recipe
from studies.optimizers import CANDIDATES, TUNING_FOLDS, Candidate, study_optimizers, tune
from tests.builders import CORPUS, LAYOUT, make_values, tiny_system
from tests.studies.builders import study_values, write_study

FEW = (Candidate("SGD", "sgd", (1e-7, 0.1)), Candidate("Adam", "adam", (1e-7, 0.02)))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> SystemData:
    return tiny_system(tmp_path_factory.mktemp("data"))


def test_every_candidate_has_as_many_rates_over_as_wide_a_range() -> None:
    assert len({len(one.rates) for one in CANDIDATES}) == 1
    for one in CANDIDATES:
        assert list(one.rates) == sorted(one.rates)
        assert one.rates[-1] / one.rates[0] == pytest.approx(100), one.name
    assert len({one.name for one in CANDIDATES}) == len(CANDIDATES)


@pytest.mark.parametrize("one", CANDIDATES, ids=lambda one: one.name)
def test_a_candidate_is_the_optimizer_of_its_name(one: Candidate) -> None:
    recipe = load_recipe(one.settings(make_values(), one.rates[1]))
    network = build_network(recipe.model.network, recipe.model.settings, LAYOUT, 3)
    first, *rest = build_optimizers(network, recipe.optimizer)
    assert first.param_groups[0]["lr"] == one.rates[1]
    kinds = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam, "adamw": AdamW, "muon": Muon}
    assert type(first) is kinds[one.row]
    if one.row == "sgd":
        assert (first.param_groups[0]["momentum"] == 0) == (one.name == "SGD")
    if one.row == "muon":
        own = make_values().section("optimizers.muon", dict)
        share = rest[0].param_groups[0]["lr"] / one.rates[1]
        assert share == pytest.approx(own["rest"]["lr"] / own["lr"])


def test_tuning_reads_no_test_clip(data: SystemData, monkeypatch: pytest.MonkeyPatch) -> None:
    purposes = []
    read = Reader.features

    def watched(self: Reader, items: pd.DataFrame, purpose: Purpose) -> list:  # type: ignore[type-arg]
        purposes.append(purpose)
        return read(self, items, purpose)

    monkeypatch.setattr(Reader, "features", watched)
    trial = Trial.of("SGD", make_values(), data, with_linear=False)
    actual, predicted = validate_job(Job(trial, 0, 0))
    assert Purpose.CALIBRATION in purposes
    assert Purpose.TEST not in purposes, "a rate would be chosen by test clips"
    held_out = data.with_role(0, "validation")
    assert sorted(actual) == sorted(held_out["emotion"])
    assert len(predicted) == len(actual)


def test_the_rate_that_validates_best_is_chosen(
    data: SystemData, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned: list[Job] = []

    def watched(job: Job) -> tuple[list[str], list[str]]:
        tuned.append(job)
        return validate_job(job)

    monkeypatch.setattr("studies.optimizers.validate_job", watched)
    table = tune(study_values(**{"studies.training.epochs": 12}), data, "test", FEW)
    chosen = table[table["chosen"]].set_index("name")["rate"]
    assert chosen.to_dict() == {"SGD": 0.1, "Adam": 0.02}, "a rate that teaches nothing is chosen"
    folds = [job.fold for job in tuned]
    assert len(folds) == TUNING_FOLDS * 4, "not every rate was tried equally long"
    assert len(set(folds)) == TUNING_FOLDS
    assert {job.seed for job in tuned} == {0}


def test_the_study_compares_all_with_the_first() -> None:
    write_study()
    # with a linear part it would ask for functionals of clips that no optimizer trains on
    tables = study_optimizers(study_values(), CORPUS, FEW)
    assert tables[""]["name"].tolist() == ["SGD", "Adam"]
    assert tables[""]["difference"].isna().tolist() == [True, False]
    chosen = tables["_rates"][tables["_rates"]["chosen"]]
    for column in ("rate", "validation_uar"):
        assert tables[""][column].tolist() == chosen[column].tolist()
    history = tables["_history"]
    assert set(history["part"]) == {"train", "validation"}
    assert not history.duplicated(["name", "epoch", "part"]).any()
