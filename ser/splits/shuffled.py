"""Folds of clips drawn at random, as most published code has them: every speaker is on all sides.

They are here to measure how much such a score is too good.
"""

from collections.abc import Iterator

import pandas as pd
from sklearn.model_selection import StratifiedKFold

from ser.guards.mismatch import ProtocolMismatchError

SHUFFLED_FOLDS = 5
_SEED = 20_261_123


def shuffled(manifest: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Five folds of clips, each emotion spread evenly; the next fold's clips validate."""
    if manifest["emotion"].value_counts().min() < SHUFFLED_FOLDS:
        raise ProtocolMismatchError(f"it needs at least {SHUFFLED_FOLDS} clips of every emotion")
    ordered = manifest[["clip", "emotion"]].sort_values("clip", ignore_index=True)
    folds = StratifiedKFold(SHUFFLED_FOLDS, shuffle=True, random_state=_SEED)
    drawn = pd.Series(0, index=ordered.index)
    for number, (_, tested) in enumerate(folds.split(ordered, ordered["emotion"])):
        drawn.iloc[tested] = number
    for number in range(SHUFFLED_FOLDS):
        roles = pd.Series("train", index=ordered.index)
        roles = roles.mask(drawn == (number + 1) % SHUFFLED_FOLDS, "validation")
        roles = roles.mask(drawn == number, "test")
        yield pd.DataFrame({"fold": number, "clip": ordered["clip"], "role": roles})
