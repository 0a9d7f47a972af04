"""Importance: what carries the emotion is found, and what does not is not."""

from pathlib import Path

import numpy as np
import pytest

from ser.core.errors import LeakError, SerError
from ser.features.front_ends import LogMel, Mfcc
from ser.features.functionals import SETTINGS, describe
from ser.training.fold import train_fold
from studies.importance import (
    ALL,
    ALONE,
    BANDS,
    GROUPS,
    OCCLUDED,
    PERMUTED,
    SPANS,
    WITHOUT,
    blank_parts,
    group_of,
    study_importance,
)
from tests.builders import CORPUS, EMOTIONS, make_manifest, make_recipe, random_clip, tiny_system
from tests.studies.builders import noise_functionals, study_values, train_reference, write_study


def test_every_functional_of_the_project_belongs_to_one_group() -> None:
    spectra = Mfcc(LogMel.build(SETTINGS), SETTINGS.n_mfcc)
    names = list(describe(random_clip(0), spectra))
    found = {group_of(name) for name in names}
    assert found == set(GROUPS), f"no functional belongs to {set(GROUPS) - found}"
    for name in names:
        beginnings = [group for group, those in GROUPS.items() if name.startswith(those)]
        assert len(beginnings) == 1, f"{name} belongs to {beginnings}"


def test_a_functional_of_another_set_is_refused_in_one_sentence() -> None:
    with pytest.raises(SerError, match=r"egemaps\.F0 belongs to no group"):
        group_of("egemaps.F0")


def test_the_study_finds_the_group_that_tells_the_emotion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("studies.importance.PERMUTATIONS", 2)
    manifest = make_manifest(speakers=4, clips_each=4)
    functionals = noise_functionals(manifest, [those[0] + "x" for those in GROUPS.values()])
    functionals["pitch.x"] = 5.0 * manifest["emotion"].map(sorted(EMOTIONS).index).to_numpy()
    write_study(manifest=manifest, functionals=functionals)
    values = study_values(**{"linear.c": 10.0})
    train_reference(values)
    tables = study_importance(values, CORPUS)
    uar = tables[""].set_index(["name", "way"])["uar"]
    assert uar[ALL, ALONE] > 90
    assert uar["pitch", ALONE] > 90
    for way in (WITHOUT, PERMUTED, OCCLUDED):
        assert uar["pitch", way] < 60, f"pitch {way} still tells the emotion"
        assert uar["energy", way] > 85, f"energy {way} matters, but is noise"
    lost = tables["_emotions"].groupby("group")["lost"].mean()
    assert lost.idxmax() == "pitch"
    assert tables[""]["functionals"].iloc[0] == len(GROUPS)
    assert tables["_saliency"]["emotion"].unique().tolist() == list(EMOTIONS)
    assert len(tables["_saliency"]) == len(EMOTIONS) * BANDS * SPANS


def test_evidence_lies_in_the_bands_that_carry_the_emotion() -> None:
    data = tiny_system(Path("data"), speakers=4, clips_each=4)
    recipe = make_recipe({"training.epochs": 25, "optimizers.adamw.lr": 0.01})
    model, _ = train_fold(recipe, data, 0, 0)
    evidence = blank_parts(model, data)
    assert len(evidence) == len(data.with_role(0, "test")) * BANDS * SPANS
    width = BANDS // len(EMOTIONS)
    own = [
        evidence[
            (evidence["emotion"] == emotion)
            & evidence["band"].between(place * width, (place + 1) * width - 1)
        ]["evidence"].mean()
        for place, emotion in enumerate(sorted(EMOTIONS))
    ]
    # by chance it would be as much as anywhere
    assert np.mean(own) > 2 * evidence["evidence"].mean() > 0
    assert blank_parts(model, data, every=3)["clip"].nunique() == 4
    model.uses["training"].add(data.with_role(0, "test")["clip"].iloc[0])
    with pytest.raises(LeakError):
        blank_parts(model, data)
