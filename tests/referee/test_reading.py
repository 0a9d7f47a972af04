"""Files of every common form are read alike; hostile ones end in a sentence."""

import csv
import io
import json
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ser.core.errors import SerError
from ser.corpora import find_corpus
from ser.export.audformat import export_audformat
from ser.export.csv import export_csv
from ser.export.table import hand_over
from ser.referee.audit import Asked, Audit, audit
from ser.referee.columns import parse_named, recognise
from ser.referee.reading import LARGEST_BYTES, read_parts
from tests.conftest import Refused, case
from tests.referee.splits import held_out, submit


def facts(found: Audit) -> list[object]:
    """What must not depend on the form of the files."""
    sides = [(kind, side.tested, side.crossing) for kind, side in found.sides.items()]
    return [len(found.clips), len(found.tests), sides, found.majority]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_every_common_form_is_read_alike(tmp_path: Path) -> None:
    table = held_out()
    expected = facts(submit(tmp_path, table))
    text = table.to_csv(index=False)
    spoken = table.assign(sentence=table["sentence"] + ': "a;b,\tc"\nd')
    renamed = table.rename(
        columns={"file": "File Name", "speaker": "SpeakerID", "emotion": "Label"}
    )
    forms: dict[str, str | bytes] = {
        "bom.csv": b"\xef\xbb\xbf" + text.encode(),
        "utf16.csv": text.encode("utf-16"),
        "semicolons.csv": table.to_csv(index=False, sep=";"),
        "tabs.tsv": table.to_csv(index=False, sep="\t"),
        "windows.csv": text.replace("\n", "\r\n").replace("corpus/", "corpus\\"),
        "macintosh.csv": text.replace("\n", "\r"),
        "blank_lines.csv": text.replace("\n", "\n\n"),
        "quoted.csv": spoken.to_csv(index=False),
        "quoted_semicolons.csv": spoken.to_csv(index=False, sep=";"),
        "index.csv": table.to_csv(),
        "renamed.csv": renamed.to_csv(index=False),
        "roles.csv": table.replace({"split": {"train": "Training", "val": "dev", "test": "eval"}})
        .rename(columns={"split": "partition"})
        .to_csv(index=False),
        "lines.jsonl": "".join(f"{json.dumps(row)}\n" for row in table.to_dict("records")),
        "no_ending": table.to_json(orient="records", lines=True),
        "formulas.csv": table.assign(note="=cmd|' /C calc'!A0", other="+1").to_csv(index=False),
    }
    for name, content in forms.items():
        with case(name):
            assert facts(audit([write(tmp_path, name, content)], Asked())) == expected


def test_roles_and_folds_are_read_from_names_of_files(tmp_path: Path) -> None:
    table = held_out().rename(columns={"file": "wav", "emotion": "emo"})
    expected = facts(submit(tmp_path, held_out()))
    for role, name in (("train", "train"), ("val", "dev"), ("test", "test")):
        rows = table[table["split"] == role].drop(columns="split")
        write(tmp_path, f"nkululeko/x_{name}.csv", rows.to_csv(index=False))
        lines = rows.to_json(orient="records", lines=True)
        write(tmp_path, f"emobox/fold_3/x_{name}_fold_3.jsonl", lines)
    write(tmp_path, "emobox/x.jsonl", "not read: its name says no role")
    for form in ("nkululeko", "emobox"):
        assert facts(audit([tmp_path / form], Asked())) == expected
        files = sorted((tmp_path / form).rglob("x_*"))
        found = audit(files, Asked())
        assert facts(found) == expected
        assert found.submission.fold_names == (["3"] if form == "emobox" else [""])


def test_columns_are_told_where_names_are_not_common(tmp_path: Path, refused: Refused) -> None:
    table = held_out()
    strange = {"file": "Datei", "speaker": "wer", "emotion": "was", "split": "wozu"}
    named = [f"{'role' if name == 'split' else name}={own}" for name, own in strange.items()]
    found = submit(tmp_path, table.rename(columns=strange), columns=named)
    assert facts(found) == facts(submit(tmp_path, table))
    with refused("no column of files", "--column file=COLUMN"):
        submit(tmp_path, table.rename(columns=strange))
    with refused("'nobody'", "correct --column"):
        submit(tmp_path, table, columns=["speaker=nobody"])
    for option in ("speaker", "voice=x", "speaker="):
        with refused("FIELD=COLUMN"):
            parse_named([option])
    # of several that may be meant, the first known name counts
    both = recognise(["label", "emotion", "id", "filename"], {})
    assert both == {"file": "filename", "emotion": "emotion"}


