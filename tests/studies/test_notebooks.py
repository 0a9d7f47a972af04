"""The three notebooks: what they train on under their own split, and under ours."""

from pathlib import Path

import pandas as pd
import pytest

from ser.clips.manifest import MANIFEST, write_manifest
from ser.guards.crossings import Crossing
from ser.reading.data import load_system, training_items
from ser.reading.settings import System
from ser.splits.protocols import PROTOCOLS
from ser.training.settings import load_recipe
from studies.copies import featurize_with_copies
from studies.notebooks import _FEATURES, EFFECTS, NOTEBOOKS, describe, study_notebooks
from studies.study import DATA
from tests.builders import CORPUS, make_manifest, make_predictions, write_clips, write_splits
from tests.studies.builders import study_values

USED = sorted({name for notebook in NOTEBOOKS for name in notebook.splits.values()})


@pytest.fixture(autouse=True)
def built(here: Path) -> Path:
    """Noise of six women and six men, and the folds of every protocol of the notebooks."""
    corpus = DATA / "corpora" / CORPUS
    manifest = write_clips(make_manifest(speakers=12, clips_each=1), corpus)
    manifest["take_group"] = manifest["clip"]
    for protocol in USED:
        write_splits(manifest, DATA / "splits" / CORPUS, protocol)
    write_manifest(corpus / MANIFEST, manifest)
    return corpus


def test_their_own_split_is_leaky_and_ours_is_not() -> None:
    for notebook in NOTEBOOKS:
        own, ours = (PROTOCOLS[notebook.splits[split]] for split in ("own", "ours"))
        assert own.kind == "leaky", notebook.name
        assert ours.mark == "", notebook.name
        assert (Crossing.COPY in own.crosses) == notebook.copies, notebook.name


def test_they_train_plainly_and_as_many_steps_as_with_all_copies() -> None:
    for notebook in NOTEBOOKS:
        recipe = load_recipe(notebook.settings(study_values(), 30))
        training = recipe.training
        assert recipe.model.network == "notebook"
        assert recipe.optimizer.kind.__name__ == ("SGD" if "SGD" in notebook.name else "RMSprop")
        assert (training.schedule, training.normalization) == ("constant", "train")
        assert not training.mixup_probability
        assert not training.weight_average
        passes = 1 + len(EFFECTS) if notebook.copies else 1
        assert training.epochs == 30 * passes
        assert training.copy_probability == pytest.approx(1 - 1 / passes)


def test_copies_cross_under_the_notebooks_split_only(built: Path, tmp_path: Path) -> None:
    features = tmp_path / "made"
    values = study_values(**_FEATURES)
    featurize_with_copies(values, built, EFFECTS, features / CORPUS)
    crossing = {}
    for split, protocol in NOTEBOOKS[-1].splits.items():
        system = System(corpora=[CORPUS], gender="female", protocol=protocol)
        data = load_system(system, DATA, features=features, with_functionals=False)
        fold = data.fold_numbers[0]
        tested = set(data.with_role(fold, "test")["clip"])
        items = training_items(data, fold)
        assert set(items["effect"]) == {"", *EFFECTS}
        assert set(items["length"]) == {1}, "a clip is not one row of mean MFCCs"
        crossing[split] = int(items["clip"].isin(tested).sum())
        originals = items[items["effect"] == ""]
        assert not originals["clip"].isin(tested).any(), "a tested clip itself trains"
    assert crossing["own"] > 0
    assert crossing["ours"] == 0


@pytest.mark.usefixtures("guessing")
def test_the_study_tests_every_notebook_under_both_splits() -> None:
    tables = study_notebooks(study_values(), CORPUS, epochs=2)
    table, history = tables[""], tables["_history"]
    assert table["name"].tolist() == [one.name for one in NOTEBOOKS for _ in one.splits]
    assert table["split"].tolist() == ["own", "ours"] * 3
    assert table["mark"].str.startswith("LEAKY").tolist() == [True, False] * 3
    assert set(history["epoch"]) == {1, 2}
    assert set(history["part"]) == {"train", "validation"}


def test_training_accuracy_is_that_of_the_last_epoch() -> None:
    identity = {"name": "a", "split": "own", "passes": 5}
    rows = [
        {"epoch": 5 * epoch, "part": part, "loss": 1.0, "accuracy": 10.0 * epoch + number}
        for number, part in enumerate(("train", "validation"))
        for epoch in (1, 2, 3)
    ]
    predictions = make_predictions().assign(**identity, **PROTOCOLS["leaky_random"].fields)
    tables = describe(predictions, pd.DataFrame(rows).assign(**identity))
    assert tables[""]["training_accuracy"].tolist() == [30.0]
    assert tables["_history"]["epoch"].tolist() == [1, 2, 3] * 2
