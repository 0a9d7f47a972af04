"""Optimizers: each is tuned equally long, and on validation speakers only."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from torch.optim import SGD, Adam, AdamW, RMSprop

import stages.optimizers
from ser.reading.data import FoldReader
from ser.guards.checks import Purpose
from studies.optimizers import (
    CANDIDATES,
    Candidate,
    OptimizerStudy,
    describe_optimizers,
    study_optimizers,
    tune,
    validate_fold,
)
from ser.reports.figures.optimizers import draw_curves, draw_optimizers, draw_rates
from ser.evaluation.trials import Trial
from ser.training.fold import build_network
from ser.training.optimizers import build_optimizers
from tests.builders import (
    CORPUS,
    make_manifest,
    make_params,
    make_predictions,
    one_torch_thread,
    separable_features,
    tiny_system,
    write_features,
    write_splits,
)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


def described() -> OptimizerStudy:
    """A study in which every optimizer recognises a little more than the one before."""
    rates = pd.DataFrame(
        [
            {"optimizer": one.name, "rate": rate, "validation_uar": 50.0, "chosen": place == 2}
            for one in CANDIDATES
            for place, rate in enumerate(one.rates)
        ]
    )
    history = pd.DataFrame(
        [
            {"fold": 0, "epoch": epoch, "part": part, "loss": 1 / epoch, "accuracy": 9.0 * epoch}
            for epoch in (1, 2)
            for part in ("train", "validation")
        ]
    )
    predictions = {
        one.key: make_predictions(
            accuracy=lambda _, place=place: 0.3 + 0.1 * place, seeds=(0, 1), clips_each=10
        )
        for place, one in enumerate(CANDIDATES)
    }
    return describe_optimizers(rates, predictions, {one.key: history for one in CANDIDATES})


def test_every_candidate_has_as_many_rates_over_as_wide_a_range() -> None:
    assert len({len(one.rates) for one in CANDIDATES}) == 1
    for one in CANDIDATES:
        assert list(one.rates) == sorted(one.rates)
        assert one.rates[-1] / one.rates[0] == pytest.approx(100), one.name
    assert len({one.key for one in CANDIDATES}) == len(CANDIDATES)


@pytest.mark.parametrize("one", CANDIDATES, ids=lambda one: one.key)
def test_a_candidate_is_the_optimizer_of_its_name(one: Candidate) -> None:
    params = one.settings(make_params(), one.rates[1])
    network = build_network(params, 16, 3)
    made = build_optimizers(network, params.optimizer, params.optimizer_settings)
    first = made[0]
    assert first.param_groups[0]["lr"] == one.rates[1]
    kinds = {"sgd": SGD, "sgd_momentum": SGD, "rmsprop": RMSprop, "adam": Adam, "adamw": AdamW}
    if one.key in kinds:
        assert type(first) is kinds[one.key]
    if one.key == "sgd":
        assert first.param_groups[0]["momentum"] == 0
    if one.key == "sgd_momentum":
        assert first.param_groups[0]["momentum"] > 0
    if one.key == "muon":
        own = make_params().optimizers.muon
        share = made[1].param_groups[0]["lr"] / one.rates[1]
        assert share == pytest.approx(own.adamw_lr / own.lr)


def test_tuning_reads_no_test_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    purposes = []
    read = FoldReader.read

    def watched(self: FoldReader, items: pd.DataFrame, purpose: Purpose) -> list:
        purposes.append(purpose)
        return read(self, items, purpose)

    monkeypatch.setattr(FoldReader, "read", watched)
    # a process of its own would flush denormals; this one is Hypothesis's too
    monkeypatch.setattr("ser.training.system.prepare_torch", one_torch_thread)
    data = tiny_system(tmp_path, clips_each=1)
    actual, predicted = validate_fold((Trial("SGD", make_params(), data), 0, 0))
    assert Purpose.CALIBRATION in purposes
    assert Purpose.TEST not in purposes, "a rate would be chosen by test clips"
    held_out = data.with_role(0, "validation")
    assert sorted(actual) == sorted(held_out["emotion"])
    assert len(predicted) == len(actual)


def test_the_rate_that_validates_best_is_chosen(tmp_path: Path) -> None:
    few = (Candidate("Adam", "adam", "adam", (1e-7, 0.02)),)
    params = make_params({"training.epochs": 12})
    table = tune(params, tiny_system(tmp_path, clips_each=2), "test", few)
    chosen = table[table["chosen"]]
    assert chosen["rate"].tolist() == [0.02], "a rate at which nothing is learned was chosen"
    assert chosen["validation_uar"].iloc[0] == table["validation_uar"].max()


def test_all_are_compared_with_the_first() -> None:
    study = described()
    assert pd.isna(study.table["difference"].iloc[0])
    for row in study.table.iloc[1:].itertuples():
        gain = row.uar - study.table["uar"].iloc[0]
        assert row.difference == pytest.approx(gain), row.optimizer
    for one, row in zip(CANDIDATES, study.table.itertuples(), strict=True):
        assert row.rate == one.rates[2]
        assert study.metrics[one.key]["uar"] == row.uar


def test_the_study_runs_and_its_figures_have_the_same_bytes_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = (
        Candidate("SGD", "sgd", "sgd", (0.01, 0.1)),
        Candidate("Adam", "adam", "adam", (0.001, 0.01)),
    )
    monkeypatch.setattr("studies.optimizers.CANDIDATES", few)
    monkeypatch.setattr("studies.optimizers.tune.__defaults__", (few,))
    manifest = make_manifest(speakers=4, clips_each=1)
    write_splits(manifest, tmp_path / "splits" / CORPUS, "speaker_independent")
    write_features(tmp_path / "features" / CORPUS, separable_features(manifest))
    # with a linear part the study would ask for functionals, of which there are none here
    params = make_params({"training.linear_share": 0.4})
    study = study_optimizers(params, CORPUS, tmp_path)
    assert study.table["optimizer"].tolist() == ["SGD", "Adam"]
    assert set(study.history["part"]) == {"train", "validation"}
    whole = described()
    for name in ("one", "two"):
        draw_optimizers(whole.table, "tiny", tmp_path / f"{name}.png")
        draw_rates(whole.rates, "tiny", tmp_path / f"{name}_rates.png")
        draw_curves(whole.history, "tiny", tmp_path / f"{name}_curves.png")
    for kind in ("", "_rates", "_curves"):
        one, two = (tmp_path / f"{name}{kind}.png" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    assert not plt.get_fignums()


def test_the_stage_writes_its_tables_figures_and_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.optimizers.load_params", make_params)
    monkeypatch.setattr("stages.optimizers.study_optimizers", lambda *_: described())
    stages.optimizers.main(CORPUS)
    out = tmp_path / "plots" / "optimizers"
    for name in (CORPUS, f"{CORPUS}_rates", f"{CORPUS}_history"):
        assert (out / f"{name}.csv").is_file(), f"{name}.csv was not written"
        assert (out / f"{name}.png").is_file(), f"{name}.png was not written"
    table = pd.read_csv(out / f"{CORPUS}.csv")
    assert table["optimizer"].tolist() == [one.name for one in CANDIDATES]
    assert (tmp_path / "metrics" / "optimizers" / f"{CORPUS}.json").is_file()
