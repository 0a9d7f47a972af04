"""Stored features: what is read is what was written, whichever pack it lies in."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ser.reading.normalization import Normalizer
from ser.reading.stored import Stored
from ser.store.packs import Pack, write_pack
from tests.builders import stored


def in_packs(folder: Path, clips: list[torch.Tensor], of: list[int], shard_bytes: int) -> Stored:
    """Each clip in the pack of its number, as half floats."""
    starts, packs = np.zeros(len(clips), dtype=np.int64), []
    for pack in range(max(of) + 1):
        mine = [number for number, own in enumerate(of) if own == pack]
        path = folder / f"{pack}.safetensors"
        arrays = [clips[number].half().numpy() for number in mine] or [np.zeros((1, 2), np.half)]
        starts[mine] = write_pack(path, arrays, shard_bytes)[: len(mine)]
        packs.append(Pack(path))
    return Stored(packs, np.array(of), starts, np.array([len(clip) for clip in clips]))


@given(
    of=st.lists(st.integers(0, 2), min_size=1, max_size=7),
    shard_bytes=st.sampled_from([1, 2**20]),
    data=st.data(),
)
def test_clips_and_rows_of_them_come_back(
    tmp_path_factory: pytest.TempPathFactory, of: list[int], shard_bytes: int, data: st.DataObject
) -> None:
    clips = [torch.arange(2.0 * (3 + n)).view(-1, 2) + 100 * n for n in range(len(of))]
    found = in_packs(tmp_path_factory.mktemp("packs"), clips, of, shard_bytes)
    assert len(found) == len(clips)
    assert all(torch.equal(*pair) for pair in zip(found, clips, strict=True))
    places = data.draw(st.lists(st.integers(0, len(of) - 1), min_size=1, max_size=9))
    rows = torch.tensor([[0, 2, 1]] * len(places))
    expected = torch.stack([clips[place][[0, 2, 1]] for place in places])
    assert torch.equal(found.take(torch.tensor(places), rows), expected)
    assert all(torch.equal(a, clips[b]) for a, b in zip(found.some(places), places, strict=True))
    assert all(torch.equal(*pair) for pair in zip(found[1:], clips[1:], strict=True))


def test_each_clip_has_its_own_normaliser() -> None:
    clips = [torch.randn(5, 3), torch.randn(8, 3)]
    each = [
        Normalizer("train", torch.ones(3), torch.full((3,), 2.0)),
        Normalizer("clip", torch.zeros(1), torch.zeros(1)),
    ]
    found = replace(stored(clips), normalizers=each)
    means, scales = found.statistics()
    for number, (clip, normalizer) in enumerate(zip(clips, each, strict=True)):
        assert torch.equal(found[number], normalizer(clip))
        assert torch.equal(found[number], (clip - means[number]) / scales[number])
    (last,) = found.some([1])
    assert torch.equal(last, each[1](clips[1]))
