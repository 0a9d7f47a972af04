"""The one table reader: what it gives, and the one sentence about each damage."""

import math
import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ser.core.files import write_csv, write_json
from ser.core.settings import load_values
from ser.core.tables import Names, Percent, Table, csv_texts, read_json
from tests.builders import traced
from tests.conftest import Refused, case

TABLE = Table("The toy table", {"name": str, "count": int, "share": float}, remedy="make it again")
# texts that readers of CSV like to turn into something else
TEXT = st.one_of(
    st.sampled_from(["", "NA", "nan", "null", "01", "1e5", "True", "a,b", 'a"b', " x ", "è", "#"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=8),
)


@given(
    texts=st.lists(TEXT, min_size=1, max_size=5),
    count=st.integers(-(10**9), 10**9),
    share=st.one_of(st.floats(-1e3, 1e3), st.just(math.nan)),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], count: int, share: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "toy.csv"
    write_csv(path, pd.DataFrame({"name": texts, "count": count, "share": share, "more": 1}))
    found = TABLE.read(path)
    assert found["name"].tolist() == texts
    assert found["count"].tolist() == [count] * len(texts)
    # where a number lacks there is none; texts have no gaps
    assert found["share"].tolist() == pytest.approx([share] * len(texts), abs=1e-6, nan_ok=True)
    assert list(found.columns) == ["name", "count", "share", "more"], "more columns are kept"


def test_an_empty_table_keeps_its_columns() -> None:
    found = TABLE.parse("name,count,share\n", "toy.csv")
    assert found.empty
    assert list(found.columns) == ["name", "count", "share"]


DAMAGED: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "an enormous count": (
        b"name,count,share\na,%d,1\n" % 10**30,
        ("whole numbers", "column count"),
    ),
    "empty": (b"", ("not a readable CSV",)),
    "not UTF-8": (b"name,count,share\n\xff\xfe,1,1\n", ("cannot be read", "utf-8")),
    "open quote": (b'name,count,share\n"a,1,1\n', ("not a readable CSV",)),
    "a column lacks": (b"name,share\na,1\n", ("lacks the columns count",)),
    "two columns lack": (b"name\na\n", ("lacks the columns count, share",)),
    "words for a count": (b"name,count,share\na,one,1\n", ("whole numbers", "column count")),
    "half a count": (b"name,count,share\na,1.5,1\n", ("whole numbers", "column count")),
    "no count": (b"name,count,share\na,,1\n", ("whole numbers", "column count")),
    "yes for a count": (b"name,count,share\na,True,1\n", ("whole numbers", "column count")),
    "an infinite count": (b"name,count,share\na,inf,1\n", ("whole numbers", "column count")),
    "words for a share": (b"name,count,share\na,1,most\n", ("numbers", "column share")),
    "an infinite share": (b"name,count,share\na,1,-inf\n", ("numbers", "column share")),
    "a cell too many": (b"name,count,share\na,1,1,2\nb,2,2,3\n", ("not a readable CSV",)),
    "a cell too many once": (b"name,count,share\na,1,1\nb,2,2,3\n", ("not a readable CSV",)),
    "a cell too few": (b"share,count,name\n1,1,a\n2,2\n", ("not a readable CSV", "row 3")),
    "a column twice": (b"name,count,share,name\na,1,1,b\n", ("name", "twice")),
}


def test_what_is_damaged_is_named(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "toy.csv"
    for what, (content, words) in DAMAGED.items():
        path.write_bytes(content)
        for read in (TABLE.read, lambda path: list(TABLE.read_parts(path))):
            with case(what), refused("The toy table ", str(path), *words):
                read(path)


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_parts_of_a_table_are_the_whole_and_so_is_their_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr("ser.core.tables._ROWS", rows)
    path = tmp_path / "toy.csv"
    table = pd.DataFrame({"name": ["a", "NA", "", "a", '"'], "count": range(5), "share": math.nan})
    for some in (table, table[:0]):
        write_csv(path, some)
        parts = list(TABLE.read_parts(path))
        assert max(map(len, parts)) <= rows
        pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), TABLE.read(path))
        assert b"".join(csv_texts([TABLE.read(path)])) == path.read_bytes()
    both = b"".join(csv_texts([table, table]))
    assert both == pd.concat([table, table]).to_csv(index=False, lineterminator="\n").encode()


@given(texts=st.lists(TEXT, max_size=20), known=st.lists(TEXT, max_size=3, unique=True))
def test_names_that_come_again_are_held_once(texts: list[str], known: list[str]) -> None:
    names = Names(known)
    names.extend(texts)
    column = names.column()
    assert list(column) == texts
    assert column.categories.tolist() == sorted({*known, *texts})
    assert [names[place] for place in range(len(texts))] == texts


def test_a_fault_far_into_a_large_table_is_found_where_it_is(
    tmp_path: Path, refused: Refused
) -> None:
    path = tmp_path / "toy.csv"
    path.write_bytes(b"name,count,share\n" + b"a,1,1\n" * 9999 + b"\xff,1,1\n")
    with refused("cannot be read", f"position {17 + 6 * 9999}:"):
        TABLE.read(path)


def test_a_table_is_read_in_less_memory_than_its_text(tmp_path: Path) -> None:
    path, share = tmp_path / "toy.csv", "0.5".ljust(1000, "0")
    path.write_text("name,count,share\n" + f"a,1,{share}\n" * 10_000)
    found, _, peak = traced(lambda: TABLE.read(path))
    assert len(found) == 10_000
    assert peak < path.stat().st_size / 2


def test_percentages_lie_between_0_and_100(refused: Refused) -> None:
    table = Table("The toy table", {"uar": Percent})
    found = table.parse('uar\n0\n100\n""\n', "toy.csv")["uar"]
    assert found.tolist() == pytest.approx([0.0, 100.0, math.nan], nan_ok=True)
    for value in ("150", "-1", "100.1", "inf", "good"):
        with case(value), refused("toy.csv", "numbers from 0 to 100", "column uar"):
            table.parse(f"uar\n{value}\n", "toy.csv")


def test_a_pipe_in_the_place_of_a_table_keeps_nobody_waiting(
    tmp_path: Path, refused: Refused
) -> None:
    os.mkfifo(tmp_path / "toy")
    with refused("The toy table ", "not a regular file"):
        TABLE.read(tmp_path / "toy")
    with refused("The toy ", "not a regular file", "dvc repro"):
        read_json(tmp_path / "toy", "The toy")
    with refused("toy is not readable", "not a regular file"):
        load_values(tmp_path / "toy")


def test_a_missing_table_says_what_to_do(tmp_path: Path, refused: Refused) -> None:
    with refused("The toy table ", str(tmp_path / "toy.csv"), "missing", "make it again"):
        TABLE.read(tmp_path / "toy.csv")
    with refused("The toy table ", "cannot be read"):
        TABLE.read(tmp_path)


def test_a_table_of_values_is_read_or_named(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "toy.json"
    with refused("The toy ", str(path), "missing", "dvc repro"):
        read_json(path, "The toy")
    write_json(path, {"a": 1 / 3, "b": {"c": [1.5]}, "d": "é"})
    assert read_json(path, "The toy") == {"a": 0.333333, "b": {"c": [1.5]}, "d": "é"}
    for content in (b"", b"{", b"[1]", b"\xff", b"null", b"1", b"[" * 100_000):
        path.write_bytes(content)
        with case(content[:9]), refused("The toy ", str(path), "dvc repro"):
            read_json(path, "The toy")
