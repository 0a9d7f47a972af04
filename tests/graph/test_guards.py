"""Leaks made by hand, one of each kind, in what lies between the stages: the next stage stops."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from ser.core.errors import LeakError, SerError
from stages import baselines, evaluate, systems, train
from tests.conftest import Refused
from tests.graph.project import CORPUS, SYSTEM, copy_project, run

pytestmark = pytest.mark.graph

Edit = Callable[[pd.DataFrame], None]

SPLITS = Path("data/splits") / CORPUS
FOLDS, PROTOCOL = (SPLITS / f"folds/speaker_independent.{kind}" for kind in ("csv", "json"))
INDEX = Path("data/features") / CORPUS / "index.csv"
MANIFESTS = [SPLITS / f"{gender}.csv" for gender in ("female", "male")]
NETWORK = Path("models") / SYSTEM / "seed_0/fold_00.safetensors"
LINEAR = Path("models") / SYSTEM / "linear/fold_00.safetensors"
ARGUMENTS = {systems: (), train: (SYSTEM, 0), baselines: (SYSTEM,), evaluate: (SYSTEM,)}
RESULTS = ("data/systems.json", "models", "metrics", "plots")


@pytest.fixture(scope="module")
def whole(base_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(base_project, tmp_path_factory.mktemp("guards") / "project")


@pytest.fixture
def project(whole: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder; what a test changes by hand is taken back."""
    monkeypatch.chdir(whole)
    kept = {
        path: path.read_bytes() for path in (FOLDS, PROTOCOL, INDEX, *MANIFESTS, NETWORK, LINEAR)
    }
    # what DVC put in place may be a link into its cache
    for path, content in kept.items():
        path.unlink()
        path.write_bytes(content)
    yield whole
    for path, content in kept.items():
        path.write_bytes(content)


def results() -> dict[Path, int]:
    """Everything that the stages made, and when; folds that wait for a next run are no result."""
    found = [path for name in RESULTS for path in [Path(name), *Path(name).rglob("*")]]
    made = [path for path in found if path.is_file() and ".partial/" not in path.as_posix()]
    return {path: path.stat().st_mtime_ns for path in made}


def edit(path: Path, change: Edit) -> None:
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    change(table)
    table.to_csv(path, index=False)


def clips(fold: int, role: str) -> list[str]:
    """Clips of one corpus that have a role in a fold of the mixture: its folds 0 and 5 are one."""
    table = pd.read_csv(FOLDS)
    return table.loc[(table["fold"] == fold) & (table["role"] == role), "clip"].tolist()


def check_stops(
    refused: Refused, stages: list[ModuleType], *said: str, error: type[SerError] = LeakError
) -> None:
    """Each stage stops with a sentence, and leaves what was there."""
    before = results()
    for stage in stages:
        with refused(*said, error=error):
            stage.main(*ARGUMENTS[stage])
        assert results() == before, f"{stage.__name__} changed something although it stopped"


def test_a_speaker_on_two_sides(project: Path, refused: Refused) -> None:
    moved = clips(1, "train")[0]

    def change(folds: pd.DataFrame) -> None:
        folds.loc[(folds["fold"] == "1") & (folds["clip"] == moved), "role"] = "validation"

    edit(FOLDS, change)
    check_stops(
        refused, [*ARGUMENTS], "Fold 1 leaks: speaker synthetic_a/", "train (", "validation ("
    )
    done = run(project, "python", "-m", "stages.systems", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: Fold 1 leaks: speaker synthetic_a/")
    assert done.stderr.count("\n") == 1, "more than a sentence"


@pytest.mark.parametrize(
    ("column", "what"), [("pcm_sha256", "one recording under two names"), ("take_group", "take ")]
)
def test_a_recording_on_two_sides(project: Path, column: str, what: str, refused: Refused) -> None:
    first, second = clips(1, "test")[0], clips(1, "train")[0]

    def change(manifest: pd.DataFrame) -> None:
        manifest.loc[manifest["clip"].isin([first, second]), column] = "shared"

    for path in MANIFESTS:
        edit(path, change)
    check_stops(refused, [*ARGUMENTS], f"leaks: {what}", first, second)


@pytest.mark.parametrize("crossing", ["speaker", "augmented copy", "checkpoint choice"])
def test_a_protocol_that_declares_a_leak_and_calls_itself_honest(
    project: Path, crossing: str, refused: Refused
) -> None:
    values = json.loads(PROTOCOL.read_text())
    values["crosses"].append(crossing)
    PROTOCOL.write_text(json.dumps(values))
    check_stops(refused, [*ARGUMENTS], "speaker_independent", "is damaged", error=SerError)


def test_a_copy_of_a_held_out_clip_under_another_name(project: Path, refused: Refused) -> None:
    held_out, training = clips(1, "test")[0], clips(1, "train")[0]

    def change(index: pd.DataFrame) -> None:
        copy = (index["clip"] == held_out) & (index["effect"] != "")
        assert copy.sum() == 1, "the project has one effect"
        index.loc[copy, "clip"] = training

    edit(INDEX, change)
    # the index is refused before the guard of readings would name the copy
    check_stops(refused, [train], str(INDEX), "one clip or copy", error=SerError)


def test_a_model_tested_on_what_it_was_made_from(project: Path, refused: Refused) -> None:
    def change(folds: pd.DataFrame) -> None:
        # models and table of folds 1 and 2 no longer belong together
        folds["fold"] = folds["fold"].replace({"1": "2", "2": "1"})

    edit(FOLDS, change)
    check_stops(refused, [evaluate], "A leak:")


@pytest.mark.parametrize(
    ("model", "purpose"),
    [
        (NETWORK, "training"),
        (NETWORK, "fitting statistics"),
        (NETWORK, "watching and choosing the epoch"),
        (LINEAR, "training"),
        (LINEAR, "fitting statistics"),
    ],
)
def test_a_model_that_used_a_test_clip(
    project: Path, model: Path, purpose: str, refused: Refused
) -> None:
    with safe_open(model, framework="pt") as file:
        card = json.loads(file.metadata()["card"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    used = clips(0, "test")[0]
    card["uses"][purpose].append(used)
    save_file(tensors, model, metadata={"card": json.dumps(card)})
    check_stops(refused, [evaluate], used, purpose)
