"""Packs give back what was packed, and refuse what is damaged."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save, save_file

from ser.store.packs import Pack, packing, shard_path, write_pack
from tests.builders import little_disk
from tests.conftest import Refused, case

Array = npt.NDArray[Any]


@st.composite
def array_lists(draw: st.DrawFn) -> list[Array]:
    dtype = draw(st.sampled_from([np.int16, np.float16, np.float32]))
    width = draw(st.sampled_from([(), (1,), (3,), (2, 2)]))
    lengths = draw(st.lists(st.integers(1, 20), min_size=1, max_size=8))
    return [draw(hnp.arrays(dtype, (length, *width))) for length in lengths]


@given(arrays=array_lists(), shard_bytes=st.sampled_from([1, 50, 200, 2**20]))
def test_what_was_packed_comes_back(
    tmp_path_factory: pytest.TempPathFactory, arrays: list[Array], shard_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("packed")
    path = folder / "pack.safetensors"
    starts = write_pack(path, iter(arrays), shard_bytes)
    written = {file: file.read_bytes() for file in folder.iterdir()}
    pack = Pack(path)
    whole = np.concatenate(arrays)
    assert len(pack) == len(whole)
    for start, array in zip(starts, arrays, strict=True):
        assert_rows(pack.rows(start, len(array)), array)
    for start in range(len(whole) + 1):
        assert_rows(pack.rows(start, len(whole) - start), whole[start:])
        assert_rows(pack.rows(0, start), whole[:start])
    numbers = np.random.default_rng(len(whole)).integers(0, len(whole), 7)
    assert_rows(pack.take(numbers), whole[numbers])
    for size in [len(content) for content in written.values()]:
        assert size <= max(shard_bytes, *(array.nbytes for array in arrays)) + 200
    write_pack(path, arrays, shard_bytes)
    again = {file: file.read_bytes() for file in folder.iterdir()}
    assert again == written, "equal arrays give other bytes"


def assert_rows(found: Array, expected: Array) -> None:
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes(), "rows of another array came back"


@given(arrays=array_lists())
def test_a_small_pack_is_the_file_that_safetensors_writes(
    tmp_path_factory: pytest.TempPathFactory, arrays: list[Array]
) -> None:
    path = tmp_path_factory.mktemp("small") / "pack.safetensors"
    for shard_bytes in (2**40, sum(array.nbytes for array in arrays)):
        write_pack(path, arrays, shard_bytes)
        assert path.read_bytes() == save({"values": np.concatenate(arrays)})


def test_a_header_shorter_than_its_room_moves_rows_of_many_blocks(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(300_000, 4)).astype(np.float32)
    for shard_bytes in (array.nbytes, 2**50):
        path = tmp_path / f"{shard_bytes}.safetensors"
        write_pack(path, [array[:7], array[7:]], shard_bytes)
        assert path.read_bytes() == save({"values": array})


def test_no_array_is_held(tmp_path: Path) -> None:
    tracemalloc.start()
    with packing(tmp_path / "pack.safetensors", 2**22) as pack:
        for _ in range(200):
            pack.add(np.ones((2**15, 2), np.float32))
        most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 4 * 2**18, f"{most} bytes are held for arrays of {2**18}"
    assert len(Pack(tmp_path / "pack.safetensors")) == 200 * 2**15


def test_arrays_that_do_not_agree_are_not_packed(tmp_path: Path) -> None:
    first = np.zeros((2, 3), np.float32)
    for other in (np.zeros((2, 4), np.float32), np.zeros((2, 3), np.float16), np.zeros(2, "f4")):
        with pytest.raises(ValueError, match="do not go with the others"):
            write_pack(tmp_path / "pack.safetensors", [first, other])


def test_shards_that_are_not_of_one_pack_are_refused(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "pack.safetensors"
    arrays = [np.full((5, 2), number, np.float32) for number in range(4)]
    write_pack(path, arrays, shard_bytes=1)
    assert [file.name for file in sorted(tmp_path.iterdir())] == [
        "pack-0001.safetensors",
        "pack-0002.safetensors",
        "pack-0003.safetensors",
        "pack.safetensors",
    ]
    for other in (arrays[0][:, :1], arrays[0].astype(np.float16), arrays[0][:, 0]):
        save_file({"values": np.ascontiguousarray(other)}, shard_path(path, 2))
        with refused("pack-0002.safetensors is damaged", "other rows than pack.safetensors"):
            Pack(path)
    shard_path(path, 2).write_bytes(b"junk")
    with refused("pack-0002.safetensors is damaged", "dvc repro"):
        Pack(path)
    shard_path(path, 2).unlink()
    with refused("pack-0002.safetensors is missing", "dvc repro"):
        Pack(path)
    shard_path(path, 3).unlink()
    with refused("has 10 rows", "rows 15 to 20"):
        Pack(path).rows(15, 5)
    path.unlink()
    with refused("pack.safetensors is missing"):
        Pack(path)


def test_a_full_disk_is_an_error_of_the_system(tmp_path: Path) -> None:
    # OSError is what becomes a sentence; an error of safetensors would be a traceback
    with little_disk(), pytest.raises(OSError, match="too large"):
        write_pack(tmp_path / "pack.safetensors", [np.zeros((1_000, 2), np.float32)])


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
