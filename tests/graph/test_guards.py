"""Leaks made by hand, one of each kind, in what lies between the stages: the next stage stops."""

import json

import pandas as pd
import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from tests.graph.project import copy_project, run

pytestmark = pytest.mark.graph

FOLDS = "data/splits/synthetic_a/folds/speaker_independent.csv"
INDEX = "data/features/synthetic_a/index.csv"


@pytest.fixture
def project(base_project, tmp_path):
    folder = copy_project(base_project, tmp_path / "project")
    # what DVC put in place may be a link into its cache
    for name in (FOLDS, INDEX, *manifests(folder)):
        replace_text(folder / name, (folder / name).read_text())
    return folder


def manifests(folder):
    return [f"data/splits/synthetic_a/{gender}.csv" for gender in ("female", "male")]


def replace_text(path, text):
    path.unlink()
    path.write_text(text)


def edit(path, change):
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    change(table)
    table.to_csv(path, index=False)


def refusal(folder, stage):
    """What a stage says when it stops."""
    before = sorted((folder / "models/synthetic").iterdir()), metrics(folder)
    done = run(folder, "python", "-m", f"stages.{stage}", "synthetic", check=False)
    assert done.returncode == 1, f"{stage} did not stop:\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    assert (sorted((folder / "models/synthetic").iterdir()), metrics(folder)) == before
    (sentence,) = [line for line in done.stderr.splitlines() if "error:" in line]
    return sentence


def metrics(folder):
    return (folder / "metrics/synthetic.json").read_bytes()


def clips(folder, fold, role):
    table = pd.read_csv(folder / FOLDS)
    return table.loc[(table["fold"] == fold) & (table["role"] == role), "clip"].tolist()


STAGES = ["train", "evaluate", "floors"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_speaker_on_two_sides(project, stage):
    moved = clips(project, 0, "train")[0]

    def change(folds):
        folds.loc[(folds["fold"] == "0") & (folds["clip"] == moved), "role"] = "validation"

    edit(project / FOLDS, change)
    sentence = refusal(project, stage)
    assert "Fold 0 leaks: speaker synthetic_a/" in sentence
    assert "train" in sentence
    assert "validation" in sentence


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("column", "what"), [("pcm_sha256", "one recording under two names"), ("take_group", "take ")]
)
def test_a_recording_on_two_sides(project, stage, column, what):
    first, second = clips(project, 0, "test")[0], clips(project, 0, "train")[0]
    for name in manifests(project):

        def change(manifest):
            manifest.loc[manifest["clip"].isin([first, second]), column] = "shared"

        edit(project / name, change)
    sentence = refusal(project, stage)
    assert f"leaks: {what}" in sentence
    assert first in sentence
    assert second in sentence


def test_a_copy_of_a_held_out_clip_under_another_name(project):
    held_out, training = clips(project, 0, "test")[0], clips(project, 0, "train")[0]

    def change(index):
        copy = (index["clip"] == held_out) & (index["effect"] != "")
        assert copy.sum() == 1, "the project has one effect"
        index.loc[copy, "clip"] = training

    edit(project / INDEX, change)
    sentence = refusal(project, "train")
    assert f"{held_out}+speed claims to come from {training}" in sentence


def test_a_model_tested_on_what_it_was_made_from(project):
    def change(folds):
        # model and table of folds 0 and 1 no longer belong together
        folds["fold"] = folds["fold"].replace({"0": "1", "1": "0"})

    edit(project / FOLDS, change)
    assert "A leak:" in refusal(project, "evaluate")


@pytest.mark.parametrize(
    "purpose", ["training", "fitting statistics", "watching and choosing the epoch"]
)
def test_a_model_that_used_a_test_clip(project, purpose):
    model = project / "models/synthetic/fold_00_seed_0.safetensors"
    with safe_open(model, framework="pt") as file:
        card = json.loads(file.metadata()["card"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    used = clips(project, 0, "test")[0]
    card["uses"][purpose].append(used)
    model.unlink()
    save_file(tensors, model, metadata={"card": json.dumps(card)})
    sentence = refusal(project, "evaluate")
    assert used in sentence
    assert purpose in sentence
