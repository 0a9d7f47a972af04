"""The command line: what `ser` prints, and how it refuses."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from ser import cli
from ser.clips.manifest import MANIFEST
from ser.core.errors import SerError
from ser.core.files import write_csv
from ser.guards.folds import hash_folds
from ser.guards.selection import FOLDS
from ser.reading.settings import load_corpora
from ser.reports.comparison import describe_comparison
from ser.splits.pins import PINS
from ser.splits.protocols import PROTOCOLS, assign_folds, summary
from tests.builders import (
    CORPUS,
    REPOSITORY,
    make_manifest,
    make_predictions,
    real_values,
    write_splits,
)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))


def printed(*arguments: str, status: int = 0) -> str:
    result = call(*arguments)
    assert result.exit_code == status, f"{result.output}\n{result.exception!r}"
    return result.output


def refusal(*arguments: str) -> str:
    error = call(*arguments).exception
    assert isinstance(error, SerError), f"{error!r} is raised"
    return str(error)


WEAK = make_predictions(8, 6)
# has two seeds
STRONG = make_predictions(8, 6, seeds=(0, 1), accuracy=lambda speaker: 0.95)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the predictions of `weak` and `strong`."""
    monkeypatch.chdir(tmp_path)
    for name, table in (("weak", WEAK), ("strong", STRONG)):
        write_csv(Path("plots/systems") / name / "predictions.csv", table)
    return tmp_path


# Comparison


def compared(before: pd.DataFrame, now: pd.DataFrame, top: int = 10) -> str:
    return describe_comparison(("weak", "strong"), before, now, top)


@pytest.fixture(scope="module")
def text() -> str:
    """Weak and strong compared."""
    return compared(WEAK, STRONG)


def test_a_comparison_says_which_is_better_and_how_sure_that_is(text: str) -> None:
    assert "B is better." in text
    assert "percentage points, 95 % interval +" in text
    assert "2 seeds, deviation" in text
    assert "McNemar" in text
    assert "two trainings, not two systems" in text, "one side has one seed"


def test_flips_by_emotion_add_up(text: str) -> None:
    (total,) = [line for line in text.splitlines() if line.startswith("Clips that flipped")]
    parts = [line.split() for line in text.splitlines() if line.startswith("  ")]
    by_emotion = [(int(part[1]), int(part[3])) for part in parts if part[2:3] == ["won"]]
    assert len(by_emotion) == 3
    won, lost = (sum(numbers) for numbers in zip(*by_emotion, strict=True))
    assert total.endswith(f": {won} won, {lost} lost")


def test_the_same_twice_is_no_difference() -> None:
    text = compared(STRONG, STRONG)
    assert "No difference can be told from chance." in text
    assert "two trainings" not in text


def test_protocols_that_differ_are_marked_and_forbid_a_verdict_on_systems() -> None:
    before = WEAK.assign(protocol="leave_one_speaker_out")
    for protocol, mark in (
        ("leaky_random", "[LEAKY: speaker"),
        ("speaker_normalized", "[transductive]"),
    ):
        text = compared(before, STRONG.assign(protocol=protocol))
        weak, strong = text.splitlines()[:2]
        assert mark in strong, f"B is under {protocol}, which nobody is told"
        assert "[" not in weak
        differ = f"B scores higher, but the protocols differ (leave_one_speaker_out; {protocol})"
        assert differ in text
        assert "better" not in text


