"""`ser predict`: what is named, what is printed, what fails."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile as sf
from typer.testing import CliRunner

from ser.cli import app
from ser.clips.audio import SAMPLE_RATE_HZ
from tests.conftest import Refused
from tests.predict.conftest import Project

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(inside: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run `ser predict` in a folder of sounds: its status and what it prints."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    for name, clip in (("a.wav", 0), ("b.wav", 9)):
        shutil.copy(inside.path(inside.data.clips["clip"].iloc[clip]), folder / name)
    (folder / "deep").mkdir()
    samples = inside.samples(inside.data.clips["clip"].iloc[20])
    sf.write(folder / "deep/c.mp3", samples / 32_768, SAMPLE_RATE_HZ)
    (folder / "bad.wav").write_bytes(b"no sound at all")
    (folder / "notes.txt").write_text("no sound, and not called so")
    monkeypatch.chdir(folder)
    model = str(inside.released)

    def run(*words: str, given: bytes = b"") -> tuple[int, str, str]:
        done = CliRunner().invoke(app, ["predict", "--model", model, *words], input=given)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


def records(printed: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in printed.splitlines()]


def test_a_folder_with_a_corrupt_file_goes_on(run: Run) -> None:
    status, printed, said = run(".", "--json")
    assert status == 1
    assert {each["file"] for each in records(printed)} == {"a.wav", "b.wav", "deep/c.mp3"}
    assert said.count("error:") == 1
    assert "bad.wav is not readable as audio" in said


def test_patterns_lists_and_pipes(run: Run) -> None:
    assert run("*.wav", "--json")[0] == 1
    Path("list.txt").write_text("a.wav\n\ndeep\n")
    status, printed, _ = run("--list", "list.txt", "--json")
    assert (status, [each["file"] for each in records(printed)]) == (0, ["a.wav", "deep/c.mp3"])
    status, printed, _ = run("-", "--json", given=Path("a.wav").read_bytes())
    assert (status, records(printed)[0]["file"]) == (0, "-")


def test_one_that_fails_is_one_and_all_are_two(run: Run) -> None:
    assert run("a.wav")[0] == 0
    assert run("a.wav", "none.wav")[0] == 1
    status, printed, said = run("none.wav", "bad.wav", "*.flac", "--json")
    assert (status, printed) == (2, "")
    assert said.count("error:") == 3
    assert "none.wav is missing" in said
    assert "Traceback" not in said


def test_an_object_has_what_is_promised(run: Run) -> None:
    (record,) = records(run("deep/c.mp3", "--json")[1])
    assert list(record) == [
        *("file", "begin", "end", "emotion", "probabilities", "calibrated"),
        *("warnings", "model", "protocol"),
    ]
    assert sum(record["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert record["calibrated"] == record["probabilities"][record["emotion"]]
    assert record["protocol"] == "everybody_trains"


def test_a_table_is_for_people(run: Run) -> None:
    status, printed, _ = run("a.wav")
    assert status == 0
    assert "a.wav" in printed
    assert "%" in printed


def test_rows_are_the_same_as_objects(run: Run) -> None:
    (row,) = csv.DictReader(io.StringIO(run("deep/c.mp3", "--csv")[1]))
    (record,) = records(run("deep/c.mp3", "--json")[1])
    assert float(row["calibrated"]) == record["calibrated"]
    for emotion, share in record["probabilities"].items():
        assert float(row[f"p_{emotion}"]) == share


@pytest.mark.parametrize("name", ["out.json", "out.csv"])
def test_what_is_done_is_not_done_again(run: Run, name: str) -> None:
    assert run("a.wav", "--out", name) == (0, "", "")
    first = Path(name).read_bytes()
    with Path(name).open("ab") as file:
        file.write(b'{"file": "b.w')  # as where a run was killed
    assert run("a.wav", "b.wav", "none.wav", "--out", name, "--resume")[0] == 1
    both = Path(name).read_bytes()
    assert both.startswith(first)
    assert both.count(b"\n") == first.count(b"\n") + 1
    assert run("a.wav", "b.wav", "--out", name, "--resume") == (0, "", "")
    assert Path(name).read_bytes() == both
    assert run("b.wav", "--out", name)[0] == 0
    assert len(Path(name).read_bytes()) < len(both), "without --resume it begins anew"


def test_what_cannot_be_meant_is_a_sentence(run: Run, refused: object) -> None:
    for words, fragment in (
        ((), "No recording is named"),
        (("a.wav", "--resume"), "--out"),
        (("a.wav", "--json", "--csv"), "exclude each other"),
        (("--list", "none.txt"), "none.txt"),
    ):
        with refused(fragment):
            run(*words)
    Path("other.csv").write_text("a,b\n1,2\n")
    with refused("other.csv", "no answers"):
        run("a.wav", "--out", "other.csv", "--resume")


def test_names_that_a_terminal_would_obey_are_shown_as_text(run: Run) -> None:
    shutil.copy("a.wav", "x\x1b[31m\nred.wav")
    status, printed, said = run("x\x1b[31m\nred.wav", "y\x1b[31m.wav")
    assert status == 1
    assert "\x1b[31m" not in printed + said
    status, printed, _ = run("x\x1b[31m\nred.wav", "--json")
    assert records(printed)[0]["file"] == "x\x1b[31m\nred.wav"


def test_a_full_disk_is_not_the_fault_of_a_recording(run: Run, refused: Refused) -> None:
    for name in ("full.json", "full.csv"):
        Path(name).symlink_to("/dev/full")
    with refused("full.json cannot be written (No space left on device)", "--resume"):
        run("a.wav", "--out", "full.json")
    with pytest.raises(OSError, match="No space left"):
        run("a.wav", "--out", "full.csv")
    assert run("a.wav", "--out", "/dev/null")[0] == 0
