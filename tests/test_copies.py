"""The table of augmented copies."""

from pathlib import Path

import pandas as pd
import pytest

from ser.copies import COPIES, COPY_COLUMNS, pack_path, read_copies
from ser.errors import SerError
from ser.files import write_csv


def test_a_missing_table_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SerError, match=r"copies\.csv is missing; run `dvc repro`") as caught:
        read_copies(tmp_path)
    assert "\n" not in str(caught.value)


def test_the_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    table = pd.DataFrame(
        [["01+noise", "01", "noise", 0, 12, "ab"], ["2+pitch", "2", "pitch", 12, 3, "cd"]],
        columns=list(COPY_COLUMNS),
    )
    write_csv(tmp_path / COPIES, table)
    read = read_copies(tmp_path)
    assert list(read.columns) == list(COPY_COLUMNS)
    assert read.to_dict("records") == table.to_dict("records")
    assert read["clip"].tolist() == ["01", "2"], "a clip called 01 became a number"


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    write_csv(tmp_path / COPIES, pd.DataFrame(columns=list(COPY_COLUMNS)))
    read = read_copies(tmp_path)
    assert read.empty
    assert list(read.columns) == list(COPY_COLUMNS)


def test_every_effect_has_its_own_pack(tmp_path: Path) -> None:
    assert pack_path(tmp_path, "noise") != pack_path(tmp_path, "pitch")
    assert pack_path(tmp_path, "noise").parent == tmp_path
