"""What is handed over: the tables, the folds, and that others can read them."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from ser import cli
from ser.core.files import write_json
from ser.corpora import find_corpus
from ser.export.audformat import export_audformat
from ser.export.csv import export_csv
from ser.export.table import PARTS, Handed, hand_over, named_folds, named_manifest
from ser.guards.folds import hash_folds
from ser.splits.pins import read_pins
from tests.builders import CORPUS, make_manifest, write_clips, write_splits
from tests.conftest import Refused


@pytest.fixture(scope="module")
def emodb() -> Handed:
    """EMO-DB from its names alone."""
    return hand_over(find_corpus("emodb"), ["leave_one_speaker_out"])


def test_folds_from_names_alone_are_the_pinned_ones() -> None:
    for name in ("emodb", "emovo", "ravdess"):
        manifest = named_manifest(find_corpus(name))
        assert len(manifest) == find_corpus(name).expected.n_clips
        found = named_folds(manifest, ["leave_one_speaker_out", "leave_one_statement_out"])
        for protocol, folds in found.items():
            assert hash_folds(folds) == read_pins()[name, protocol]
        # a recording of EMOVO that is there twice is found by its sound only
        assert ("leave_one_statement_out" in found) == (name != "emovo")


def test_every_part_of_every_fold_has_its_clips(emodb: Handed, tmp_path: Path) -> None:
    export_csv(emodb, tmp_path / "out")
    whole = pd.read_csv(tmp_path / "out" / "metadata.csv", dtype=str)
    assert whole.columns[0] == "file_name"
    assert len(whole) == 535
    folds = emodb.folds["leave_one_speaker_out"]
    counts = folds.groupby(["fold", "role"]).size()
    assert len(list((tmp_path / "out" / "leave_one_speaker_out").iterdir())) == len(counts)
    for (fold, role), count in counts.items():
        name = f"leave_one_speaker_out/fold_{fold}_{PARTS[role]}.csv"
        part = pd.read_csv(tmp_path / "out" / name, dtype=str)
        assert len(part) == count
        if role == "test":
            tested = whole[whole["leave_one_speaker_out"] == str(fold)]
            assert sorted(tested["file_name"]) == part["file"].tolist()
            assert part["speaker"].nunique() == 1


def test_audformat_s_own_package_reads_it_back(emodb: Handed, tmp_path: Path) -> None:
    audformat = pytest.importorskip("audformat", reason="audformat is not installed here")
    export_audformat(emodb, tmp_path / "out")
    database = audformat.Database.load(str(tmp_path / "out"))
    files = database["files"].df
    expected = emodb.clips.set_index("file")
    for column in ("speaker", "gender", "emotion", "sentence"):
        assert files[column].astype(str).to_dict() == expected[column].to_dict()
    for protocol, fold, part, clips in emodb.parts():
        table = database[f"emotion.{protocol}.{fold}.{part}"]
        assert table.split_id == part
        assert table.df.index.tolist() == clips["file"].tolist()
        assert table.df["emotion"].tolist() == clips["emotion"].tolist()
    assert database.schemes["speaker"].labels["03"] == {"gender": "male"}
    path = tmp_path / "csv"
    export_csv(emodb, path)
    read = audformat.utils.read_csv(path / "leave_one_speaker_out" / "fold_0_test.csv")
    assert set(read["speaker"].astype(str)) <= {"3", "03"}


def test_what_the_split_stage_made_counts_before_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.chdir(tmp_path)
    manifest = write_clips(make_manifest(3, clips_each=1), tmp_path / "data/corpora" / CORPUS)
    manifest.loc[0, "gender"] = "unknown"
    with refused("not listed here", f"split@{CORPUS}"):
        hand_over(find_corpus(CORPUS))
    write_splits(manifest, tmp_path / "data/splits" / CORPUS)
    handed = hand_over(find_corpus(CORPUS))
    assert list(handed.folds) == ["leave_one_speaker_out"]
    assert handed.clips["duration_s"].notna().all()
    assert (handed.clips["gender"] == "").sum() == 1
    export_audformat(handed, tmp_path / "out", audio=True)
    for file in handed.clips["file"]:
        assert (tmp_path / "out" / file).is_file()
    with refused("leaky_random"):
        hand_over(find_corpus(CORPUS), ["leaky_random"])
    for path in (tmp_path / "data/corpora" / CORPUS / "clips").rglob("*.wav"):
        path.unlink()
    with refused("is missing", f"download@{CORPUS}"):
        export_csv(handed, tmp_path / "again", audio=True)
    assert not (tmp_path / "again").exists(), "half a folder is left"


def test_the_commands_say_what_they_made_and_never_replace(tmp_path: Path) -> None:
    for form in ("csv", "audformat"):
        out = tmp_path / form
        given = ["export", form, "ravdess", str(out), "--protocol", "ravdess_five_fold"]
        result = CliRunner().invoke(cli.app, given)
        assert result.exit_code == 0, result.output
        assert "1440 clips of RAVDESS speech, 5 folds" in result.output
        write_json(out / "mine.json", {})
        again = CliRunner().invoke(cli.app, given)
        assert "not empty" in str(again.exception)
        assert (out / "mine.json").is_file()
    unknown = CliRunner().invoke(cli.app, ["export", "csv", "nope", str(tmp_path / "x")])
    assert "There is no corpus 'nope'" in str(unknown.exception)
