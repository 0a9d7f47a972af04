"""The table of augmented copies."""

from pathlib import Path

import pandas as pd

from ser.core.files import write_csv
from ser.store.copies import COPIES, COPY_COLUMNS, pack_path, read_copies
from tests.conftest import Refused


def test_the_table_comes_back_as_it_was_written(tmp_path: Path, refused: Refused) -> None:
    with refused(str(tmp_path / COPIES), "missing", "dvc repro"):
        read_copies(tmp_path)
    rows = [["01+noise", "01", "noise", 0, 12, "ab"], ["2+pitch", "2", "pitch", 12, 3, "cd"]]
    for kept in (rows, []):
        table = pd.DataFrame(kept, columns=list(COPY_COLUMNS))
        write_csv(tmp_path / COPIES, table)
        read = read_copies(tmp_path)
        assert list(read.columns) == list(COPY_COLUMNS)
        assert read.to_dict("records") == table.to_dict("records")


def test_a_copy_that_is_there_twice_or_misnamed_is_refused(
    tmp_path: Path, refused: Refused
) -> None:
    good = ["01+noise", "01", "noise", 0, 12, "ab"]
    for wrong in (good, ["evil", "01", "pitch", 0, 12, "ab"], ["2+noise", "3", "noise", 0, 1, ""]):
        write_csv(tmp_path / COPIES, pd.DataFrame([good, wrong], columns=list(COPY_COLUMNS)))
        with refused(str(wrong[0]), "twice or under a wrong name", "dvc repro"):
            read_copies(tmp_path)


def test_every_effect_has_its_own_pack(tmp_path: Path) -> None:
    assert pack_path(tmp_path, "noise") != pack_path(tmp_path, "pitch")
    assert pack_path(tmp_path, "noise").parent == tmp_path
