"""The released model: everybody trains, nobody is tested, and its thresholds come from others."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ser.clips.audio import pcm_sha256
from ser.core.errors import LeakError
from ser.evaluation.calibration import soften
from ser.evaluation.out_of_fold import load_answering, predict_fold, predict_out_of_fold
from ser.guards.checks import check_folds
from ser.guards.selection import load_clips
from ser.models.storage import load_linear, load_network, save_network
from ser.predict.recogniser import ANYBODY, beginning
from ser.predict.release import everybody, held_out
from ser.predict.released import NOBODY, is_released, load_released
from ser.predict.trust import least_confidence
from ser.store.functionals import read_functionals
from tests.builders import CORPUS
from tests.conftest import Refused
from tests.predict.conftest import SCORE, Project


def test_everybody_trains_and_nothing_can_be_scored(project: Project, refused: Refused) -> None:
    data = everybody(project.data)
    assert set(data.roles(NOBODY).values()) == {"train"}
    assert set(data.with_role(NOBODY, "train")["clip"]) == set(project.data.clips["clip"])
    answering = load_answering(project.values)
    with refused("everybody_trains", "tests nobody"):
        predict_out_of_fold(data, project.models / CORPUS, [0], answering)
    with refused("is tested in 0 folds"):
        check_folds(data.clips, data.folds, data.protocol)
    with refused("everybody_trains", "does not fit"):
        splits = project.folder / "data/splits"
        load_clips(splits, [CORPUS], "everybody_trains", "all")


def test_the_released_model_is_no_model_of_a_fold(
    project: Project, tmp_path: Path, refused: Refused
) -> None:
    models = tmp_path / CORPUS
    shutil.copytree(project.models / CORPUS, models)
    shutil.copy(project.released, models / "seed_0/fold_00.safetensors")
    answering = load_answering(project.values)
    with refused("was trained for fold -1"):
        predict_out_of_fold(project.data, models, [0], answering)
    released = load_released(project.released).voice.model
    posing = replace(released, network=replace(released.network, fold=0))
    with refused("A leak", error=LeakError):
        predict_fold(posing, project.data)


def test_what_validated_may_not_have_trained(
    project: Project, tmp_path: Path, refused: Refused
) -> None:
    models = tmp_path / CORPUS
    shutil.copytree(project.models / CORPUS, models)
    path = models / "seed_0/fold_01.safetensors"
    network = load_network(path)
    heard = set(project.data.with_role(1, "validation")["clip"])
    uses = {**network.uses, "training": network.uses["training"] | heard}
    save_network(path, replace(network, uses=uses))
    with refused("A leak", "validation", error=LeakError):
        held_out(project.plan, project.data, models)


def test_the_same_inputs_make_the_same_bytes(project: Project, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    project.release(again)
    assert again.read_bytes() == project.released.read_bytes()


def test_it_says_what_it_is(project: Project) -> None:
    released = load_released(project.released)
    card = released.card
    assert is_released(project.released)
    assert not is_released(project.models / CORPUS / "seed_0/fold_00.safetensors")
    assert card.score == SCORE
    assert card.made_from.items() >= {"clips": 54, "speakers": 3}.items()
    assert {"folds", "features", "functionals", "code"} < set(card.made_from)
    assert card.share == 0.4
    assert released.voice.id.startswith("released-")
    hashes = {clip: pcm_sha256(project.samples(clip)) for clip in project.data.clips["clip"]}
    assert released.known == {beginning(digest): clip for clip, digest in hashes.items()}


def test_confidences_are_chosen_on_validation_speakers(project: Project) -> None:
    held = held_out(project.plan, project.data, project.models / CORPUS)
    rows = sum(
        len(project.data.with_role(fold, "validation")) for fold in project.data.fold_numbers
    )
    assert len(held.targets) == len(held.distances) == rows
    card = load_released(project.released).card
    softened = soften(held.probabilities, card.temperature)
    sure = softened.max(axis=1) >= card.thresholds.unsure
    right = softened.argmax(axis=1) == held.targets
    assert card.thresholds.unsure == 1 or right[sure].mean() >= 0.8 - 1e-6
    further = (held.distances > card.thresholds.unlike).mean()
    assert further == pytest.approx(0.05, abs=1 / rows)


def test_the_least_confidence_for_an_accuracy() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    right = [True, True, False, True, False]
    assert least_confidence(confidence, right, 0.75) == 0.6
    assert least_confidence(confidence, right, 1.0) == 0.8
    assert least_confidence(confidence, [False] * 5, 0.5) == 1.0


def test_anybody_is_standardised_by_all_clips_together(project: Project) -> None:
    linear = load_linear(project.released)
    values = read_functionals(project.data.functionals, project.data.clips).astype(np.float64)
    wide = load_released(project.released).voice.model.linear
    assert wide is not None
    assert ANYBODY not in linear.model.mean
    assert np.allclose(wide.model.mean[ANYBODY], values.mean(axis=0), rtol=1e-4, atol=1e-5)
    assert np.allclose(wide.model.scale[ANYBODY], values.std(axis=0), rtol=1e-3, atol=1e-5)


def test_a_damaged_or_missing_one_is_a_sentence(
    project: Project, tmp_path: Path, refused: Refused
) -> None:
    with refused("is missing", "dvc repro studies/dvc.yaml:release"):
        load_released(tmp_path / "none.safetensors")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(project.released.read_bytes()[:-1000])
    with refused("cut.safetensors"):
        load_released(cut)
    with refused("not a model"):
        load_released(project.models / CORPUS / "seed_0/fold_00.safetensors")
