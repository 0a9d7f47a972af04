"""Packs give back what was packed, and refuse what is damaged."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file

from ser.errors import SerError
from ser.packs import Pack, write_pack
from tests.builders import little_disk


@st.composite
def array_lists(draw: st.DrawFn) -> list[np.ndarray]:
    dtype = draw(st.sampled_from([np.int16, np.float16, np.float32]))
    width = draw(st.sampled_from([(), (1,), (3,), (2, 2)]))
    lengths = draw(st.lists(st.integers(1, 20), min_size=1, max_size=8))
    return [draw(hnp.arrays(dtype, (length, *width))) for length in lengths]


@settings(max_examples=60, deadline=None)
@given(arrays=array_lists())
def test_what_was_packed_comes_back(arrays: list[np.ndarray]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pack.safetensors"
        starts = write_pack(path, arrays)
        pack = Pack(path)
        assert len(pack) == sum(map(len, arrays))
        for start, array in zip(starts, arrays, strict=True):
            rows = pack.rows(start, len(array))
            assert rows.dtype == array.dtype
            assert rows.shape == array.shape
            assert rows.tobytes() == array.tobytes(), "rows of another array came back"


def test_equal_arrays_give_equal_files(tmp_path: Path) -> None:
    arrays = [np.arange(12, dtype=np.int16).reshape(6, 2), np.ones((3, 2), dtype=np.int16)]
    for name in ("one", "two"):
        write_pack(tmp_path / name, arrays)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_full_disk_is_an_error_of_the_system(tmp_path: Path) -> None:
    # OSError is what becomes a sentence; an error of safetensors would be a traceback
    with little_disk(), pytest.raises(OSError, match="too large"):
        write_pack(tmp_path / "pack.safetensors", [np.zeros((1_000, 2))])


def test_a_missing_pack_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SerError, match=r"gone\.safetensors is missing; run `dvc repro`"):
        Pack(tmp_path / "gone.safetensors")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def only_its_head(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5])


def overwritten(path: Path) -> None:
    path.write_bytes(b"RIFF this is a sound, not a pack" * 20)


def lengthened(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def another_table(path: Path) -> None:
    save_file({"weights": np.zeros(3)}, path)


@pytest.mark.parametrize(
    "damage", [truncated, emptied, only_its_head, overwritten, lengthened, another_table]
)
def test_a_damaged_pack_is_refused(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "pack.safetensors"
    write_pack(path, [np.zeros((50, 2), dtype=np.float32)])
    damage(path)
    with pytest.raises(SerError, match=r"pack\.safetensors is damaged .*run `dvc repro`"):
        Pack(path)


def test_rows_beyond_the_end_are_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "pack.safetensors"
    write_pack(path, [np.zeros((5, 2), dtype=np.float32)])
    with pytest.raises(SerError):
        Pack(path).rows(3, 4)


def test_rows_beyond_the_end_never_come_back_short(tmp_path: Path) -> None:
    path = tmp_path / "pack.safetensors"
    write_pack(path, [np.zeros((5, 2), dtype=np.float32)])
    with pytest.raises(Exception, match=r"out of bounds|run `dvc repro`"):
        Pack(path).rows(3, 4)
