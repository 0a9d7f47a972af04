"""The graph on synthetic voices, as `make demo` runs it: complete, repeatable, honest."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from dvc.repo import Repo

from ser.clips.labels import ordered
from tests.graph.project import CORPUS, ROOT, SYSTEM, changed, dvc, lock, run

pytestmark = [
    pytest.mark.graph,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of what DVC uses
]

LEAKY = "synthetic_leaky"
SYSTEMS = (SYSTEM, LEAKY)


@pytest.fixture(scope="module")
def tracked_before() -> str:
    return run(ROOT, "git", "status", "--porcelain").stdout


@pytest.fixture(scope="module")
def demo(tracked_before: str, base_project: Path) -> Path:
    """The project that other tests copy: nothing here changes it."""
    return base_project


def predictions(demo: Path, system: str) -> pd.DataFrame:
    return pd.read_csv(demo / f"plots/systems/{system}/predictions.csv", keep_default_na=False)


def test_the_demo_leaves_tracked_results_untouched(demo: Path, tracked_before: str) -> None:
    after = run(ROOT, "git", "status", "--porcelain").stdout
    assert after == tracked_before, "running the demo changed the checkout"


def test_a_second_run_does_nothing(demo: Path) -> None:
    before = lock(demo)
    said = dvc(demo, "repro").stdout
    assert "Running stage" not in said, f"a second run ran something:\n{said}"
    assert changed(demo) == set()
    assert lock(demo) == before, "a second run changed dvc.lock"


def test_every_system_is_scored_with_the_promised_few_numbers(demo: Path) -> None:
    wanted = {"UAR", "protocol", "mark", "uar", "uar_deviation", "accuracy", "ece"}
    names = {f"metrics/{system}.json" for system in SYSTEMS}
    assert {f"metrics/{path.name}" for path in (demo / "metrics").glob("*.json")} == names
    for name in names:
        metrics = json.loads((demo / name).read_text())
        assert set(metrics) == wanted
        assert 20 < metrics["uar"] <= 100, (
            "synthetic voices are told apart no better than by chance"
        )
    with Repo(str(demo)) as repo:
        assert set(repo.metrics.show()[""]["data"]) == names


@pytest.mark.parametrize("system", SYSTEMS)
def test_predictions_hold_every_clip_of_both_dialects_once(demo: Path, system: str) -> None:
    table = predictions(demo, system)
    assert table["clip"].is_unique, f"{system} predicts a clip more than once"
    said = pd.concat(
        pd.read_csv(demo / f"data/corpora/{corpus}/manifest.csv")
        for corpus in (CORPUS, "synthetic_b")
    )
    assert sorted(table["clip"]) == sorted(said["clip"])
    chances = [f"p_{emotion}" for emotion in ordered(table["emotion"])]
    assert list(table.columns[-len(chances) :]) == chances
    assert (table[chances].sum(axis=1) - 1).abs().max() < 1e-4
    best = table[chances].idxmax(axis=1).str.removeprefix("p_")
    assert (best == table["predicted"]).mean() > 0.999


def test_no_predicted_speaker_trained_the_model_that_predicts_it(demo: Path) -> None:
    for corpus in (CORPUS, "synthetic_b"):
        folds = pd.read_csv(demo / f"data/splits/{corpus}/folds/speaker_independent.csv")
        for _, fold in folds.groupby("fold"):
            sides = [
                set(fold.loc[fold["role"] == role, "clip"].str.split("/").str[1])
                for role in ("train", "validation", "test")
            ]
            assert not sides[0] & sides[1]
            assert not (sides[0] | sides[1]) & sides[2]


def test_all_that_comes_of_a_leaky_protocol_is_marked(demo: Path) -> None:
    table = pd.read_csv(demo / "plots/systems.csv").set_index("system")
    assert list(table.index) == list(SYSTEMS)
    for system in SYSTEMS:
        metrics = json.loads((demo / f"metrics/{system}.json").read_text())
        assert metrics["mark"] == table.loc[system, "mark"]
        assert metrics["mark"].startswith("LEAKY: speaker") == (system == LEAKY)
        assert set(predictions(demo, system)["protocol"]) == {table.loc[system, "protocol"]}
        baselines = pd.read_csv(demo / f"metrics/baselines/{system}.csv")
        assert (baselines["uar_low"] <= baselines["uar_high"]).all()
    page = run(demo, "python", "-m", "ser.cli", "compare", *SYSTEMS).stdout
    assert "LEAKY" in page, f"a comparison hides the leak:\n{page}"


def test_dvc_draws_every_plot_without_a_network(demo: Path, tmp_path: Path) -> None:
    dvc(demo, "plots", "show", "--out", str(tmp_path / "page"))
    page = (tmp_path / "page/index.html").read_text()
    for name in ("systems", "history", "confusion", "reliability"):
        assert f"plots/{name}.csv" in page, f"the plot of {name}.csv is missing from the page"
    assert not re.search(r"<script[^>]+src=", page), "the page fetches scripts"
    assert "vegaEmbed" in page
    pictures = [path for path in (demo / "plots").rglob("*.png") if path.stat().st_size > 5_000]
    assert len(pictures) == 1 + 2 * len(SYSTEMS)
