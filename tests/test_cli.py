"""The command line: what `ser` prints, and how it refuses."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from ser import cli
from ser.core.errors import SerError
from ser.core.files import write_csv
from ser.guards.folds import hash_folds, write_folds
from ser.splits.pins import PINS
from ser.splits.protocols import PROTOCOLS, assign_folds
from tests.builders import CORPUS, REPOSITORY, make_manifest, make_predictions


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))


def printed(*arguments: str) -> str:
    result = call(*arguments)
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    return result.output


def refusal(*arguments: str) -> str:
    error = call(*arguments).exception
    assert isinstance(error, SerError), f"{error!r} is raised"
    return str(error)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the predictions of `weak` and `strong`, which has two seeds."""
    monkeypatch.chdir(tmp_path)
    weak = make_predictions(8, 6)
    strong = make_predictions(8, 6, seeds=(0, 1), accuracy=lambda speaker: 0.95)
    for name, table in (("weak", weak), ("strong", strong)):
        write_csv(Path("plots") / name / "predictions.csv", table)
    return tmp_path


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    """Fold tables of two protocols on one corpus."""
    folder = tmp_path / "splits"
    for protocol in ("leave_one_speaker_out", "leaky_random"):
        table = assign_folds(make_manifest(5), protocol)
        write_folds(folder / CORPUS / "folds" / f"{protocol}.csv", table)
    return folder


def test_systems_are_compared_by_name(workspace: Path) -> None:
    text = printed("compare", "weak", "strong")
    assert "B is better." in text
    assert "percentage points, 95 % interval +" in text
    assert "2 seeds, deviation" in text
    assert "McNemar" in text


def test_flips_by_emotion_add_up(workspace: Path) -> None:
    text = printed("compare", "weak", "strong")
    (total,) = [line for line in text.splitlines() if line.startswith("Clips that flipped")]
    parts = [line.split() for line in text.splitlines() if line.startswith("  ")]
    by_emotion = [(int(part[1]), int(part[3])) for part in parts if part[2:3] == ["won"]]
    assert len(by_emotion) == 3
    won, lost = (sum(numbers) for numbers in zip(*by_emotion, strict=True))
    assert total.endswith(f": {won} won, {lost} lost")


@pytest.mark.parametrize(
    ("protocol", "mark"),
    [("leaky_random", "[LEAKY: speaker"), ("speaker_normalized", "[transductive]")],
)
def test_a_side_that_needs_a_mark_has_it(workspace: Path, protocol: str, mark: str) -> None:
    path = Path("plots/strong/predictions.csv")
    write_csv(path, make_predictions(8, 6, seeds=(0, 1)).assign(protocol=protocol))
    weak, strong = printed("compare", "weak", "strong").splitlines()[:2]
    assert mark in strong, f"B is under {protocol}, which nobody is told"
    assert "[" not in weak


def test_protocols_that_differ_forbid_a_verdict_on_systems(workspace: Path) -> None:
    for name, seeds, protocol in (
        ("weak", (0,), "leave_one_speaker_out"),
        ("strong", (0, 1), "leaky_random"),
    ):
        path = Path("plots") / name / "predictions.csv"
        table = make_predictions(8, 6, seeds=seeds, accuracy=lambda speaker, n=len(seeds): 0.4 * n)
        write_csv(path, table.assign(protocol=protocol))
    text = printed("compare", "weak", "strong")
    assert "B scores higher, but the protocols differ (leave_one_speaker_out; leaky_random)" in text
    assert "better" not in text
    assert "No difference can be told" in printed("compare", "weak", "weak")


def test_a_single_seed_is_said_to_compare_trainings(workspace: Path) -> None:
    assert "two trainings, not two systems" in printed("compare", "weak", "strong")
    assert "two trainings" not in printed("compare", "strong", "strong")


def test_the_same_twice_is_no_difference(workspace: Path) -> None:
    assert "No difference can be told from chance." in printed("compare", "weak", "weak")


def test_a_file_can_be_a_side(workspace: Path) -> None:
    shutil.copy("plots/strong/predictions.csv", "copy.csv")
    assert (
        printed("compare", "weak", "copy.csv").splitlines()[2:]
        == (printed("compare", "weak", "strong").splitlines()[2:])
    )


def test_flips_are_written(workspace: Path) -> None:
    text = printed("compare", "weak", "strong", "--flips", "flips.csv", "--top", "2")
    flips = pd.read_csv("flips.csv", dtype={"speaker": str})
    changes = (flips["right_b"] - flips["right_a"]).abs()
    assert changes.is_monotonic_decreasing
    shown = [clip in text for clip in flips["clip"]]
    assert sum(shown) == 2
    assert all(shown[:2])


