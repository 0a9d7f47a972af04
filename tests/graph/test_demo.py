"""The whole graph on synthetic voices: complete, repeatable, and apart from tracked results."""

import json
import re

import pandas as pd
import pytest

from ser.clips.labels import ordered
from tests.graph.project import ROOT, dvc, lock, make_project, run

pytestmark = pytest.mark.graph


@pytest.fixture(scope="module")
def tracked_before():
    return run(ROOT, "git", "status", "--porcelain").stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory, tracked_before):
    return make_project(tmp_path_factory.mktemp("demo") / "demo", ROOT / "demo/params.yaml")


def systems(demo):
    return sorted(path.stem for path in (demo / "metrics").glob("*.json"))


def test_the_demo_leaves_tracked_results_untouched(demo, tracked_before):
    after = run(ROOT, "git", "status", "--porcelain").stdout
    assert after == tracked_before, "running the demo changed the checkout"


def test_a_second_run_does_nothing(demo):
    before = lock(demo)
    said = dvc(demo, "repro").stdout
    assert "Running stage" not in said, f"a second run ran something:\n{said}"
    assert "up to date" in dvc(demo, "status").stdout
    assert lock(demo) == before, "a second run changed dvc.lock"


def test_a_forced_run_gives_the_same_lock_to_the_byte(demo):
    before = lock(demo)
    dvc(demo, "repro", "--force")
    assert lock(demo) == before, "the same commit gave other bytes"


def test_every_system_is_scored_with_the_promised_keys(demo):
    assert systems(demo) == ["multilingual", "synthetic", "synthetic_female", "synthetic_leaky"]
    for system in systems(demo):
        metrics = json.loads((demo / f"metrics/{system}.json").read_text())
        for key in ("uar", "uar_low", "uar_high", "accuracy", "uar_female", "uar_male", "folds",
                    "n_clips", "parameters", "protocol", "mark", "ece_calibrated"):  # fmt: skip
            assert key in metrics, f"metrics of {system} lack {key}"
        assert metrics["uar_low"] <= metrics["uar"] <= metrics["uar_high"]
    assert json.loads((demo / "metrics/synthetic_female.json").read_text())["uar_male"] is None


def test_predictions_hold_the_promised_columns_and_every_clip_once(demo):
    for system in systems(demo):
        table = pd.read_csv(demo / f"plots/{system}/predictions.csv")
        assert table["clip"].is_unique, f"{system} predicts a clip more than once"
        wanted = ["clip", "corpus", "language", "speaker", "gender", "fold", "seed", "emotion",
                  "predicted", "confidence"]  # fmt: skip
        assert [c for c in table.columns if c in wanted] == wanted
        chances = [f"p_{emotion}" for emotion in ordered(table["emotion"])]
        assert list(table.columns[-len(chances) :]) == chances
        assert (table[chances].sum(axis=1) - 1).abs().max() < 1e-4
        best = table[chances].idxmax(axis=1).str.removeprefix("p_")
        assert (best == table["predicted"]).mean() > 0.999
        for image in ("history", "confusion", "examples", "reliability", "speakers"):
            assert (demo / f"plots/{system}/{image}.png").stat().st_size > 5_000


def test_no_predicted_speaker_trained_the_model_that_predicts_it(demo):
    for corpus in ("synthetic_a", "synthetic_b"):
        folds = pd.read_csv(demo / f"data/splits/{corpus}/folds/speaker_independent.csv")
        for _, fold in folds.groupby("fold"):
            sides = [
                set(fold.loc[fold["role"] == role, "clip"].str.split("/").str[1])
                for role in ("train", "validation", "test")
            ]
            assert not sides[0] & sides[1]
            assert not (sides[0] | sides[1]) & sides[2]


def test_floors_stand_beside_every_system(demo):
    for system in systems(demo):
        floors = json.loads((demo / f"metrics/floors/{system}.json").read_text())
        for floor in ("majority", "speaker_majority", "duration", "loudness", "functionals_svm"):
            scores = floors[floor]
            assert scores["uar_low"] <= scores["uar"] <= scores["uar_high"], f"{system}: {floor}"
        answers = pd.read_csv(demo / f"plots/{system}/functionals_svm.csv")
        assert sorted(answers["clip"]) == sorted(
            pd.read_csv(demo / f"plots/{system}/predictions.csv")["clip"]
        )


def test_all_that_comes_of_a_leaky_protocol_is_marked(demo):
    table = pd.read_csv(demo / "plots/systems.csv").set_index("system")
    for system in systems(demo):
        marks = {
            json.loads((demo / f"metrics/{folder}{system}.json").read_text())["mark"]
            for folder in ("", "floors/")
        }
        (mark,) = marks | {table.loc[system, "mark"]}
        assert mark.startswith("LEAKY: speaker") == (system == "synthetic_leaky"), system
        predictions = pd.read_csv(demo / f"plots/{system}/predictions.csv")
        assert set(predictions["protocol"]) == {table.loc[system, "protocol"]}
    page = run(demo, "python", "-m", "ser.cli", "compare", "synthetic", "synthetic_leaky").stdout
    assert "LEAKY" in page.splitlines()[1], f"a comparison hides the leak:\n{page}"


def test_dvc_draws_every_plot(demo, tmp_path):
    dvc(demo, "plots", "show", "--out", str(tmp_path / "page"))
    page = (tmp_path / "page/index.html").read_text()
    for system in systems(demo):
        for name in ("history", "confusion", "predictions", "reliability", "speakers"):
            assert f"plots/{system}/{name}.csv" in page, (
                f"the plot of {system}/{name}.csv is missing from the page"
            )
    assert "plots/systems.csv" in page
    assert not re.search(r"<script[^>]+src=", page), "the page fetches scripts"
    assert "vegaEmbed" in page
    shown = json.loads(dvc(demo, "metrics", "show", "--json").stdout)
    assert "metrics/synthetic.json" in str(shown)
