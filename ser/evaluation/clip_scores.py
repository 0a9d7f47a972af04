"""How well each clip was recognised, and how that may be dealt out anew by chance alone."""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser.clips.manifest import speaker_keys
from ser.evaluation.predictions import IDENTITY

Float = npt.NDArray[np.float64]
Number = TypeVar("Number", np.float64, np.int64)

SHUFFLES = 2_000
_SEED = 20_261_125
_OF_A_CLIP = [*(name for name in IDENTITY if name != "seed"), "emotion"]


def clip_scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row a clip, sorted by clip: `IDENTITY` without the seed, `emotion`, `who`, `right`.

    `who` is corpus and speaker; `right` the share of seeds that recognise the clip: answers of
    several seeds to one clip are not independent, and count once.
    """
    right = predictions["emotion"] == predictions["predicted"]
    shares = right.groupby(predictions["clip"]).mean()
    clips = predictions.drop_duplicates("clip")[_OF_A_CLIP]
    table = clips.assign(who=speaker_keys(clips), right=clips["clip"].map(shares))
    return table.sort_values("clip", ignore_index=True)


def shuffled_within(
    values: npt.NDArray[Number], strata: "pd.Series[str]", shuffles: int = SHUFFLES
) -> Iterator[npt.NDArray[Number]]:
    """Values dealt out anew among the rows of each stratum, again and again, always the same way.

    Args:
        values: one a row, shape (rows,).
        strata: name of the stratum of every row.
    """
    rng = np.random.default_rng(_SEED)
    stratum, _ = pd.factorize(strata, sort=True)
    in_order = np.argsort(stratum, kind="stable")
    for _ in range(shuffles):
        dealt = np.empty_like(values)
        dealt[in_order] = values[np.lexsort((rng.random(len(values)), stratum))]
        yield dealt


class RecallTable:
    """UAR of groups of clips, quick enough to be asked thousands of times.

    Args:
        emotions: emotion of every clip.
        n_groups: number of groups.
    """

    def __init__(self, emotions: "pd.Series[str]", n_groups: int) -> None:
        self._emotion, names = pd.factorize(emotions, sort=True)
        self._shape = (n_groups, len(names))

    def uar(self, group: npt.NDArray[np.int64], right: Float) -> Float:
        """UAR of every group over the emotions it shows, in percent, shape (groups,).

        Args:
            group: number of the group of every clip.
            right: share of seeds that recognise each clip.
        """
        cell, size = group * self._shape[1] + self._emotion, self._shape[0] * self._shape[1]
        hits = np.bincount(cell, weights=right, minlength=size).reshape(self._shape)
        totals = np.bincount(cell, minlength=size).reshape(self._shape)
        recall = np.divide(hits, totals, out=np.zeros(self._shape), where=totals > 0)
        uar: Float = 100 * recall.sum(axis=1) / (totals > 0).sum(axis=1)
        return uar


def p_value(found: float, by_chance: Float) -> float:
    """Share of chance values at least as large, the found one among them (Phipson & Smyth, 2010,
    Statistical Applications in Genetics and Molecular Biology 9(1): a p value is never 0).
    """
    # rounding must not tell equal values apart
    reached = int((by_chance >= found - 1e-9).sum())
    return (reached + 1) / (len(by_chance) + 1)
