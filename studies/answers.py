"""What a system of the root graph has answered."""

from pathlib import Path

import pandas as pd

from ser.core.tables import read_json
from ser.evaluation.predictions import read_predictions


def system_answers(
    system: str, plots: Path = Path("plots/systems"), metrics: Path = Path("metrics")
) -> pd.DataFrame:
    """Out-of-fold predictions of a system, with the `mark` of their protocol.

    Raises:
        SerError: if they are missing or damaged.
    """
    mark = read_json(metrics / f"{system}.json", "The metrics")["mark"]
    return read_predictions(plots / system / "predictions.csv").assign(mark=mark)