def test_systems_files_and_revisions_are_compared(
    workspace: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = printed("compare", "weak", "strong", "--flips", "flips.csv", "--top", "2")
    assert whole.splitlines()[:8] == text.splitlines()[:8]
    flips = pd.read_csv("flips.csv", dtype={"speaker": str})
    changes = (flips["right_b"] - flips["right_a"]).abs()
    assert changes.is_monotonic_decreasing
    shown = [clip in whole for clip in flips["clip"]]
    assert sum(shown) == 2
    assert all(shown[:2])
    shutil.copy("plots/systems/strong/predictions.csv", "copy.csv")
    again = printed("compare", "weak", "copy.csv", "--top", "2")
    assert again.splitlines()[2:] == whole.splitlines()[2:]
    asked = []

    def read(path: Path, revision: str) -> str:
        asked.append((path.as_posix(), revision))
        return "clip\nx\n" if revision == "old" else Path("copy.csv").read_text(encoding="utf-8")

    monkeypatch.setattr("ser.reports.revisions.read_at_revision", read)
    assert "B is better." in printed("compare", "weak", "strong@feature/new", "--top", "0")
    assert asked == [("plots/systems/strong/predictions.csv", "feature/new")]
    assert "weak@old" in refusal("compare", "weak@old", "strong")
    assert "plots/systems/nothing/predictions.csv" in refusal("compare", "nothing", "weak")


def test_a_result_made_elsewhere_agrees_or_not(workspace: Path) -> None:
    assert "the same" in printed("agree", "strong", "strong")
    write_csv(Path("other.csv"), make_predictions(8, 6, seeds=(0, 1), random_seed=5))
    text = printed("agree", "strong", "other.csv", status=1)
    assert "They do not agree" in text
    assert "another experiment" in refusal("agree", "strong", "weak")


# Corpora, parameters, protocols, folds


def test_where_corpora_come_from_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    built = tmp_path / "data" / "corpora" / "emodb"
    built.mkdir(parents=True)
    found: Iterator[str | None] = iter([None] * (2 * len(load_corpora(real_values())) - 1))
    monkeypatch.setattr("ser.download.source.describe_source", lambda corpus: next(found))
    assert "running on synthetic voices" in printed("sources", status=3)
    (built / MANIFEST).write_text("")
    lines = printed("sources").splitlines()
    assert len(lines) == len(load_corpora(real_values()))
    assert "EMO-DB: already in data/corpora/emodb" in lines
    assert "EMOVO: cannot be reached" in lines


def test_all_of_the_parameters_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(whole, encoding="utf-8")
    assert "every section is well" in printed("check")
    (tmp_path / "params.yaml").write_text(f"{whole}surprise: 1\n", encoding="utf-8")
    assert "'surprise'" in refusal("check")


def test_every_protocol_is_listed() -> None:
    lines = printed("protocols").splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(PROTOCOLS)
    for line, protocol in zip(lines[1:], PROTOCOLS.values(), strict=True):
        assert protocol.kind in line
        assert summary(protocol.name) in line
        assert all(kind in line for kind in protocol.crosses)


def test_folds_are_listed_with_their_hashes_and_pinned_where_asked(tmp_path: Path) -> None:
    splits, pins = tmp_path / "splits", tmp_path / PINS
    assert "dvc repro" in refusal("folds", "--splits", str(splits))
    for protocol in ("leave_one_speaker_out", "leaky_random"):
        write_splits(make_manifest(5), splits / CORPUS, protocol)
    given = ("folds", "--splits", str(splits), "--pins", str(pins))
    rows = [line.split() for line in printed(*given).splitlines()[1:]]
    expected = hash_folds(assign_folds(make_manifest(5), "leave_one_speaker_out"))
    assert ["leave_one_speaker_out", CORPUS, "5", expected] in rows
    assert len(rows) == 2
    assert not pins.exists(), "listing pins"
    assert f"2 pinned, 0 were before ({pins})" in printed(*given, "--pin")
    before = pins.read_bytes()
    assert f"0 pinned, 2 were before ({pins})" in printed(*given, "--pin")
    assert pins.read_bytes() == before, "pinning twice changes the file"
    (splits / CORPUS / FOLDS / "leaky_random.csv").write_bytes(
        (splits / CORPUS / FOLDS / "leave_one_speaker_out.csv").read_bytes()
    )
    assert "another name" in refusal(*given, "--pin")
    assert pins.read_bytes() == before, "a pin is changed"


def test_the_pins_of_the_repository_are_in_order() -> None:
    path = REPOSITORY / "ser" / "splits" / PINS
    pins = list(pd.read_csv(path, dtype=str)[["corpus", "protocol"]].itertuples(index=False))
    assert pins == sorted(pins)


# As a program


def test_commands_start_without_what_takes_seconds_to_import() -> None:
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
    assert result.stderr.startswith(
        "error: The table of predictions plots/systems/a/predictions.csv"
    )
    assert len(result.stderr.splitlines()) == 1