def test_a_revision_can_be_a_side(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def read(path: Path, revision: str) -> str:
        asked.append((path.as_posix(), revision))
        return Path("plots/strong/predictions.csv").read_text(encoding="utf-8")

    monkeypatch.setattr(cli, "read_at_revision", read)
    assert "B is better." in printed("compare", "weak", "weak@feature/new")
    assert asked == [("plots/weak/predictions.csv", "feature/new")]


def test_a_damaged_revision_is_named(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "read_at_revision", lambda path, revision: "clip\nx\n")
    assert "weak@old" in refusal("compare", "weak@old", "strong")


def test_a_system_without_predictions_is_refused(workspace: Path) -> None:
    assert "plots/nothing/predictions.csv" in refusal("compare", "nothing", "weak")


def test_every_protocol_is_listed() -> None:
    lines = printed("protocols").splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(PROTOCOLS)
    for line, protocol in zip(lines[1:], PROTOCOLS.values(), strict=True):
        assert protocol.kind in line
        assert protocol.summary in line
        assert all(kind in line for kind in protocol.crosses)


def test_folds_are_listed_with_their_hashes(splits: Path) -> None:
    rows = [line.split() for line in printed("folds", "--splits", str(splits)).splitlines()[1:]]
    expected = hash_folds(assign_folds(make_manifest(5), "leave_one_speaker_out"))
    assert ["leave_one_speaker_out", CORPUS, "5", expected] in rows
    assert len(rows) == 2


def test_no_folds_are_refused(tmp_path: Path) -> None:
    assert "dvc repro" in refusal("folds", "--splits", str(tmp_path))


def test_new_folds_are_pinned_and_old_pins_stay(splits: Path, tmp_path: Path) -> None:
    pins = tmp_path / PINS
    pins.write_text("protocol,corpus,sha256\nleaky_random,zebra,abc\n", encoding="utf-8")
    printed("folds", "--splits", str(splits), "--pins", str(pins), "--pin")
    table = pd.read_csv(pins, dtype=str)
    assert list(table.columns) == ["protocol", "corpus", "sha256"]
    assert table["corpus"].tolist() == [CORPUS, CORPUS, "zebra"]
    assert table["protocol"].tolist() == ["leaky_random", "leave_one_speaker_out", "leaky_random"]
    assert table["sha256"].iloc[2] == "abc"
    before = pins.read_bytes()
    printed("folds", "--splits", str(splits), "--pins", str(pins), "--pin")
    assert pins.read_bytes() == before, "pinning twice changes the file"


def test_listing_pins_nothing(splits: Path, tmp_path: Path) -> None:
    printed("folds", "--splits", str(splits), "--pins", str(tmp_path / PINS))
    assert not (tmp_path / PINS).exists()


def test_a_pin_never_changes(splits: Path, tmp_path: Path) -> None:
    pins = tmp_path / PINS
    pins.write_text(f"protocol,corpus,sha256\nleaky_random,{CORPUS},abc\n", encoding="utf-8")
    before = pins.read_bytes()
    text = refusal("folds", "--splits", str(splits), "--pins", str(pins), "--pin")
    assert "leaky_random" in text
    assert "another name" in text
    assert pins.read_bytes() == before


def test_a_damaged_file_of_pins_is_refused(splits: Path, tmp_path: Path) -> None:
    (tmp_path / PINS).write_text("a,b\n1,2\n", encoding="utf-8")
    text = refusal("folds", "--splits", str(splits), "--pins", str(tmp_path / PINS), "--pin")
    assert "not a table of pins" in text


def test_the_pins_of_the_repository_are_in_order() -> None:
    path = REPOSITORY / "ser" / "splits" / PINS
    pins = list(pd.read_csv(path, dtype=str)[["corpus", "protocol"]].itertuples(index=False))
    assert pins == sorted(pins)


def test_commands_start_without_torch_and_dvc() -> None:
    program = """
import sys
from ser import cli
try:
    cli.app(["protocols"])
finally:
    heavy = {"torch", "dvc", "librosa", "matplotlib"} & set(sys.modules)
    assert not heavy, f"the command line imports {heavy}"
"""
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert "leave_one_speaker_out" in result.stdout


def test_a_refusal_is_one_sentence_on_the_command_line(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", "from ser.cli import entry; entry()", "compare", "a", "b"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: The predictions plots/a/predictions.csv are missing")
    assert len(result.stderr.splitlines()) == 1
