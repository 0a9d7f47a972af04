"""The one way to what is stored of a fold's clips: every reading names its purpose, is checked."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from ser.clips.manifest import speaker_keys
from ser.guards.checks import Purpose, check_reading
from ser.guards.crossings import Crossing
from ser.reading.data import SystemData, clips_only
from ser.reading.normalization import Normalizer
from ser.reading.stored import Stored
from ser.store.functionals import Float32, read_functionals
from ser.store.packs import Pack

FloatArray = npt.NDArray[np.float64]


class Reader:
    """Features and functionals of the clips of one fold.

    Attributes:
        uses: items that were read, by purpose; a model keeps it, and is checked by it again.
    """

    def __init__(self, data: SystemData, fold: int) -> None:
        self.data = data
        self.uses: dict[str, set[str]] = {}
        self._roles = data.roles(fold)
        self._packs: dict[str, Pack] = {}

    def features(self, items: pd.DataFrame, purpose: Purpose) -> Stored:
        """Features of index rows, each of shape (rows, bands), as 32-bit floats.

        Raises:
            LeakError: if an item is held out from this purpose.
        """
        self._note(items, purpose)
        numbers, corpora = pd.factorize(items["corpus"])
        return Stored(
            [self._pack(corpus) for corpus in corpora],
            numbers.astype(np.int64),
            items["start"].to_numpy(np.int64),
            items["length"].to_numpy(np.int64),
        )

    def normalized(self, items: pd.DataFrame, purpose: Purpose, normalizer: Normalizer) -> Stored:
        """The same, normalised; by each speaker's own clips if the normaliser is a speaker's."""
        features, each = self.features(items, purpose), [normalizer] * len(items)
        if normalizer.kind == "speaker":
            each = self._by_speaker(items["clip"], self._features_of)
        return replace(features, normalizers=each)

    def functionals(
        self, clips: pd.DataFrame, purpose: Purpose, columns: Sequence[str] | None = None
    ) -> FloatArray:
        """Functionals of clips, shape (clips, functionals); by speaker if the protocol says so.

        Args:
            columns: names of those that are read; all of them by default.

        Raises:
            LeakError: if a clip is held out from this purpose.
            SerError: if a clip has no functionals.
        """
        return self._functionals(clips, purpose, columns, copies=False).astype(np.float64)

    def learned_functionals(
        self, clips: pd.DataFrame, columns: Sequence[str] | None = None
    ) -> Float32:
        """Functionals to train by, of clips and then of their copies, those of the first first.

        Raises:
            LeakError: if a clip is held out from training.
        """
        values, copies = (
            self._functionals(clips, Purpose.TRAIN, columns, copies=copies)
            for copies in (False, True)
        )
        return np.concatenate([values, copies])

    def _functionals(
        self, clips: pd.DataFrame, purpose: Purpose, columns: Sequence[str] | None, *, copies: bool
    ) -> Float32:
        values = self._plain(clips, purpose, columns, copies=copies)
        if Crossing.STATISTIC not in self.data.protocol.crosses or not len(values):
            return values

        def own(some: pd.DataFrame) -> list[Tensor]:
            return [torch.from_numpy(self._plain(some, Purpose.STATISTICS, columns))]

        each = self._by_speaker(clips["clip"], own)
        rows = torch.from_numpy(values).split(len(values) // len(clips))
        return torch.cat([who(some) for who, some in zip(each, rows, strict=True)]).numpy()

    def _plain(
        self,
        clips: pd.DataFrame,
        purpose: Purpose,
        columns: Sequence[str] | None,
        *,
        copies: bool = False,
    ) -> Float32:
        self._note(
            pd.DataFrame({"item": clips["clip"], "clip": clips["clip"], "effect": ""}), purpose
        )
        return read_functionals(self.data.functionals, clips, columns, copies=copies)

    def _by_speaker(
        self, clips: "pd.Series[str]", read_own: Callable[[pd.DataFrame], Iterable[Tensor]]
    ) -> list[Normalizer]:
        """The normaliser of each clip: by all that its speaker says in this fold."""
        keys = speaker_keys(self.data.clips)
        speakers = clips.map(dict(zip(self.data.clips["clip"], keys, strict=True)))
        taking_part = self.data.clips["clip"].isin(self._roles)
        own = {
            speaker: Normalizer.fit(
                "speaker", read_own(self.data.clips[(keys == speaker) & taking_part])
            )
            for speaker in sorted(set(speakers))
        }
        return [own[speaker] for speaker in speakers]

    def _features_of(self, clips: pd.DataFrame) -> Stored:
        return self.features(clips_only(self.data, clips), Purpose.STATISTICS)

    def _note(self, items: pd.DataFrame, purpose: Purpose) -> None:
        """Check a reading, and keep it."""
        check_reading(items, self._roles, purpose, self.data.protocol)
        self.uses.setdefault(purpose.value, set()).update(items["item"])

    def _pack(self, corpus: str) -> Pack:
        if corpus not in self._packs:
            self._packs[corpus] = Pack(self.data.packs[corpus])
        return self._packs[corpus]
