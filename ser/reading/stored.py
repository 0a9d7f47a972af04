"""Features of clips as they lie in packs: read through the memory map when they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ser.reading.normalization import Normalizer

IntArray = npt.NDArray[np.int64]


class Rows(Protocol):
    """Where features lie end to end: a pack, or an array of it."""

    def rows(self, start: int, length: int) -> npt.NDArray[Any]:
        """Rows `start` to `start + length`."""

    def take(self, numbers: IntArray) -> npt.NDArray[Any]:
        """Rows of these numbers."""


@dataclass(frozen=True)
class Stored(Sequence[Tensor]):
    """Features of items, each of shape (rows, bands), as 32-bit floats; none of them is held.

    Attributes:
        packs: where they lie.
        pack: number of each item's pack, shape (items,).
        starts, lengths: rows of each item in its pack, shape (items,).
        normalizers: of each item; none leaves all as they are.
    """

    packs: Sequence[Rows]
    pack: IntArray
    starts: IntArray
    lengths: IntArray
    normalizers: Sequence[Normalizer] = ()

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, place: int) -> Tensor: ...

    @overload
    def __getitem__(self, place: slice) -> "Stored": ...

    def __getitem__(self, place: int | slice) -> "Tensor | Stored":
        if isinstance(place, slice):
            return self.some(range(*place.indices(len(self))))
        clip = self._plain(place)
        return self.normalizers[place](clip) if self.normalizers else clip

    def _plain(self, place: int) -> Tensor:
        pack = self.packs[self.pack[place]]
        return torch.from_numpy(pack.rows(self.starts[place], self.lengths[place])).float()

    def some(self, places: Sequence[int]) -> "Stored":
        """Those at these places."""
        chosen = np.asarray(places, dtype=np.int64)
        return replace(
            self,
            pack=self.pack[chosen],
            starts=self.starts[chosen],
            lengths=self.lengths[chosen],
            normalizers=[self.normalizers[place] for place in places] if self.normalizers else (),
        )

    def statistics(self) -> tuple[Tensor, Tensor]:
        """What normalising takes from each item and divides it by, both of shape (items, bands)."""
        shifts, scales = torch.empty(0), torch.empty(0)
        for place, normalizer in enumerate(self.normalizers):
            shift, by = normalizer.statistics(self._plain(place))
            if not place:
                shifts = torch.empty(len(self), *shift.shape)
                # most often it is one for all, which is held once
                alike = all(one.scale is by for one in self.normalizers)
                scales = by.expand(len(self), -1) if alike else torch.empty(len(self), *by.shape)
            shifts[place] = shift
            if not alike:
                scales[place] = by
        return shifts, scales

    def take(self, places: Tensor, rows: Tensor) -> Tensor:
        """Rows of items, without normalising, shape (some, steps, bands).

        Args:
            places: of items, shape (some,).
            rows: within each item, shape (some, steps).
        """
        chosen = places.numpy()
        numbers, packs = self.starts[chosen, None] + rows.numpy(), self.pack[chosen]
        taken = torch.empty(0)
        for pack in np.unique(packs):
            here = packs == pack
            found = torch.from_numpy(self.packs[pack].take(numbers[here].ravel())).float()
            found = found.view(-1, rows.shape[1], found.shape[-1])
            if here.all():
                return found
            if not len(taken):
                taken = torch.empty(len(places), *found.shape[1:])
            taken[torch.from_numpy(here)] = found
        return taken
