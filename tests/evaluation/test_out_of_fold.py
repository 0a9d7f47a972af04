"""Every clip is predicted once a seed, by the models that never saw its speaker."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ser.core.errors import LeakError
from ser.core.workers import VARIABLE
from ser.evaluation.calibration import fit_temperature, soften
from ser.evaluation.out_of_fold import (
    Answering,
    load_answering,
    load_model,
    predict_out_of_fold,
    predict_validation,
)
from ser.evaluation.predictions import IDENTITY, check_complete
from ser.guards.checks import Purpose
from ser.guards.crossings import Crossing
from ser.guards.folds import read_folds
from ser.guards.selection import FOLDS
from ser.models.inference import predict_probabilities
from ser.models.storage import (
    TrainedNetwork,
    linear_folder,
    load_linear,
    load_network,
    network_path,
    save_linear,
    save_network,
    seed_folder,
)
from ser.reading.data import SystemData, load_system
from ser.reading.normalization import Normalizer
from ser.reading.settings import System
from ser.splits.protocols import PROTOCOLS
from ser.store.packs import Pack
from ser.training.fold import train_fold
from tests.builders import (
    BANDS,
    CORPUS,
    EMOTIONS,
    PROTOCOL,
    make_manifest,
    make_recipe,
    make_system,
    make_values,
    random_network,
    replace_rows,
    separable_features,
    tiny_system,
    write_folds,
    write_models,
)
from tests.conftest import Refused
from tests.guards.leaks import LEAKS

SEEDS = [0, 7]
COLUMNS = [f"p_{emotion}" for emotion in EMOTIONS]
ALONE, BOTH = Answering(0.0, ()), Answering(0.5, (-0.03, 0.0, 0.03))
ONE_EPOCH = make_recipe({"training.epochs": 1})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> SystemData:
    return tiny_system(tmp_path_factory.mktemp("data"), with_copies=True, clips_each=1)


@pytest.fixture
def models(data: SystemData, tmp_path: Path) -> Path:
    """Networks of one seed, and the linear parts."""
    return write_models(data, tmp_path / "models", with_linear=True)


@pytest.fixture(scope="module")
def predictions(data: SystemData, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    models = write_models(data, tmp_path_factory.mktemp("models"), SEEDS, with_linear=True)
    return predict_out_of_fold(data, models, SEEDS, BOTH)


def network_of(models: Path, fold: int, seed: int = 0) -> Path:
    return network_path(seed_folder(models, seed), fold)


def change_network(models: Path, fold: int, **changes: object) -> None:
    path = network_of(models, fold)
    save_network(path, replace(load_network(path), **changes))


def at_test(folds: pd.DataFrame) -> dict[str, int]:
    """Fold that tests each clip."""
    rows = folds[folds["role"] == "test"]
    return dict(zip(rows["clip"], rows["fold"], strict=True))


def test_each_clip_is_predicted_once_a_seed(data: SystemData, predictions: pd.DataFrame) -> None:
    check_complete(predictions, data.clips, SEEDS)
    expected = [(seed, clip) for seed in SEEDS for clip in sorted(data.clips["clip"])]
    assert list(predictions[["seed", "clip"]].itertuples(index=False, name=None)) == expected


def test_a_row_describes_its_clip_and_its_best_emotion(
    data: SystemData, predictions: pd.DataFrame
) -> None:
    said = ["protocol", "emotion", "predicted", "confidence", "calibrated", "temperature"]
    assert list(predictions.columns) == [*IDENTITY, *said, *COLUMNS]
    assert set(predictions["protocol"]) == {data.protocol.name}
    shares = predictions[COLUMNS].to_numpy()
    assert np.allclose(shares.sum(axis=1), 1.0, atol=1e-5)
    assert predictions["predicted"].tolist() == [EMOTIONS[i] for i in shares.argmax(axis=1)]
    assert np.allclose(predictions["confidence"], shares.max(axis=1))
    known = data.clips.set_index("clip")
    for row in predictions.itertuples():
        for column in ("corpus", "speaker", "gender", "emotion", "intensity"):
            assert getattr(row, column) == known.loc[row.clip, column], f"{row.clip}: {column}"


def stubborn(data: SystemData, fold: int, seed: int) -> TrainedNetwork:
    return random_network(data, fold, seed, always=(fold + seed) % len(EMOTIONS))


def test_a_clip_is_predicted_by_the_model_of_the_fold_that_tests_it(
    data: SystemData, tmp_path: Path
) -> None:
    models = write_models(data, tmp_path, SEEDS, make=stubborn)
    tested = at_test(data.folds)
    for row in predict_out_of_fold(data, models, SEEDS, ALONE).itertuples():
        assert row.fold == tested[row.clip]
        assert row.predicted == EMOTIONS[(row.fold + row.seed) % len(EMOTIONS)], row.clip


def test_a_prediction_does_not_depend_on_other_clips(
    data: SystemData, models: Path, tmp_path: Path
) -> None:
    kept = data.clips["clip"].iloc[::3].tolist()
    other = replace_rows(
        data, tmp_path / "other", lambda item, rows: rows if item in kept else 7 - rows
    )
    first, second = (
        predict_out_of_fold(each, models, [0], BOTH).set_index("clip").loc[kept, COLUMNS]
        for each in (data, other)
    )
    assert np.allclose(first, second, atol=1e-6), "a test clip saw its neighbours"


def test_neither_processes_nor_the_order_of_the_index_change_anything(
    data: SystemData, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = predict_out_of_fold(data, models, [0], BOTH)
    monkeypatch.setenv(VARIABLE, "2")
    shuffled = replace(data, index=data.index.sample(frac=1.0, random_state=1))
    two = predict_out_of_fold(shuffled, models, [0], BOTH)
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_the_model_normalises_as_in_training(data: SystemData, models: Path) -> None:
    expected = predict_out_of_fold(data, models, [0], ALONE)
    other = Normalizer("train", torch.ones(BANDS), torch.full((BANDS,), 3.0))
    for fold in data.fold_numbers:
        change_network(models, fold, normalizer=other)
    found = predict_out_of_fold(data, models, [0], ALONE)
    assert not np.allclose(found["p_sad"], expected["p_sad"])


# Both parts


def test_parts_and_warps_are_what_the_parameters_say(data: SystemData, models: Path) -> None:
    shares = {"linear.share": 0.3, "linear.helped_share": 0.1}
    values = make_values({**shares, "prediction.warps": [-0.1, 0.1]})
    assert load_answering(values, helped=True).share == 0.1
    answering = load_answering(values)
    assert answering == Answering(0.3, (-0.1, 0.1))
    model = load_model(models, 0, 0, answering)
    assert (model.share, model.warps) == (0.3, (-0.1, 0.1))
    assert model.linear is not None
    alone = load_model(models, 0, 0, ALONE)
    assert alone.linear is None, "a share of nothing reads a linear part"
    assert model.parameters == alone.parameters + model.linear.model.parameters


def test_both_parts_shape_the_probabilities(data: SystemData, models: Path) -> None:
    alone, both, linear = (
        predict_out_of_fold(data, models, [0], Answering(share, ())) for share in (0.0, 0.5, 1.0)
    )
    assert (linear["predicted"] == linear["emotion"]).mean() > 0.9, "functionals tell emotions"
    products = np.sqrt(
        np.maximum(alone[COLUMNS].to_numpy(), 1e-7) * np.maximum(linear[COLUMNS].to_numpy(), 1e-7)
    )
    expected = products / products.sum(axis=1, keepdims=True)
    assert np.allclose(both[COLUMNS], expected, atol=1e-4)


def test_the_linear_part_of_another_fold_or_of_other_emotions_is_refused(
    data: SystemData, models: Path, refused: Refused
) -> None:
    path = network_path(linear_folder(models), 1)
    trained = load_linear(path)
    others = ("neutral", "calm", "happy")
    for other in (replace(trained, fold=0), replace(trained, emotions=others)):
        save_linear(path, other)
        with refused("linear/fold_01.safetensors does not go with the network of fold 1"):
            predict_out_of_fold(data, models, [0], BOTH)
    path.unlink()
    with refused("linear/fold_01.safetensors is missing"):
        predict_out_of_fold(data, models, [0], BOTH)
    predict_out_of_fold(data, models, [0], ALONE)


def test_a_network_that_was_made_for_other_features_is_refused(
    data: SystemData, models: Path, refused: Refused
) -> None:
    other = replace(data, layout=replace(data.layout, rows_per_second=25.0))
    with refused("The network of fold 0 and seed 0 was made for other features", "dvc repro"):
        predict_out_of_fold(other, models, [0], ALONE)


def test_a_network_that_is_missing_or_of_another_fold_is_named(
    data: SystemData, models: Path, refused: Refused
) -> None:
    network_of(models, 1).write_bytes(network_of(models, 0).read_bytes())
    with refused("seed_0/fold_01.safetensors was trained for fold 0 and seed 0"):
        predict_out_of_fold(data, models, [0], ALONE)
    network_of(models, 1).unlink()
    with refused("seed_0/fold_01.safetensors is missing"):
        predict_out_of_fold(data, models, [0], ALONE)


def test_a_damaged_pack_is_a_sentence(
    data: SystemData, models: Path, tmp_path: Path, refused: Refused
) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    with refused("broken.safetensors is damaged"):
        predict_out_of_fold(replace(data, packs={CORPUS: broken}), models, [0], ALONE)


# Emotions that a fold's training clips lack


def test_an_emotion_that_nobody_trained_is_never_answered(tmp_path: Path) -> None:
    manifest = make_manifest(4, clips_each=2)
    # only one speaker shows it: where that speaker is tested, none has trained it
    manifest = manifest[(manifest["emotion"] != "sad") | (manifest["speaker"] == "01")]
    data = make_system(tmp_path, manifest.reset_index(drop=True))
    models = write_models(
        data,
        tmp_path / "models",
        with_linear=True,
        make=lambda data, fold, seed: train_fold(ONE_EPOCH, data, fold, seed)[0],
    )
    found = predict_out_of_fold(data, models, [0], BOTH)
    check_complete(found, data.clips, [0])
    without = found[found["fold"] == at_test(data.folds)["synthetic_a/01/sad-1"]]
    assert (without["p_sad"] == 0).all()
    assert "sad" in set(without["emotion"])
    assert np.allclose(found[COLUMNS].sum(axis=1), 1.0, atol=1e-5)


# Temperature


def test_the_temperature_is_fitted_on_validation_clips(data: SystemData, models: Path) -> None:
    found = predict_out_of_fold(data, models, [0], ALONE)
    pack = Pack(data.packs[CORPUS])
    for fold in data.fold_numbers:
        model = load_model(models, fold, 0, ALONE)
        clips = data.with_role(fold, "validation")
        rows = data.index.set_index("item").loc[clips["clip"]]
        features = [
            model.network.normalizer(torch.from_numpy(pack.rows(row.start, row.length)).float())
            for row in rows.itertuples()
        ]
        probabilities = predict_probabilities(model.network.network, features).numpy()
        targets = np.array([EMOTIONS.index(emotion) for emotion in clips["emotion"]])
        given = predict_validation(model, data)
        assert np.allclose(given[0], probabilities, atol=1e-6)
        assert given[1].tolist() == targets.tolist()
        assert given[2].tolist() == (clips["corpus"] + "/" + clips["speaker"]).tolist()
        expected = fit_temperature(probabilities, targets, clips["speaker"].tolist())
        tested = found[found["fold"] == fold]
        assert tested["temperature"].tolist() == pytest.approx([expected] * len(tested), rel=1e-5)
        softened = soften(tested[COLUMNS].to_numpy(), expected).max(axis=1)
        assert tested["calibrated"].tolist() == pytest.approx(softened.tolist(), rel=1e-4)


def test_what_is_tested_does_not_change_the_temperature(
    data: SystemData, models: Path, tmp_path: Path
) -> None:
    tested = set(data.with_role(0, "test")["clip"])
    other = replace_rows(
        data, tmp_path / "other", lambda item, rows: -rows if item in tested else rows
    )
    first, second = (
        predict_out_of_fold(each, models, [0], ALONE).query("fold == 0") for each in (data, other)
    )
    assert first["temperature"].equals(second["temperature"])
    assert not np.allclose(first["p_sad"], second["p_sad"])


def test_the_answer_is_the_same_at_every_temperature(predictions: pd.DataFrame) -> None:
    assert ((predictions["calibrated"] > 0) & (predictions["calibrated"] <= 1)).all()
    least = 1 / len(EMOTIONS)
    assert (predictions[["confidence", "calibrated"]] >= least - 1e-6).all().all()


# Leaks


def slip(monkeypatch: pytest.MonkeyPatch, items: pd.DataFrame) -> None:
    """Have these items read whatever is asked for."""
    monkeypatch.setattr("ser.evaluation.out_of_fold.clips_only", lambda data, clips: items)


def test_a_copy_may_not_be_scored(
    data: SystemData, models: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    held_out = data.with_role(0, "validation")["clip"]
    slip(monkeypatch, data.index[data.index["clip"].isin(held_out)])
    with refused("augmented copy", "+noise", error=LeakError):
        predict_out_of_fold(data, models, [0], ALONE)


@pytest.mark.parametrize(
    ("role", "says"),
    [("test", "for fitting the temperature"), ("validation", "for testing"), ("train", "for ")],
)
def test_calibrating_and_testing_on_the_same_clips_is_refused(
    data: SystemData,
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
    role: str,
    says: str,
    refused: Refused,
) -> None:
    clips = data.with_role(0, role)["clip"]
    slip(monkeypatch, data.index[(data.index["effect"] == "") & data.index["clip"].isin(clips)])
    with refused(f"role: {role}", says, error=LeakError):
        predict_out_of_fold(data, models, [0], ALONE)


def test_models_of_another_fold_table_are_refused(tmp_path: Path, refused: Refused) -> None:
    data = tiny_system(tmp_path, clips_each=1)
    models = write_models(data, tmp_path / "models")
    predict_out_of_fold(data, models, [0], ALONE)
    # another table, sound by itself: every fold tests the speaker of the next one
    path = tmp_path / "splits" / CORPUS / FOLDS / f"{PROTOCOL}.csv"
    table = read_folds(path)
    write_folds(path, table.assign(fold=(table["fold"] + 1) % 4))
    other = load_system(System(corpora=[CORPUS], protocol=PROTOCOL), tmp_path)
    assert at_test(other.folds) != at_test(data.folds)
    with refused("A leak: clip", "(role: ", PROTOCOL, error=LeakError):
        predict_out_of_fold(other, models, [0], ALONE)


def test_models_of_a_leaky_protocol_are_refused_under_an_honest_one(
    tmp_path: Path, refused: Refused
) -> None:
    leaky = tiny_system(tmp_path / "leaky", with_copies=True, protocol="leaky_random")
    models = write_models(leaky, tmp_path / "models")
    data = tiny_system(tmp_path / "honest", with_copies=True)
    with refused("A leak: ", PROTOCOL, error=LeakError):
        predict_out_of_fold(data, models, [0], ALONE)


@pytest.mark.parametrize("part", ["network", "linear"])
def test_a_part_whose_card_tells_of_a_leak_is_refused(
    data: SystemData,
    models: Path,
    part: str,
    subtests: pytest.Subtests,
    refused: Refused,
) -> None:
    path = network_of(models, 0) if part == "network" else network_path(linear_folder(models), 0)
    load, save = (load_network, save_network) if part == "network" else (load_linear, save_linear)
    honest = load(path)
    for leak, reading in LEAKS.items():
        with subtests.test(leak):
            clip = data.with_role(0, reading.role)["clip"].iloc[0]
            item = f"{clip}+{reading.effect}" if reading.effect else clip
            own = honest.uses.get(reading.purpose.value, set())
            save(path, replace(honest, uses={**honest.uses, reading.purpose.value: own | {item}}))
            with refused(item, f"for {reading.purpose}", PROTOCOL, error=LeakError):
                predict_out_of_fold(data, models, [0], BOTH)


@pytest.mark.parametrize(
    ("uses", "said"),
    [
        ({}, "does not say what trained it"),
        ({"training": set()}, "does not say what trained it"),
        ({"training": {"elsewhere/01"}}, "made from elsewhere/01"),
        ({"guessing": {"synthetic_a/01/sad-1"}}, "unknown use 'guessing'"),
    ],
    ids=str,
)
def test_a_model_that_does_not_say_honestly_what_it_is_made_from_is_refused(
    data: SystemData, models: Path, uses: dict[str, set[str]], said: str, refused: Refused
) -> None:
    own = load_network(network_of(models, 0)).uses if "guessing" in uses else {}
    change_network(models, 0, uses={**own, **uses})
    with refused(said):
        predict_out_of_fold(data, models, [0], ALONE)


def test_a_model_that_used_copies_of_its_training_clips_passes(
    data: SystemData, models: Path
) -> None:
    clip = data.with_role(2, "train")["clip"].iloc[0]
    uses = {Purpose.TRAIN.value: {clip, f"{clip}+noise"}, Purpose.STATISTICS.value: {clip}}
    change_network(models, 2, uses=uses)
    predict_out_of_fold(data, models, [0], ALONE)


def test_a_model_that_normalises_by_speaker_is_refused_where_that_is_not_declared(
    data: SystemData, models: Path, refused: Refused
) -> None:
    change_network(models, 0, normalizer=Normalizer.by_speaker())
    with refused("role: ", "fitting statistics", error=LeakError):
        predict_out_of_fold(data, models, [0], ALONE)


# Whole runs under every protocol

# speakers of a small corpus that a protocol fits
SPEAKERS = {"two_speakers": 2, "ravdess_five_fold": 24, "ravdess_emobox_six_fold": 24}


Run = Callable[[str], tuple[SystemData, Path, pd.DataFrame]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A whole run under a protocol: data, models and predictions; each is made once."""

    @cache
    def run(protocol: str) -> tuple[SystemData, Path, pd.DataFrame]:
        folder = tmp_path_factory.mktemp(protocol)
        manifest = make_manifest(SPEAKERS.get(protocol, 4))
        features, noisy = (separable_features(manifest, seed=seed) for seed in (0, 1))
        copies = {f"{clip}+noise": values for clip, values in noisy.items()}
        data = make_system(folder, manifest, features, copies, protocol=protocol)
        models = write_models(
            data,
            folder / "models",
            with_linear=True,
            make=lambda data, fold, seed: train_fold(ONE_EPOCH, data, fold, seed)[0],
        )
        return data, models, predict_out_of_fold(data, models, [0], BOTH)

    return run


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_trains_and_predicts_each_clip_once(run: Run, protocol: str) -> None:
    data, models, found = run(protocol)
    check_complete(found, data.clips, [0])
    assert dict(zip(found["clip"], found["fold"], strict=True)) == at_test(data.folds)
    assert np.isfinite(found[["confidence", "calibrated", "temperature"]]).all().all()
    assert set(found["protocol"]) == {protocol}
    kinds = {load_network(network_of(models, fold)).normalizer.kind for fold in data.fold_numbers}
    by_speaker = Crossing.STATISTIC in data.protocol.crosses
    assert kinds == {"speaker" if by_speaker else "clip"}
    if not data.protocol.validates:
        assert set(found["temperature"]) == {1.0}, "a temperature was fitted on nothing"


def test_two_names_of_speaker_normalization_predict_the_same(run: Run) -> None:
    names = ("speaker_normalized", "leaky_undeclared_speaker_normalization")
    tables = [run(protocol)[2].drop(columns="protocol") for protocol in names]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
