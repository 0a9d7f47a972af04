"""Importance: what carries the emotion is found, and what does not is not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ser.reading.data import SystemData
from ser.core.errors import LeakError, SerError
from ser.features.front_ends import LogMel, Mfcc
from ser.core.files import write_csv
from ser.store.functionals import CLIPS, NAMES, PACK
from ser.features.functionals import SETTINGS, describe
from ser.store.packs import write_pack
from studies.importance import (
    ALL,
    ALONE,
    BANDS,
    GROUPS,
    OCCLUDED,
    PERMUTED,
    SPANS,
    WITHOUT,
    ImportanceStudy,
    blank_parts,
    describe_importance,
    group_of,
    study_importance,
)
from ser.reports.figures.importance import draw_emotions, draw_groups, draw_saliency
from ser.training.fold import train_fold
from tests.builders import (
    CORPUS,
    EMOTIONS,
    make_manifest,
    make_params,
    make_predictions,
    one_torch_thread,
    random_clip,
    separable_features,
    tiny_system,
    write_features,
    write_splits,
)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


def described() -> ImportanceStudy:
    """A study in which all groups do alike."""
    table = make_predictions(seeds=(0,))
    whole = table.assign(group=ALL, way=ALONE, functionals=70)
    parts = [
        table.assign(group=name, way=way, functionals=10)
        for name in GROUPS
        for way in (ALONE, WITHOUT, PERMUTED, OCCLUDED)
    ]
    rng = np.random.default_rng(0)
    evidence = pd.DataFrame(
        [
            {"clip": "a", "emotion": emotion, "band": band, "span": span, "evidence": rng.normal()}
            for emotion in EMOTIONS
            for band in range(BANDS)
            for span in range(SPANS)
        ]
    )
    return describe_importance(pd.concat([whole, *parts], ignore_index=True), evidence)


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


def write_telling_functionals(manifest: pd.DataFrame, folder: Path) -> None:
    """Functionals of which only the pitch tells the emotion; the others are noise."""
    rng = np.random.default_rng(0)
    names = [those[0] + "x" for those in GROUPS.values()]
    values = rng.standard_normal((len(manifest), len(names))).astype(np.float32)
    emotions = sorted(manifest["emotion"].unique())
    pitch = names.index("pitch.x")
    values[:, pitch] = 5 * manifest["emotion"].map(emotions.index).to_numpy()
    folder.mkdir(parents=True, exist_ok=True)
    write_pack(folder / PACK, [values])
    write_csv(folder / CLIPS, manifest[["clip"]])
    write_csv(folder / NAMES, pd.DataFrame({"name": names}))


def test_the_study_finds_the_group_that_tells_the_emotion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = make_manifest(speakers=4, clips_each=4)
    write_splits(manifest, tmp_path / "splits" / CORPUS, "speaker_independent")
    write_features(tmp_path / "features" / CORPUS, separable_features(manifest))
    write_telling_functionals(manifest, tmp_path / "functionals" / CORPUS)
    params = make_params({"training.linear_share": 0.4, "training.linear_c": 10.0})
    monkeypatch.setattr("studies.importance.PERMUTATIONS", 2)
    study = study_importance(params, CORPUS, tmp_path)
    uar = study.groups.set_index(["group", "way"])["uar"]
    assert uar[ALL, ALONE] > 90
    assert uar["pitch", ALONE] > 90
    for way in (WITHOUT, PERMUTED, OCCLUDED):
        assert uar["pitch", way] < 60, f"pitch {way} still tells the emotion"
        assert uar["energy", way] > 85, f"energy {way} matters, but is noise"
    lost = study.emotions.groupby("group")["lost"].mean()
    assert lost.idxmax() == "pitch"
    assert study.groups["functionals"].iloc[0] == len(GROUPS)
    assert set(study.saliency["emotion"]) == set(EMOTIONS)


def test_evidence_lies_in_the_bands_that_carry_the_emotion(tmp_path: Path) -> None:
    data = tiny_system(tmp_path, speakers=4, clips_each=4)
    params = make_params({"training.epochs": 25, "optimizers.adamw.lr": 0.01})
    model, _ = train_fold(params, data, 0, 0)
    evidence = blank_parts(model, data)
    tested = data.with_role(0, "test")
    assert len(evidence) == len(tested) * BANDS * SPANS
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


def test_a_model_made_from_tested_clips_is_refused(tmp_path: Path) -> None:
    data: SystemData = tiny_system(tmp_path)
    model, _ = train_fold(make_params(), data, 0, 0)
    model.uses["training"].add(data.with_role(0, "test")["clip"].iloc[0])
    with pytest.raises(LeakError):
        blank_parts(model, data)


def test_figures_have_the_same_bytes_twice(tmp_path: Path) -> None:
    study = described()
    for name in ("one", "two"):
        draw_groups(study.groups, "tiny", tmp_path / f"{name}_groups.png")
        draw_emotions(study.emotions, "tiny", tmp_path / f"{name}_emotions.png")
        draw_saliency(study.saliency, "tiny", tmp_path / f"{name}_saliency.png")
    for kind in ("groups", "emotions", "saliency"):
        one, two = (tmp_path / f"{name}_{kind}.png" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
