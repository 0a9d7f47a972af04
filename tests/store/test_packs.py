"""Packs give back what was packed, and refuse what is damaged."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file

from ser.store.packs import Pack, write_pack
from tests.builders import little_disk
from tests.conftest import Refused, case

Array = npt.NDArray[Any]


@st.composite
def array_lists(draw: st.DrawFn) -> list[Array]:
    dtype = draw(st.sampled_from([np.int16, np.float16, np.float32]))
    width = draw(st.sampled_from([(), (1,), (3,), (2, 2)]))
    lengths = draw(st.lists(st.integers(1, 20), min_size=1, max_size=8))
    return [draw(hnp.arrays(dtype, (length, *width))) for length in lengths]


@given(arrays=array_lists())
def test_what_was_packed_comes_back(
    tmp_path_factory: pytest.TempPathFactory, arrays: list[Array]
) -> None:
    path = tmp_path_factory.getbasetemp() / "pack.safetensors"
    starts = write_pack(path, arrays)
    written = path.read_bytes()
    pack = Pack(path)
    assert len(pack) == sum(map(len, arrays))
    for start, array in zip(starts, arrays, strict=True):
        rows = pack.rows(start, len(array))
        assert (rows.dtype, rows.shape) == (array.dtype, array.shape)
        assert rows.tobytes() == array.tobytes(), "rows of another array came back"
    write_pack(path, arrays)
    assert path.read_bytes() == written, "equal arrays give other bytes"


def test_a_full_disk_is_an_error_of_the_system(tmp_path: Path) -> None:
    # OSError is what becomes a sentence; an error of safetensors would be a traceback
    with little_disk(), pytest.raises(OSError, match="too large"):
        write_pack(tmp_path / "pack.safetensors", [np.zeros((1_000, 2))])


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda whole: whole[:-3],
    "emptied": lambda whole: b"",
    "only its head": lambda whole: whole[:5],
    "overwritten": lambda whole: b"RIFF this is a sound, not a pack" * 20,
    "lengthened": lambda whole: whole + b"more",
}


def test_a_damaged_pack_is_refused(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "pack.safetensors"
    with refused("pack.safetensors is missing", "dvc repro"):
        Pack(path)
    write_pack(path, [np.zeros((50, 2), dtype=np.float32)])
    whole = path.read_bytes()
    for what, damage in DAMAGES.items():
        path.write_bytes(damage(whole))
        with case(what), refused("pack.safetensors is damaged", "dvc repro"):
            Pack(path)
    save_file({"weights": np.zeros(3)}, path)
    with refused("pack.safetensors is damaged", "dvc repro"):
        Pack(path)


def test_only_numbers_that_stages_write_are_read(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "pack.safetensors"
    for kind in (np.float16, np.float32, np.int16):
        write_pack(path, [np.zeros((5, 2), dtype=kind)])
        assert Pack(path).width == 2
    for odd in (np.zeros((5, 2), np.int64), np.zeros((5, 2)), np.array(1, np.float32)):
        save_file({"values": odd}, path)
        with refused("pack.safetensors is damaged", "delete it"):
            Pack(path)
    path.unlink()
    os.mkfifo(path)
    with refused("pack.safetensors is damaged", "not a regular file"):
        Pack(path)


def test_rows_that_are_not_there_are_refused_and_never_come_back_short(
    tmp_path: Path, refused: Refused
) -> None:
    path = tmp_path / "pack.safetensors"
    write_pack(path, [np.zeros((5, 2), dtype=np.float32)])
    for start, length in ((3, 4), (-1, 2), (5, 1), (2, -1), (0, 10**12)):
        with refused("has 5 rows", f"rows {start} to {start + length}", "dvc repro"):
            Pack(path).rows(start, length)