def test_names_are_read_by_a_pattern(tmp_path: Path, refused: Refused) -> None:
    table = held_out()
    bare = table[["file", "split"]]
    pattern = r"/(?P<speaker>\d\d)/(?P<emotion>\w+)-(?P<sentence>\d)$"
    found = submit(tmp_path, bare, pattern=pattern)
    assert facts(found) == facts(submit(tmp_path, table))
    for wrong, fragment in (("(", "no regular expression"), ("x{9}", "in no file name")):
        with refused("--pattern", fragment):
            submit(tmp_path, bare, pattern=wrong)
    with refused("'voice'"):
        submit(tmp_path, bare, pattern=r"(?P<voice>\d)")


def test_without_speakers_it_is_said_that_nothing_is_shown(tmp_path: Path) -> None:
    found = submit(tmp_path, held_out()[["file", "emotion", "split"]])
    assert "speaker" not in found.sides
    assert not found.leaks
    assert any("cannot be seen" in line for line in found.unknown)
    assert found.majority is None


def test_segments_of_one_file_are_clips_of_one_recording(tmp_path: Path) -> None:
    rows = [
        ("long.wav", "0 days 00:00:00", "0 days 00:00:02", "a", "train"),
        ("long.wav", "0 days 00:00:02", "0 days 00:00:04", "b", "test"),
        ("other.wav", "0 days 00:00:00", "", "a", "test"),
    ]
    table = pd.DataFrame(rows, columns=["file", "start", "end", "emotion", "split"])
    found = submit(tmp_path, table)
    assert len(found.clips) == 3
    assert found.sides["clip"].crossing == 0


def test_what_we_hand_over_is_read_back(tmp_path: Path, refused: Refused) -> None:
    handed = hand_over(
        find_corpus("emodb"), ["leave_one_speaker_out", "speaker_and_statement_open"]
    )
    export_csv(handed, tmp_path / "csv")
    export_audformat(handed, tmp_path / "audformat")
    for path, table in (
        (tmp_path / "csv" / "leave_one_speaker_out", ""),
        (tmp_path / "audformat", "emotion.leave_one"),
    ):
        found = audit([path], Asked(table=table))
        assert not found.leaks
        assert found.closest is not None
        assert (found.closest.protocol, found.closest.overlap) == ("leave_one_speaker_out", 1.0)
        roles = found.submission.folds["role"].value_counts()
        folds = handed.folds["leave_one_speaker_out"]["role"].value_counts()
        assert roles.to_dict() == folds.to_dict()
    with refused("divided in 2 ways", "--table"):
        audit([tmp_path / "audformat"], Asked())
    found = audit(
        [tmp_path / "csv" / "metadata.csv"], Asked(columns=["fold=leave_one_speaker_out"])
    )
    assert not found.leaks
    assert found.tests["fold"].nunique() == 10


# Hostile files

_GOOD = held_out().to_csv(index=False)
_HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "is empty"),
    "blank": ("\n \n", "is empty"),
    "header only": ("file,split\n", "lists no clip"),
    "NUL": (b"file,split\na\0b,train\n", "NUL"),
    "a recording": (b"RIFF\xff\xff\xff\xffWAVE", "no text in UTF-8"),
    "Latin-1": ("file,split\nbär.wav,train\n".encode("latin-1"), "CSV UTF-8"),
    "cut in a row": (_GOOD.rpartition(",")[0], "cells"),
    "cut in a quote": ('file,split\n"a,train\n', "unexpected end of data"),
    "a cell too many": ("file,split\na,train,x\n", "3 cells"),
    "a huge cell": (f"file,split\n{'a' * 200_000},train\n", "field larger"),
    "an unknown split": ("file,split\na,train\nb,holdout\n", "'holdout'"),
    "one fold": ("file,fold\na,1\nb,1\n", "single fold"),
    "folds for some": ("file,fold,split\na,1,train\nb,2,test\nc,,test\n", "give both to all"),
    "nothing to audit": ("file,emotion\na,sad\n", "nothing to audit"),
    "only training": ("file,split\na,train\n", "nothing that tests"),
    "no file name": ("file,split\n,train\n", "no file name"),
    "no known column": ("x,y\n1,2\n", "no column of files"),
    "one column twice": ("file,split,split\na,train,test\n", "twice"),
    "two labels": ("file,label,split\na,sad,train\na,happy,test\n", "in another"),
    "JSON cut": ('{"wav": "a", "emo": "b"}\n{"wav": "c"', "line 2"),
    "JSON of lists": ('{"wav": "a"}\n[1]\n', "line 2"),
    "deep JSON": ('{"wav":' + "[" * 100_000, "line 1"),
    "too many folds": (
        "file,fold\n" + "".join(f"{n},{n}\n" for n in range(5_000)),
        "too many to be audited",
    ),
}


