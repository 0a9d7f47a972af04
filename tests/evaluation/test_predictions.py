"""Every clip is predicted once a seed, by the model that never saw its speaker."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ser.dataset import SystemData
from ser.errors import LeakError, SerError
from ser.evaluation.predictions import (
    IDENTITY,
    check_complete,
    predict_out_of_fold,
    read_predictions,
)
from ser.files import write_csv
from ser.models.storage import TrainedModel, model_path, save_model
from ser.normalization import Normalizer
from ser.training.fold import build_network
from tests.builders import CORPUS, make_params, one_torch_thread, replace_rows, tiny_system

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
    return TrainedModel(network, EMOTIONS, normalizer, fold, seed)


def write_models(data: SystemData, folder: Path, always: bool = False) -> Path:
    for seed in SEEDS:
        for fold in data.folds["fold"].unique():
            chosen = int(fold + seed) % len(EMOTIONS) if always else None
            save_model(folder, make_model(int(fold), seed, chosen))
    return folder


def test_each_clip_is_predicted_once_a_seed(data: SystemData, tmp_path: Path) -> None:
    predictions = predict_out_of_fold(data, write_models(data, tmp_path / "models"), SEEDS, 1)
    check_complete(predictions, data, SEEDS)
    expected = [(seed, clip) for seed in SEEDS for clip in sorted(data.clips["clip"])]
    assert list(predictions[["seed", "clip"]].itertuples(index=False, name=None)) == expected


def test_a_row_describes_its_clip_and_its_best_emotion(data: SystemData, tmp_path: Path) -> None:
    predictions = predict_out_of_fold(data, write_models(data, tmp_path / "models"), SEEDS, 1)
    columns = [f"p_{emotion}" for emotion in EMOTIONS]
    assert list(predictions.columns) == [*IDENTITY, "emotion", "predicted", "confidence", *columns]
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


def test_a_copy_may_not_be_scored(
    data: SystemData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = write_models(data, tmp_path / "models")
    monkeypatch.setattr(
        "ser.evaluation.predictions.clips_only",
        lambda data, clips: data.index[data.index["clip"].isin(clips["clip"])],
    )
    with pytest.raises(LeakError, match=r"\+noise must not be scored"):
        predict_out_of_fold(data, models, [0], 1)


def test_a_damaged_pack_is_a_sentence(data: SystemData, tmp_path: Path) -> None:
    models = write_models(data, tmp_path / "models")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    with pytest.raises(SerError, match="is damaged"):
        predict_out_of_fold(replace(data, packs={CORPUS: broken}), models, [0], 1)


def test_incomplete_predictions_are_refused(data: SystemData) -> None:
    whole = pd.DataFrame(
        [{"seed": seed, "clip": clip} for seed in SEEDS for clip in data.clips["clip"]]
    )
    check_complete(whole, data, SEEDS)
    clip = data.clips["clip"][4]
    row = whole[(whole["clip"] == clip) & (whole["seed"] == 7)]
    for wrong in (whole.drop(row.index), pd.concat([whole, row])):
        with pytest.raises(
            SerError, match=f"Clip {clip} is not predicted exactly once with seed 7"
        ):
            check_complete(wrong, data, SEEDS)
    with pytest.raises(SerError, match="with seed 9"):
        check_complete(whole, data, [0, 7, 9])


def test_predictions_come_back_from_disk(data: SystemData, tmp_path: Path) -> None:
    predictions = predict_out_of_fold(data, write_models(data, tmp_path / "models"), SEEDS, 1)
    write_csv(tmp_path / "predictions.csv", predictions)
    read = read_predictions(tmp_path / "predictions.csv")
    pd.testing.assert_frame_equal(read, predictions, atol=1e-6)
    assert read["speaker"][0] == "01", "a speaker became a number"


def test_missing_predictions_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SerError, match=r"predictions\.csv are missing; run `dvc repro`"):
        read_predictions(tmp_path / "predictions.csv")
