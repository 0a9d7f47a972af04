"""The one way to the functionals of a fold: every reading names its purpose, and is checked."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser.clips import speaker_keys
from ser.errors import SerError
from ser.splits.crossings import Crossing
from ser.splits.guards import Purpose, check_reading
from ser.splits.selection import SystemClips

Values = npt.NDArray[np.float64]

# a deviation below this is that of a value which does not change
STILL = 1e-9


class FunctionalsReader:
    """Functionals of the clips of one fold.

    Attributes:
        uses: clips that were read, by purpose.
    """

    def __init__(self, chosen: SystemClips, functionals: pd.DataFrame, fold: int) -> None:
        self._chosen = chosen
        self._table = functionals
        self._roles = chosen.roles(fold)
        self.uses: dict[str, set[str]] = {}

    def read(self, clips: pd.DataFrame, purpose: Purpose) -> Values:
        """Functionals of clips, shape (clips, functionals); by speaker if the protocol says so.

        Raises:
            LeakError: if a clip is held out from this purpose.
            SerError: if a clip has no functionals.
        """
        values = self._values(clips, purpose)
        if Crossing.STATISTIC in self._chosen.protocol.crosses:
            speakers = speaker_keys(clips).to_numpy()
            for speaker in np.unique(speakers):
                own = self._values(self._clips_of(speaker), Purpose.STATISTICS)
                scale = np.maximum(own.std(axis=0), STILL)
                values[speakers == speaker] -= own.mean(axis=0)
                values[speakers == speaker] /= scale
        return values

    def _values(self, clips: pd.DataFrame, purpose: Purpose) -> Values:
        items = pd.DataFrame({"item": clips["clip"], "clip": clips["clip"], "effect": ""})
        check_reading(items, self._roles, purpose, self._chosen.protocol)
        missing = clips.loc[~clips["clip"].isin(self._table.index), "clip"]
        if not missing.empty:
            raise SerError(f"Clip {missing.iloc[0]} has no functionals; run `dvc repro`.")
        self.uses.setdefault(purpose.value, set()).update(clips["clip"])
        return self._table.loc[clips["clip"]].to_numpy(dtype=np.float64, copy=True)

    def _clips_of(self, speaker: str) -> pd.DataFrame:
        clips = self._chosen.clips
        return clips[(speaker_keys(clips) == speaker) & clips["clip"].isin(self._roles)]
