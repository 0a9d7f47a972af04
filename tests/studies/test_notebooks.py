"""The three notebooks: what they train on under their own split, and under ours."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ser.clips.manifest import MANIFEST, write_manifest
from ser.reading.data import load_system, training_items
from ser.params import System
from ser.guards.crossings import Crossing
from ser.splits.protocols import PROTOCOLS
from ser.models.notebook import (
    N_MFCC,
    build_notebook_network,
    mean_mfcc,
    start_notebook,
    train_epochs,
)
from studies.notebooks import (
    EFFECTS,
    NOTEBOOKS,
    NotebookStudy,
    describe,
    study_notebooks,
    write_mfccs,
)
from ser.reports.figures.notebooks import draw_notebook_history, draw_notebooks
from tests.builders import (
    CORPUS,
    make_manifest,
    make_params,
    make_predictions,
    one_torch_thread,
    random_clip,
    write_clips,
    write_splits,
)

PROTOCOLS_USED = sorted({name for notebook in NOTEBOOKS for name in notebook.splits.values()})


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Noise of six women and six men, and the folds of every protocol of the notebooks."""
    manifest = write_clips(make_manifest(speakers=12, clips_each=1), tmp_path / "corpora" / CORPUS)
    manifest["take_group"] = manifest["clip"]
    for protocol in PROTOCOLS_USED:
        write_splits(manifest, tmp_path / "splits" / CORPUS, protocol)
    write_manifest(tmp_path / "corpora" / CORPUS / MANIFEST, manifest)
    return tmp_path


def study() -> NotebookStudy:
    parts = [
        make_predictions(accuracy=lambda _, a=0.3 + 0.1 * place: a).assign(
            notebook=notebook.key, split=split
        )
        for place, (notebook, split) in enumerate(
            (notebook, split) for notebook in NOTEBOOKS for split in notebook.splits
        )
    ]
    history = pd.DataFrame(
        [
            {"epoch": epoch, "part": part, "loss": 1 / epoch, "accuracy": 10.0 * epoch + number}
            | {"notebook": notebook.key, "split": split}
            for notebook in NOTEBOOKS
            for split in notebook.splits
            for number, part in enumerate(("train", "validation"))
            for epoch in (1, 2, 3)
        ]
    )
    return describe(pd.concat(parts, ignore_index=True), history)


def test_their_own_split_is_leaky_and_ours_is_not() -> None:
    for notebook in NOTEBOOKS:
        own, ours = (PROTOCOLS[notebook.splits[split]] for split in ("own", "ours"))
        assert own.kind == "leaky", notebook.name
        assert ours.mark == "", notebook.name
        assert (Crossing.COPY in own.crosses) == notebook.copies, notebook.name


def test_the_simplified_network_is_smaller() -> None:
    larger, simplified = (
        sum(weight.numel() for weight in build_notebook_network(size, 8).parameters())
        for size in ("larger", "simplified")
    )
    assert simplified < larger / 2


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
@pytest.mark.parametrize("size", ["larger", "simplified"])
def test_a_network_learns_and_repeats(size: str, optimizer: str) -> None:
    rng = np.random.default_rng(1)
    targets = ["happy", "sad"] * 40
    values = rng.standard_normal((80, N_MFCC)) + np.array([0.0, 2.0] * 40)[:, np.newaxis]
    answers = []
    for _ in range(2):
        model = start_notebook(values, targets, size, seed=3)
        for _ in train_epochs(model, values, targets, optimizer, epochs=12):
            pass
        answers.append(model.probabilities(values))
        assert np.mean(np.array(model.predict(values)) == targets) > 0.9, "nothing was learned"
    assert np.array_equal(*answers), "training is not the same every time"
    assert answers[0].sum(axis=1) == pytest.approx(1.0)


def test_mean_mfccs_have_one_row_and_silence_is_finite() -> None:
    assert mean_mfcc(random_clip(0)).shape == (N_MFCC,)
    assert np.isfinite(mean_mfcc(np.zeros(8000, dtype=np.int16))).all()


def test_copies_cross_under_the_notebooks_split_only(built: Path, tmp_path: Path) -> None:
    params = make_params()
    features = write_mfccs(params, CORPUS, built, tmp_path / "made", with_copies=True)
    crossing = {}
    for split, protocol in NOTEBOOKS[-1].splits.items():
        system = System(corpus=CORPUS, gender="female", protocol=protocol)
        data = load_system(params, system, built / "splits", features)
        fold = data.fold_numbers[0]
        tested = set(data.with_role(fold, "test")["clip"])
        items = training_items(data, fold)
        assert set(items["effect"]) == {"", *EFFECTS}
        crossing[split] = int(items["clip"].isin(tested).sum())
        originals = items[items["effect"] == ""]
        assert not originals["clip"].isin(tested).any(), "a tested clip itself trains"
    assert crossing["own"] > 0
    assert crossing["ours"] == 0


def test_the_study_tests_every_clip_under_both_splits(built: Path) -> None:
    found = study_notebooks(make_params(), CORPUS, built, epochs=2)
    assert found.table["split"].tolist() == ["own", "ours"] * 3
    assert found.table["uar"].between(0, 100).all()
    assert set(found.history["epoch"]) == {1, 2}
    assert set(found.history["part"]) == {"train", "validation"}


def test_scores_stand_by_notebook_and_split(tmp_path: Path) -> None:
    found = study()
    assert found.table["uar"].is_monotonic_increasing
    assert (found.table["training_accuracy"] == 30).all(), "not that of the last epoch"
    for notebook in NOTEBOOKS:
        assert found.metrics[notebook.key]["own"]["mark"].startswith("LEAKY")
        assert found.metrics[notebook.key]["ours"]["mark"] == "none"
    for draw in (
        lambda path: draw_notebooks(found.table, "tiny", path),
        lambda path: draw_notebook_history(found, "tiny", path),
    ):
        one, two = tmp_path / "one.png", tmp_path / "two.png"
        draw(one)
        draw(two)
        assert one.read_bytes() == two.read_bytes()
