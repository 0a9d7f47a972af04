"""The network and the linear part together: trained by the fold, read through the guard."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ser.reading.data import SystemData
from ser.evaluation.out_of_fold import predict_out_of_fold
from ser.models.storage import TrainedModel, model_path, save_model
from ser.training.fold import train_fold
from tests.builders import EMOTIONS, make_params, one_torch_thread, tiny_system

Refused = Callable[..., AbstractContextManager[None]]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


def described(clips: pd.DataFrame) -> pd.DataFrame:
    """Noise, and two functionals that tell each clip's emotion."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        rng.standard_normal((len(clips), 6)),
        index=pd.Index(clips["clip"]),
        columns=[f"mfcc.{number}.mean" for number in range(6)],
    )
    classes = clips["emotion"].map(EMOTIONS.index).to_numpy()
    table["mfcc.0.mean"] += 9.0 * (classes == 0)
    table["mfcc.1.mean"] += 9.0 * (classes == 1)
    return table


@pytest.fixture
def data(tmp_path: Path) -> SystemData:
    plain = tiny_system(tmp_path, with_copies=True)
    return replace(plain, functionals=described(plain.clips))


def trained(data: SystemData, share: float, fold: int = 0) -> TrainedModel:
    params = make_params({"training.linear_share": share, "training.linear_c": 1.0})
    return train_fold(params, data, fold, 0)[0]


def predicted(data: SystemData, folder: Path, share: float) -> pd.DataFrame:
    for fold in data.fold_numbers:
        save_model(folder, trained(data, share, fold))
    return predict_out_of_fold(data, folder, [0], processes=1)


def model_bytes(model: TrainedModel, folder: Path) -> bytes:
    save_model(folder, model)
    return model_path(folder, model.fold, model.seed).read_bytes()


def test_a_share_of_nothing_trains_no_linear_part(data: SystemData) -> None:
    assert trained(data, 0.0).linear is None


def test_the_linear_part_answers_where_it_has_the_whole_share(
    data: SystemData, tmp_path: Path
) -> None:
    answers = predicted(data, tmp_path / "models", 1.0)
    assert (answers["predicted"] == answers["emotion"]).mean() > 0.9
    deaf = replace(data, functionals=described(data.clips) * 0.0)
    nothing = predicted(deaf, tmp_path / "deaf", 1.0)
    assert nothing["predicted"].nunique() == 1, "something else than functionals was heard"


def test_both_parts_shape_the_probabilities(data: SystemData, tmp_path: Path) -> None:
    columns = [f"p_{emotion}" for emotion in EMOTIONS]
    alone, both, linear = (
        predicted(data, tmp_path / str(share), share)[columns].to_numpy() for share in (0, 0.5, 1)
    )
    product = np.sqrt(np.maximum(alone, 1e-7) * np.maximum(linear, 1e-7))
    expected = product / product.sum(axis=1, keepdims=True)
    assert np.allclose(both, expected, atol=1e-4)


def test_what_the_linear_part_was_made_from_is_noted(data: SystemData) -> None:
    training = set(data.with_role(0, "train")["clip"])
    uses = trained(data, 0.4).uses
    assert training <= uses["training"]
    assert uses["fitting statistics"] == training


@pytest.mark.parametrize("role", ["validation", "test"])
def test_functionals_that_are_held_out_change_nothing(
    data: SystemData, tmp_path: Path, role: str
) -> None:
    broken = data.functionals.copy()
    broken.loc[data.with_role(0, role)["clip"]] = np.nan
    before = model_bytes(trained(data, 0.4), tmp_path / "one")
    after = model_bytes(trained(replace(data, functionals=broken), 0.4), tmp_path / "two")
    assert after == before, f"the linear part has seen {role} clips"


def test_a_clip_without_functionals_is_named(data: SystemData, refused: Refused) -> None:
    clip = data.with_role(0, "train")["clip"].iloc[0]
    short = replace(data, functionals=data.functionals.drop(index=clip))
    with refused(clip, "no functionals"):
        trained(short, 0.4)
