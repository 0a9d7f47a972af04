"""Every clip is predicted once a seed, by the model that never saw its speaker."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ser.reading.data import SystemData, load_system
from ser.core.errors import LeakError, SerError
from ser.evaluation.calibration import fit_temperature, soften
from ser.evaluation.out_of_fold import predict_out_of_fold, predict_validation
from ser.evaluation.predictions import IDENTITY, check_complete, read_predictions
from ser.core.files import write_csv
from ser.models.inference import predict_probabilities
from ser.models.storage import TrainedModel, load_model, model_path, save_model
from ser.reading.normalization import Normalizer
from ser.store.packs import Pack
from ser.guards.crossings import Crossing
from ser.guards.folds import read_folds, write_folds
from ser.guards.checks import Purpose
from ser.splits.protocols import PROTOCOLS
from ser.guards.selection import FOLDS
from ser.training.fold import build_network, train_fold
from tests.builders import CORPUS, make_params, one_torch_thread, replace_rows, tiny_system
from tests.guards.leaks import LEAKS

Refused = Callable[..., AbstractContextManager[None]]

SEEDS = [0, 7]
EMOTIONS = ("neutral", "happy", "sad")
BANDS = 16


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


@pytest.fixture
def data(tmp_path: Path) -> SystemData:
    return tiny_system(tmp_path / "data", with_copies=True, clips_each=1)


def make_model(fold: int, seed: int, always: int | None = None) -> TrainedModel:
    """A random model; `always` makes it name one emotion whatever it hears."""
    torch.manual_seed(100 * fold + seed)
    network = build_network(make_params(), BANDS, len(EMOTIONS)).eval()
    if always is not None:
        torch.nn.init.zeros_(network.classifier.weight)
        network.classifier.bias.data = 5 * torch.eye(len(EMOTIONS))[always]
    normalizer = Normalizer("train", torch.zeros(BANDS), torch.full((BANDS,), 2.0))
    return TrainedModel((network,), EMOTIONS, normalizer, fold, seed, {})


def write_models(
    data: SystemData, folder: Path, always: bool = False, seeds: Sequence[int] = SEEDS
) -> Path:
    for seed in seeds:
        for fold in data.folds["fold"].unique():
            chosen = int(fold + seed) % len(EMOTIONS) if always else None
            save_model(folder, make_model(int(fold), seed, chosen))
    return folder


def test_each_clip_is_predicted_once_a_seed(data: SystemData, tmp_path: Path) -> None:
    predictions = predict_out_of_fold(data, write_models(data, tmp_path / "models"), SEEDS, 1)
    check_complete(predictions, data.clips, SEEDS)
    expected = [(seed, clip) for seed in SEEDS for clip in sorted(data.clips["clip"])]
    assert list(predictions[["seed", "clip"]].itertuples(index=False, name=None)) == expected


def test_a_row_describes_its_clip_and_its_best_emotion(data: SystemData, tmp_path: Path) -> None:
    predictions = predict_out_of_fold(data, write_models(data, tmp_path / "models"), SEEDS, 1)
    columns = [f"p_{emotion}" for emotion in EMOTIONS]
    said = ["protocol", "emotion", "predicted", "confidence", "calibrated", "temperature"]
    assert list(predictions.columns) == [*IDENTITY, *said, *columns]
    assert set(predictions["protocol"]) == {data.protocol.name}
    shares = predictions[columns].to_numpy()
    assert np.allclose(shares.sum(axis=1), 1.0, atol=1e-5)
    assert predictions["predicted"].tolist() == [EMOTIONS[i] for i in shares.argmax(axis=1)]
    assert np.allclose(predictions["confidence"], shares.max(axis=1))
    known = data.clips.set_index("clip")
    for row in predictions.itertuples():
        for column in ("corpus", "speaker", "gender", "emotion", "intensity"):
            assert getattr(row, column) == known.loc[row.clip, column], f"{row.clip}: {column}"


def test_a_clip_is_predicted_by_the_model_of_the_fold_that_tests_it(
    data: SystemData, tmp_path: Path
) -> None:
    models = write_models(data, tmp_path / "models", always=True)
    tested = data.folds[data.folds["role"] == "test"].set_index("clip")["fold"]
    for row in predict_out_of_fold(data, models, SEEDS, 1).itertuples():
        assert row.fold == tested[row.clip]
        assert row.predicted == EMOTIONS[(row.fold + row.seed) % len(EMOTIONS)], row.clip


def test_a_prediction_does_not_depend_on_other_clips(data: SystemData, tmp_path: Path) -> None:
    models = write_models(data, tmp_path / "models")
    kept = data.clips["clip"].iloc[::3].tolist()
    other = replace_rows(
        data, tmp_path / "other", lambda item, rows: rows if item in kept else 7 - rows
    )
    columns = [f"p_{emotion}" for emotion in EMOTIONS]
    first, second = (
        predict_out_of_fold(each, models, [0], 1).set_index("clip").loc[kept, columns]
        for each in (data, other)
    )
    assert np.allclose(first, second, atol=1e-6), "a test clip saw its neighbours"


def test_the_number_of_processes_changes_nothing(data: SystemData, tmp_path: Path) -> None:
    models = write_models(data, tmp_path / "models")
    one, two = (predict_out_of_fold(data, models, SEEDS, processes) for processes in (1, 2))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_the_order_of_the_index_changes_nothing(data: SystemData, tmp_path: Path) -> None:
    models = write_models(data, tmp_path / "models")
    shuffled = replace(data, index=data.index.sample(frac=1.0, random_state=1))
    one, two = (predict_out_of_fold(each, models, SEEDS, 1) for each in (data, shuffled))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_the_model_normalises_as_in_training(data: SystemData, tmp_path: Path) -> None:
    models = write_models(data, tmp_path / "models")
    expected = predict_out_of_fold(data, models, [0], 1)
    for fold in data.folds["fold"].unique():
        model = make_model(int(fold), 0)
        other = Normalizer("train", torch.ones(BANDS), torch.full((BANDS,), 3.0))
        save_model(models, replace(model, normalizer=other))
    assert not np.allclose(predict_out_of_fold(data, models, [0], 1)["p_sad"], expected["p_sad"])


def test_a_missing_model_is_named(data: SystemData, tmp_path: Path) -> None:
    models = write_models(data, tmp_path / "models")
    model_path(models, 1, 7).unlink()
    with pytest.raises(SerError, match=r"fold_01_seed_7\.safetensors is missing"):
        predict_out_of_fold(data, models, SEEDS, 1)


def test_a_model_of_another_fold_is_refused(data: SystemData, tmp_path: Path) -> None:
    models = write_models(data, tmp_path / "models")
    model_path(models, 1, 0).write_bytes(model_path(models, 0, 0).read_bytes())
    with pytest.raises(SerError, match="fold 1 and seed 0 was trained for another"):
        predict_out_of_fold(data, models, [0], 1)


def test_a_damaged_pack_is_a_sentence(data: SystemData, tmp_path: Path) -> None:
    models = write_models(data, tmp_path / "models")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    with pytest.raises(SerError, match="is damaged"):
        predict_out_of_fold(replace(data, packs={CORPUS: broken}), models, [0], 1)


def test_predictions_come_back_from_disk(data: SystemData, tmp_path: Path) -> None:
    predictions = predict_out_of_fold(data, write_models(data, tmp_path / "models"), SEEDS, 1)
    write_csv(tmp_path / "predictions.csv", predictions)
    read = read_predictions(tmp_path / "predictions.csv")
    pd.testing.assert_frame_equal(read, predictions, atol=1e-6)
    assert read["speaker"][0] == "01", "a speaker became a number"


def at_test(folds: pd.DataFrame) -> dict[str, int]:
    """Fold that tests each clip."""
    rows = folds[folds["role"] == "test"]
    return dict(zip(rows["clip"], rows["fold"], strict=True))


# Temperature


def test_the_temperature_is_fitted_on_validation_clips(data: SystemData, tmp_path: Path) -> None:
    models = write_models(data, tmp_path / "models", seeds=[0])
    predictions = predict_out_of_fold(data, models, [0], 1)
    pack = Pack(data.packs[CORPUS])
    columns = [f"p_{emotion}" for emotion in EMOTIONS]
    for fold in data.fold_numbers:
        model = load_model(model_path(models, fold, 0))
        clips = data.with_role(fold, "validation")
        rows = data.index.set_index("item").loc[clips["clip"]]
        features = [
            model.normalizer(torch.from_numpy(pack.rows(row.start, row.length)).float())
            for row in rows.itertuples()
        ]
        probabilities = predict_probabilities(model.networks, features).numpy()
        targets = np.array([EMOTIONS.index(emotion) for emotion in clips["emotion"]])
        given = predict_validation(model, data, fold)
        assert np.allclose(given[0], probabilities, atol=1e-6)
        assert given[1].tolist() == targets.tolist()
        assert given[2].tolist() == (clips["corpus"] + "/" + clips["speaker"]).tolist()
        expected = fit_temperature(probabilities, targets, clips["speaker"].tolist())
        found = predictions[predictions["fold"] == fold]
        assert found["temperature"].tolist() == pytest.approx([expected] * len(found), rel=1e-6)
        softened = soften(found[columns].to_numpy(), expected).max(axis=1)
        assert found["calibrated"].tolist() == pytest.approx(softened.tolist(), rel=1e-5)


def test_what_is_tested_does_not_change_the_temperature(data: SystemData, tmp_path: Path) -> None:
    models = write_models(data, tmp_path / "models", seeds=[0])
    first = predict_out_of_fold(data, models, [0], 1)
    tested = set(data.with_role(0, "test")["clip"])
    other = replace_rows(
        data, tmp_path / "other", lambda item, rows: -rows if item in tested else rows
    )
    second = predict_out_of_fold(other, models, [0], 1)
    in_fold = first["fold"] == 0
    assert first.loc[in_fold, "temperature"].equals(second.loc[in_fold, "temperature"])
    assert not np.allclose(first.loc[in_fold, "p_sad"], second.loc[in_fold, "p_sad"])


def test_the_answer_is_the_same_at_every_temperature(data: SystemData, tmp_path: Path) -> None:
    predictions = predict_out_of_fold(
        data, write_models(data, tmp_path / "models", seeds=[0]), [0], 1
    )
    assert ((predictions["calibrated"] > 0) & (predictions["calibrated"] <= 1)).all()
    least = 1 / len(EMOTIONS)
    assert (predictions[["confidence", "calibrated"]] >= least - 1e-6).all().all()


# Leaks


def out_of(module: str) -> str:
    return f"ser.evaluation.out_of_fold.{module}"


def test_a_copy_may_not_be_scored(
    data: SystemData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    models = write_models(data, tmp_path / "models", seeds=[0])
    monkeypatch.setattr(
        out_of("clips_only"),
        lambda data, clips: data.index[data.index["clip"].isin(clips["clip"])],
    )
    with refused("augmented copy", "+noise", error=LeakError):
        predict_out_of_fold(data, models, [0], 1)


@pytest.mark.parametrize(
    ("role", "says"),
    [("test", "for fitting the temperature"), ("validation", "for testing"), ("train", "for ")],
)
def test_calibrating_and_testing_on_the_same_clips_is_refused(
    data: SystemData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    role: str,
    says: str,
    refused: Refused,
) -> None:
    models = write_models(data, tmp_path / "models", seeds=[0])
    clips = data.with_role(0, role)
    slipped = data.index[(data.index["effect"] == "") & data.index["clip"].isin(clips["clip"])]
    monkeypatch.setattr(out_of("clips_only"), lambda data, clips: slipped)
    with refused(f"role: {role}", says, error=LeakError):
        predict_out_of_fold(data, models, [0], 1)


def train_all(data: SystemData, folder: Path) -> Path:
    for fold in data.fold_numbers:
        save_model(folder, train_fold(make_params({"training.epochs": 1}), data, fold, 0)[0])
    return folder


def test_models_of_another_fold_table_are_refused(tmp_path: Path, refused: Refused) -> None:
    data = tiny_system(tmp_path, clips_each=1)
    models = train_all(data, tmp_path / "models")
    predict_out_of_fold(data, models, [0], 1)
    # another table, sound by itself: every fold tests the speaker of the next one
    path = tmp_path / "splits" / CORPUS / FOLDS / "leave_one_speaker_out.csv"
    table = read_folds(path)
    write_folds(path, table.assign(fold=(table["fold"] + 1) % 4))
    params = make_params()
    other = load_system(params, params.system("tiny"), tmp_path / "splits", tmp_path / "features")
    assert at_test(other.folds) != at_test(data.folds)
    with refused("A leak: clip", "(role: test)", "leave_one_speaker_out", error=LeakError):
        predict_out_of_fold(other, models, [0], 1)


def test_models_of_a_leaky_protocol_are_refused_under_an_honest_one(
    tmp_path: Path, refused: Refused
) -> None:
    leaky = tiny_system(tmp_path / "leaky", with_copies=True, protocol="leaky_random")
    models = train_all(leaky, tmp_path / "models")
    data = tiny_system(tmp_path / "honest", with_copies=True)
    with refused("A leak: ", "leave_one_speaker_out", error=LeakError):
        predict_out_of_fold(data, models, [0], 1)


@pytest.mark.parametrize("leak", LEAKS)
def test_a_model_whose_card_tells_of_a_leak_is_refused(
    data: SystemData, tmp_path: Path, leak: str, refused: Refused
) -> None:
    models = write_models(data, tmp_path / "models", seeds=[0])
    reading = LEAKS[leak]
    clip = data.with_role(2, reading.role)["clip"].iloc[0]
    item = f"{clip}+{reading.effect}" if reading.effect else clip
    uses = {reading.purpose.value: {item}}
    save_model(models, replace(load_model(model_path(models, 2, 0)), uses=uses))
    with refused(item, f"for {reading.purpose}", "leave_one_speaker_out", error=LeakError):
        predict_out_of_fold(data, models, [0], 1)


def test_a_model_with_honest_uses_passes(data: SystemData, tmp_path: Path) -> None:
    models = write_models(data, tmp_path / "models", seeds=[0])
    clip = data.with_role(2, "train")["clip"].iloc[0]
    uses = {Purpose.TRAIN.value: {clip, f"{clip}+noise"}, Purpose.STATISTICS.value: {clip}}
    save_model(models, replace(load_model(model_path(models, 2, 0)), uses=uses))
    predict_out_of_fold(data, models, [0], 1)


def test_a_model_that_normalises_by_speaker_is_refused_where_that_is_not_declared(
    data: SystemData, tmp_path: Path, refused: Refused
) -> None:
    models = write_models(data, tmp_path / "models", seeds=[0])
    model = load_model(model_path(models, 0, 0))
    save_model(models, replace(model, normalizer=Normalizer.by_speaker()))
    with refused("role: ", "fitting statistics", error=LeakError):
        predict_out_of_fold(data, models, [0], 1)


# Whole runs under every protocol


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_trains_and_predicts_each_clip_once(tmp_path: Path, protocol: str) -> None:
    shape = {"speakers": 24} if protocol.startswith("ravdess_") else {}
    data = tiny_system(tmp_path, with_copies=True, protocol=protocol, **shape)
    models = train_all(data, tmp_path / "models")
    predictions = predict_out_of_fold(data, models, [0], 1)
    check_complete(predictions, data.clips, [0])
    assert dict(zip(predictions["clip"], predictions["fold"], strict=True)) == at_test(data.folds)
    assert np.isfinite(predictions[["confidence", "calibrated", "temperature"]]).all().all()
    normalizers = {load_model(path).normalizer.kind for path in models.iterdir()}
    by_speaker = Crossing.STATISTIC in PROTOCOLS[protocol].crosses
    assert normalizers == {"speaker" if by_speaker else "clip"}


def test_two_names_of_speaker_normalization_predict_the_same(tmp_path: Path) -> None:
    tables = []
    for protocol in ("speaker_normalized", "leaky_undeclared_speaker_normalization"):
        data = tiny_system(tmp_path / protocol, protocol=protocol)
        models = train_all(data, tmp_path / protocol / "models")
        predictions = predict_out_of_fold(data, models, [0], 1)
        assert set(predictions["protocol"]) == {protocol}
        tables.append(predictions.drop(columns="protocol"))
    pd.testing.assert_frame_equal(*tables, check_exact=True)
