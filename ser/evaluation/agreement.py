"""Whether a result made elsewhere agrees with a known one, within what arithmetic explains.

Training multiplies the last digit of one step into another network, as good as another seed's. So
the same commit on another kind of processor should differ from the known result no more than
seeds of the known result differ from each other.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from ser.core.errors import SerError
from ser.evaluation.comparison import read_answers
from ser.evaluation.metrics import uar

# two-sided, so that one system in a hundred is called different by chance
_STANDARD_ERRORS = 2.58
# seeds of one system that agree by luck would leave no room at all
_LEAST_DEVIATION = 0.5
# of the share of equal answers, in percentage points
_SLACK = 3.0


@dataclass(frozen=True)
class Agreement:
    """Two results of one system.

    Attributes:
        identical: whether all answers are the same.
        difference: of mean UAR, in percentage points.
        allowed: how large that may be, by the deviation over seeds of the known result.
        same: share of clips that get the same answer with the same seed, in percent.
        expected: the same between different seeds of the known result; None with one seed.
    """

    identical: bool
    difference: float
    allowed: float
    same: float
    expected: float | None

    @property
    def holds(self) -> bool:
        """Whether arithmetic explains all that differs."""
        alike = self.expected is None or self.same >= self.expected - _SLACK
        return self.identical or (abs(self.difference) <= self.allowed and alike)


def agreement(known: pd.DataFrame, elsewhere: pd.DataFrame) -> Agreement:
    """Compare two tables of predictions of the same clips with the same seeds.

    Raises:
        SerError: if clips, true emotions, folds or seeds differ: then it is another experiment.
    """
    a, b = (table.sort_values(["seed", "clip"], ignore_index=True) for table in (known, elsewhere))
    for table in (a, b):
        read_answers(table)
    columns = ["clip", "seed", "fold", "emotion"]
    if not a[columns].equals(b[columns]):
        raise SerError(
            "Clips, seeds, folds or true emotions differ, so this is another experiment; "
            "`ser compare` compares experiments."
        )
    answers = a.pivot(index="clip", columns="seed", values="predicted").to_numpy()
    scores = pd.DataFrame(
        {
            side: table.groupby("seed")[["emotion", "predicted"]].apply(uar)
            for side, table in (("a", a), ("b", b))
        }
    )
    seeds = len(scores)
    deviation = max(_LEAST_DEVIATION, float(scores["a"].std(ddof=1)) if seeds > 1 else 0.0)
    pairs = [
        float(np.mean(answers[:, one] == answers[:, other]))
        for one, other in combinations(range(seeds), 2)
    ]
    return Agreement(
        identical=bool(a["predicted"].equals(b["predicted"])),
        difference=float((scores["b"] - scores["a"]).mean()),
        allowed=_STANDARD_ERRORS * deviation * float(np.sqrt(2 / seeds)),
        same=100 * float((a["predicted"] == b["predicted"]).mean()),
        expected=100 * float(np.mean(pairs)) if pairs else None,
    )
