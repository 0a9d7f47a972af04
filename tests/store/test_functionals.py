"""Functionals on disk: each clip once, with a name for every number, or a sentence."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ser.store.functionals import CLIPS, COPIES, NAMES, PACK, Functionals, read_functionals
from ser.store.packs import write_pack
from tests.builders import make_manifest, separable_functionals, write_functionals
from tests.conftest import Refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_functionals(tmp_path, separable_functionals(make_manifest()))
    return tmp_path


def test_functionals_are_read_as_they_were_written(folder: Path) -> None:
    expected = separable_functionals(make_manifest())
    found = Functionals(folder).table()
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_names=False)


def rewrite(path: Path, change: str) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    if change == "a row twice":
        lines[3] = lines[2]
    if change == "a row lacks":
        del lines[3]
    if change == "a row too many":
        lines.append("synthetic_a/09/happy-1")
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def test_a_clip_that_is_there_twice_or_lacks_is_noticed(folder: Path, refused: Refused) -> None:
    """A row less would give every clip after it the numbers of its neighbour."""
    whole = (folder / CLIPS).read_bytes()
    for change, words in (
        ("a row twice", ("lists clip", "twice")),
        ("a row lacks", ("24 rows", "names 23 clips")),
        ("a row too many", ("24 rows", "names 25 clips")),
    ):
        (folder / CLIPS).write_bytes(whole)
        rewrite(folder / CLIPS, change)
        with refused(*words, "dvc repro"):
            Functionals(folder).table()


def test_numbers_without_a_name_are_noticed(folder: Path, refused: Refused) -> None:
    rewrite(folder / NAMES, "a row lacks")
    with refused("rows of 7 numbers", "names 6 functionals", "dvc repro"):
        Functionals(folder).table()
    write_pack(folder / PACK, [np.zeros(24, np.float32)])
    with refused("rows of None numbers", "dvc repro"):
        Functionals(folder).table()


def test_a_name_that_stands_twice_and_what_is_no_number_are_noticed(
    folder: Path, refused: Refused
) -> None:
    whole = (folder / NAMES).read_bytes()
    rewrite(folder / NAMES, "a row twice")
    with refused(NAMES, "lists name", "twice", "dvc repro"):
        Functionals(folder).table()
    (folder / NAMES).write_bytes(whole)
    functionals = separable_functionals(make_manifest())
    functionals.iloc[3, 2] = np.nan
    write_functionals(folder, functionals)
    with refused(PACK, "no number", "dvc repro"):
        Functionals(folder).table()


def test_a_missing_file_is_named(folder: Path, refused: Refused) -> None:
    for name in (PACK, NAMES, CLIPS):
        (folder / name).unlink()
        with refused(name, "missing", "dvc repro"):
            Functionals(folder).table()


def test_corpora_are_read_together_in_the_order_of_the_clips(
    tmp_path: Path, refused: Refused
) -> None:
    found, tables = {}, []
    for corpus in ("one", "two"):
        manifest = make_manifest(corpus=corpus)
        tables.append(separable_functionals(manifest, seed=len(tables)).astype(np.float32))
        write_functionals(tmp_path / corpus, tables[-1])
        found[corpus] = Functionals(tmp_path / corpus)
    both = pd.concat(tables)
    clips = pd.DataFrame(
        {"clip": both.index, "corpus": [c for c in found for _ in tables[0].index]}
    )
    clips = clips.sample(frac=1, random_state=1)
    expected = both.loc[clips["clip"]].to_numpy()
    assert np.array_equal(read_functionals(found, clips), expected)
    copies = read_functionals(found, clips, copies=True)
    assert np.array_equal(copies, expected.repeat(found["one"].copies, axis=0))
    some = list(both.columns[[2, 0]])
    assert np.array_equal(read_functionals(found, clips, some), both.loc[clips["clip"], some])
    assert read_functionals(found, clips[:0]).shape == (0, 0)
    with refused("has no functionals", "dvc repro"):
        read_functionals({"one": found["one"]}, clips)
    write_pack(tmp_path / "two" / COPIES, [np.zeros((len(tables[1]), 7), np.float32)])
    with refused("1 copies", "2", "dvc repro"):
        read_functionals({**found, "two": Functionals(tmp_path / "two")}, clips, copies=True)