def test_hostile_files_end_in_a_sentence(tmp_path: Path, refused: Refused) -> None:
    for name, (content, fragment) in _HOSTILE.items():
        with case(name), refused(fragment):
            audit([write(tmp_path, "hostile", content)], Asked())


def test_what_is_no_file_ends_in_a_sentence(tmp_path: Path, refused: Refused) -> None:
    with refused("is missing"):
        audit([tmp_path / "nothing.csv"], Asked())
    with refused("neither an audformat header nor"):
        audit([tmp_path], Asked())
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with refused("no list of clips has"):
        audit([large], Asked())
    with refused("There is no corpus 'nope'"):
        submit(tmp_path, held_out(), corpus="nope")
    with refused("the name of a clip of EMO-DB"):
        submit(tmp_path, held_out(), corpus="emodb")
    with refused("--audio names"):
        submit(tmp_path, held_out(), audio=tmp_path / "nothing")


def test_damaged_audformat_ends_in_a_sentence(tmp_path: Path, refused: Refused) -> None:
    for number, (header, fragment) in enumerate(
        (
            ("tables: [", "no header of audformat"),
            ("a: 1", "no header of audformat"),
            ("tables: 3", "no header of audformat"),
            ("tables: {a: 1}", "no header of audformat"),
            ("tables: {emotion.test: {}}", "is missing, which the header names"),
            ("!!python/object/apply:os.system ['false']", "no header of audformat"),
        )
    ):
        folder = tmp_path / str(number)
        write(folder, "db.yaml", header)
        with case(header), refused(fragment):
            audit([folder], Asked())
    header = {"tables": {"emotion.train": {}, "emotion.test": {}}}
    write(folder, "db.yaml", yaml.safe_dump(header))
    write(folder, "db.emotion.train.csv", "file,emotion\na,sad\n")
    write(folder, "db.emotion.test.pkl", b"cos\nsystem\n(S'false'\ntR.")
    with refused("is missing, which the header names"):
        audit([folder], Asked())


_CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(
    cells=st.lists(st.lists(_CELLS, min_size=3, max_size=3), min_size=1, max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    ends=st.sampled_from(["\n", "\r\n"]),
)
def test_cells_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]], delimiter: str, ends: str
) -> None:
    cells = [[f"f{number}", *row[1:]] for number, row in enumerate(cells)]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ends, quoting=csv.QUOTE_ALL)
    writer.writerows([["file", "speaker", "emotion"], *cells])
    path = write(tmp_path_factory.mktemp("cells"), "x.csv", text.getvalue())
    (part,) = read_parts(path, {})
    assert part.rows["file"].tolist() == [row[0] for row in cells]
    assert part.rows["speaker"].tolist() == [row[1].strip() for row in cells]
    assert part.rows["emotion"].tolist() == [row[2].strip() for row in cells]


_WORDS = st.sampled_from(
    [
        *[
            "file",
            "split",
            "fold",
            "speaker",
            "emotion",
            "predicted",
            "p_sad",
            "confidence",
            "train",
            "test",
            "dev",
            "a",
            "b",
            "1",
            "0.5",
        ]
    ]
)
_TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.lists(_WORDS, max_size=5).map(",".join), max_size=8).map("\n".join),
    st.lists(
        st.dictionaries(_WORDS, st.one_of(_WORDS, st.integers(), st.none()), max_size=4), max_size=5
    ).map(lambda rows: "\n".join(map(json.dumps, rows))),
)


@given(text=_TEXTS)
def test_any_text_is_audited_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("texts") / "x.csv"
    path.write_text(text, encoding="utf-8", errors="replace", newline="")
    with suppress(SerError):
        audit([path], Asked())
