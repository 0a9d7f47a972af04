"""Baselines: each sees what it may and no more, on the folds of the system."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from ser.core.errors import LeakError
from ser.core.scoring import unweighted_average_recall
from ser.core.workers import VARIABLE
from ser.evaluation.baselines import (
    BASELINES,
    baseline_predictions,
    baselines_table,
    fit_linear_folds,
    predict_svm,
    train_linear,
)
from ser.guards.checks import Purpose
from ser.models.storage import load_linear, network_path
from ser.reading.data import SystemData, load_system
from ser.reading.reader import Reader
from ser.reading.settings import System
from tests.builders import CORPUS, EMOTIONS, PROTOCOL, make_manifest, make_system, write_corpus
from tests.conftest import Refused

SPEAKERS, COST, SVM_C = 5, 0.01, 3.0


def functionals(clips: pd.DataFrame, telling: str = "mfcc.0.mean") -> pd.DataFrame:
    """Noise, but for one functional that tells the emotion."""
    names = ["duration.clip_s", "loudness.0.mean", "mfcc.0.mean", "covariance.0.0"]
    values = np.random.default_rng(0).standard_normal((len(clips), len(names)))
    table = pd.DataFrame(values, index=clips["clip"].tolist(), columns=names)
    table[telling] += 8.0 * clips["emotion"].map(EMOTIONS.index).to_numpy()
    return table


def system(
    folder: Path,
    manifest: pd.DataFrame | None = None,
    table: pd.DataFrame | None = None,
    protocol: str = PROTOCOL,
) -> SystemData:
    manifest = make_manifest(SPEAKERS, clips_each=6) if manifest is None else manifest
    table = functionals(manifest) if table is None else table
    return make_system(folder, manifest, functionals=table, protocol=protocol)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> SystemData:
    return system(tmp_path_factory.mktemp("baselines"))


def predictions(data: SystemData, folder: Path) -> pd.DataFrame:
    linear = folder / "linear"
    linear.mkdir(parents=True, exist_ok=True)
    fit_linear_folds(data, COST, linear)
    return baseline_predictions(data, SVM_C, linear)


def uars(data: SystemData, folder: Path) -> dict[str, float]:
    table = baselines_table(predictions(data, folder))
    return dict(zip(table["baseline"], table["uar"], strict=True))


def test_every_baseline_answers_every_clip_once_in_any_number_of_processes(
    data: SystemData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = predictions(data, tmp_path / "one")
    monkeypatch.setenv(VARIABLE, "2")
    pd.testing.assert_frame_equal(predictions(data, tmp_path / "two"), found)
    assert list(found["baseline"].unique()) == list(BASELINES)
    tested = data.folds[data.folds["role"] == "test"].set_index("clip")["fold"]
    for baseline, rows in found.groupby("baseline"):
        assert rows["clip"].tolist() == data.clips["clip"].tolist(), baseline
        assert (rows["fold"].to_numpy() == tested[rows["clip"]].to_numpy()).all(), baseline


@pytest.mark.parametrize(
    ("telling", "sees"),
    [
        ("duration.clip_s", {"duration", "functionals_svm", "functionals_linear"}),
        ("loudness.0.mean", {"loudness", "functionals_svm", "functionals_linear"}),
        ("covariance.0.0", {"functionals_linear"}),
    ],
)
def test_a_baseline_sees_its_own_functionals_only(
    tmp_path: Path, telling: str, sees: set[str]
) -> None:
    manifest = make_manifest(SPEAKERS, clips_each=6)
    found = uars(system(tmp_path, manifest, functionals(manifest, telling)), tmp_path)
    for baseline in ("duration", "loudness", "functionals_svm", "functionals_linear"):
        if baseline in sees:
            assert found[baseline] > 70, f"{baseline} does not see {telling}"
        else:
            assert found[baseline] < 60, f"{baseline} sees {telling}"


def test_without_a_favourite_both_majorities_are_chance(data: SystemData, tmp_path: Path) -> None:
    found = uars(data, tmp_path)
    for baseline in ("majority", "speaker_majority"):
        assert found[baseline] == pytest.approx(100 / len(EMOTIONS))


def test_the_majority_is_that_of_training(tmp_path: Path) -> None:
    manifest = make_manifest(SPEAKERS, clips_each=6)
    # of the clips of all others, "sad" is the most frequent wherever somebody is tested
    manifest = manifest[(manifest["emotion"] == "sad") | manifest["take"].isin(["1", "2"])]
    found = predictions(system(tmp_path, manifest.reset_index(drop=True)), tmp_path)
    assert set(found.loc[found["baseline"] == "majority", "predicted"]) == {"sad"}


def test_the_oracle_knows_what_each_speaker_shows_most(tmp_path: Path) -> None:
    manifest = make_manifest(SPEAKERS, clips_each=6)
    favourite = manifest["speaker"].map(lambda who: EMOTIONS[int(who) % len(EMOTIONS)])
    few = (manifest["emotion"] == favourite) | manifest["take"].isin(["1"])
    found = predictions(system(tmp_path, manifest[few].reset_index(drop=True)), tmp_path)
    rows = found[found["baseline"] == "speaker_majority"]
    expected = rows["speaker"].map(lambda who: EMOTIONS[int(who) % len(EMOTIONS)])
    assert rows["predicted"].tolist() == expected.tolist()


def test_scores_are_those_of_the_answers(data: SystemData, tmp_path: Path) -> None:
    found = predictions(data, tmp_path)
    for row in baselines_table(found).itertuples():
        own = found[found["baseline"] == row.baseline]
        uar = unweighted_average_recall(own["emotion"].tolist(), own["predicted"].tolist())
        assert row.uar == pytest.approx(uar)
        assert row.uar_low <= row.uar <= row.uar_high


# Helping corpora


def test_helping_corpora_train_the_linear_part_alone(tmp_path: Path) -> None:
    own, other = make_manifest(4), make_manifest(4, corpus="synthetic_b")
    # the helper's emotions are those of the others turned round
    turned = functionals(
        other.assign(emotion=other["emotion"].map(dict(zip(EMOTIONS, EMOTIONS[::-1], strict=True))))
    )
    write_corpus(tmp_path, own, functionals=functionals(own))
    write_corpus(tmp_path, other, functionals=turned)
    helped = System(corpora=[CORPUS], helpers=("synthetic_b",), protocol=PROTOCOL)
    data = load_system(helped, tmp_path)
    alone = load_system(System(corpora=[CORPUS], protocol=PROTOCOL), tmp_path)
    found, expected = (
        predictions(each, tmp_path / name) for name, each in (("helped", data), ("alone", alone))
    )
    for baseline in ("functionals_svm", "majority"):
        one, two = (rows[rows["baseline"] == baseline] for rows in (found, expected))
        assert one["predicted"].tolist() == two["predicted"].tolist(), f"a helper trains {baseline}"
    trained = load_linear(network_path(tmp_path / "helped/linear", 0))
    assert set(trained.model.mean) == {CORPUS, "synthetic_b"}
    assert not trained.uses["training"] & set(data.with_role(0, "test")["clip"])


# The guard


@pytest.mark.parametrize("purpose", [Purpose.TRAIN, Purpose.STATISTICS])
@pytest.mark.parametrize("role", ["validation", "test"])
def test_held_out_functionals_may_not_be_fitted_on(
    data: SystemData, purpose: Purpose, role: str, refused: Refused
) -> None:
    reader = Reader(data, 0)
    with refused(f"role: {role}", purpose.value, error=LeakError):
        reader.functionals(data.with_role(0, role), purpose)
    with refused("role: train", "testing", error=LeakError):
        reader.functionals(data.with_role(0, "train"), Purpose.TEST)


def test_classifiers_say_what_they_read_for(
    data: SystemData, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[Purpose, list[str]]] = []
    real = Reader._plain

    def read(reader: Reader, clips: pd.DataFrame, purpose: Purpose, *how: Any, **ever: Any) -> Any:
        said.append((purpose, clips["clip"].tolist()))
        return real(reader, clips, purpose, *how, **ever)

    monkeypatch.setattr(Reader, "_plain", read)
    trains, tested = (data.with_role(0, role)["clip"].tolist() for role in ("train", "test"))
    fitted = [(Purpose.STATISTICS, trains), (Purpose.TRAIN, trains)]
    predict_svm(data, 0, SVM_C)
    assert said == [*fitted, (Purpose.TEST, tested)]
    said.clear()
    assert train_linear(data, 0, COST).uses == {
        "training": set(trains),
        "fitting statistics": set(trains),
    }
    assert said == [*fitted, (Purpose.TRAIN, trains)], "copies are read as those who train"


@pytest.mark.parametrize("role", ["validation", "test"])
def test_held_out_values_change_nothing_in_what_is_learned(
    data: SystemData, tmp_path: Path, role: str
) -> None:
    table = functionals(data.clips)
    table.loc[data.with_role(0, role)["clip"]] = 1e3
    changed = system(tmp_path, table=table)
    one, two = (train_linear(each, 0, COST).model for each in (data, changed))
    assert one.weight.tobytes() == two.weight.tobytes(), f"the linear part has seen {role} clips"
    assert one.mean[CORPUS].tobytes() == two.mean[CORPUS].tobytes()
    if role == "validation":
        assert predict_svm(data, 0, SVM_C) == predict_svm(changed, 0, SVM_C)


def test_a_clip_without_functionals_is_named(tmp_path: Path, refused: Refused) -> None:
    manifest = make_manifest(3)
    clip = manifest["clip"].iloc[-1]
    short = system(tmp_path, manifest, functionals(manifest).drop(index=clip))
    with refused(clip, "no functionals"):
        train_linear(short, 0, COST)


# Normalised by speaker


def test_speakers_of_different_levels_are_told_apart_by_normalising(tmp_path: Path) -> None:
    manifest = make_manifest(SPEAKERS, clips_each=6)
    level = manifest["speaker"].astype(int).to_numpy() * 40.0
    table = functionals(manifest).add(level, axis=0).assign(still=1.0)
    found = {
        protocol: uars(system(tmp_path / protocol, manifest, table, protocol), tmp_path / protocol)
        for protocol in (PROTOCOL, "speaker_normalized")
    }
    svm = {protocol: scores["functionals_svm"] for protocol, scores in found.items()}
    assert svm["speaker_normalized"] > svm[PROTOCOL] + 20
    assert svm["speaker_normalized"] > 80


def test_a_protocol_that_says_so_standardises_by_speaker(tmp_path: Path) -> None:
    data = system(tmp_path, protocol="speaker_normalized")
    values = Reader(data, 0).functionals(data.with_role(0, "test"), Purpose.TEST)
    assert np.allclose(values.mean(axis=0), 0, atol=1e-4)
    assert np.allclose(torch.from_numpy(values).std(0), 1, atol=1e-4)
