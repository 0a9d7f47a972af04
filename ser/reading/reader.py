"""The one way to what is stored of a fold's clips: every reading names its purpose, is checked."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from ser.clips.manifest import speaker_keys
from ser.core.errors import SerError
from ser.guards.checks import Purpose, check_reading
from ser.guards.crossings import Crossing
from ser.reading.data import SystemData, clips_only
from ser.reading.normalization import Normalizer
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

    def features(self, items: pd.DataFrame, purpose: Purpose) -> list[Tensor]:
        """Features of index rows, each of shape (rows, bands), as 32-bit floats.

        Raises:
            LeakError: if an item is held out from this purpose.
        """
        self._note(items, purpose)
        return [
            torch.from_numpy(self._pack(row.corpus).rows(row.start, row.length)).float()
            for row in items.itertuples()
        ]

    def normalized(
        self, items: pd.DataFrame, purpose: Purpose, normalizer: Normalizer
    ) -> list[Tensor]:
        """The same, normalised; by each speaker's own clips if the normaliser is a speaker's."""
        features = self.features(items, purpose)
        if normalizer.kind == "speaker":
            return self._by_speaker(items["clip"].tolist(), features, self._features_of)
        return [normalizer(clip) for clip in features]

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
        return self._functionals(self.data.functionals, clips, purpose, columns)

    def copied_functionals(
        self, clips: pd.DataFrame, columns: Sequence[str] | None = None
    ) -> FloatArray:
        """Functionals of the copies of clips, to train by: those of the first clip come first.

        Raises:
            LeakError: if a clip is held out from training.
        """
        table = self.data.copied_functionals
        if table.empty:
            return np.empty((0, len(self.data.functionals.columns if columns is None else columns)))
        return self._functionals(table, clips, Purpose.TRAIN, columns)

    def _functionals(
        self,
        table: pd.DataFrame,
        clips: pd.DataFrame,
        purpose: Purpose,
        columns: Sequence[str] | None,
    ) -> FloatArray:
        def read(rows: pd.DataFrame, some: pd.DataFrame, why: Purpose) -> pd.DataFrame:
            items = {"item": some["clip"], "clip": some["clip"], "effect": ""}
            self._note(pd.DataFrame(items), why)
            missing = some.loc[~some["clip"].isin(rows.index), "clip"]
            if not missing.empty:
                raise SerError(f"Clip {missing.iloc[0]} has no functionals; run `dvc repro`.")
            return rows.loc[some["clip"]] if columns is None else rows.loc[some["clip"], columns]

        def tensor(rows: pd.DataFrame) -> Tensor:
            return torch.from_numpy(rows.to_numpy(np.float64, copy=True))

        found = read(table, clips, purpose)
        if Crossing.STATISTIC not in self.data.protocol.crosses or found.empty:
            return tensor(found).numpy()

        def own(some: pd.DataFrame) -> list[Tensor]:
            return [tensor(read(self.data.functionals, some, Purpose.STATISTICS))]

        rows = list(tensor(found).split(1))
        return torch.cat(self._by_speaker(found.index.tolist(), rows, own)).numpy()

    def _by_speaker(
        self,
        clips: Sequence[str],
        values: list[Tensor],
        read_own: Callable[[pd.DataFrame], list[Tensor]],
    ) -> list[Tensor]:
        """What was read of each clip, normalised by all that its speaker says in this fold."""
        keys = speaker_keys(self.data.clips)
        speaker_of = dict(zip(self.data.clips["clip"], keys, strict=True))
        speakers = [speaker_of[clip] for clip in clips]
        taking_part = self.data.clips["clip"].isin(self._roles)
        own = {
            speaker: Normalizer.fit(
                "speaker", read_own(self.data.clips[(keys == speaker) & taking_part])
            )
            for speaker in sorted(set(speakers))
        }
        return [own[who](value) for who, value in zip(speakers, values, strict=True)]

    def _features_of(self, clips: pd.DataFrame) -> list[Tensor]:
        return self.features(clips_only(self.data, clips), Purpose.STATISTICS)

    def _note(self, items: pd.DataFrame, purpose: Purpose) -> None:
        """Check a reading, and keep it."""
        check_reading(items, self._roles, purpose, self.data.protocol)
        self.uses.setdefault(purpose.value, set()).update(items["item"])

    def _pack(self, corpus: str) -> Pack:
        if corpus not in self._packs:
            self._packs[corpus] = Pack(self.data.packs[corpus])
        return self._packs[corpus]
