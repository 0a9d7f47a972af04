"""A system on both sides of a review: its scores, answers and curves."""

import io
import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ser.clips import speaker_keys
from ser.errors import SerError
from ser.evaluation.comparison import Comparison, compare
from ser.evaluation.predictions import IDENTITY
from ser.params import Params, parse_params
from ser.review.changes import read_yaml
from ser.review.verdicts import Verdict, guarded
from ser.revisions import Files
from ser.scoring import unweighted_average_recall

# what `metrics/<system>.json` holds and a reviewer asks for first, by what it is called
SCORES = {
    "uar": "UAR in %",
    "accuracy": "accuracy in %",
    "macro_f1": "macro F1 in %",
    "uar_female": "UAR of women in %",
    "uar_male": "UAR of men in %",
    "ece_calibrated": "calibration error",
    "brier_calibrated": "Brier score, calibrated",
    "parameters": "parameters",
}


@dataclass(frozen=True)
class Results:
    """What one side has of a system: tables as the evaluate stage writes them."""

    metrics: dict[str, Any]
    predictions: pd.DataFrame
    history: pd.DataFrame
    confusion: pd.DataFrame
    reliability: pd.DataFrame


@dataclass(frozen=True)
class SystemReview:
    """A system on both sides.

    Attributes:
        base: None where the system is new.
        comparison: paired; None where clips differ or one side is missing.
        why_not: why there is no comparison; empty where there is.
        verdicts: on the side under review.
        speakers: one row a speaker: `speaker`, `gender`, `before`, `after` (UAR in percent).
    """

    name: str
    base: Results | None
    head: Results
    comparison: Comparison | None
    why_not: str
    verdicts: list[Verdict]
    speakers: pd.DataFrame

    @property
    def same(self) -> bool:
        """Whether both sides gave the very same answers."""
        return self.base is not None and self.base.predictions.equals(self.head.predictions)


def read_params(files: Files) -> Params:
    """The parameters of a revision.

    Raises:
        SerError: if today's code cannot read them.
    """
    return parse_params(read_yaml(files, "params.yaml"), f"params.yaml at {files.name!r}")


def read_results(files: Files, system: str) -> Results | None:
    """What a revision has of a system; None if it has no such results."""
    metrics = files.read_text(f"metrics/{system}.json")
    if metrics is None:
        return None
    folder = f"plots/{system}"
    predictions = _read_table(files, f"{folder}/predictions.csv")
    missing = {*IDENTITY, "emotion", "predicted"} - set(predictions.columns)
    if missing:
        raise SerError(
            f"{folder}/predictions.csv at {files.name!r} lacks the column {min(missing)}."
        )
    return Results(
        json.loads(metrics),
        predictions,
        *(_read_table(files, f"{folder}/{n}.csv") for n in ("history", "confusion", "reliability")),
    )


def _read_table(files: Files, path: str) -> pd.DataFrame:
    text = files.read_text(path)
    if text is None:
        raise SerError(f"There is no {path} at {files.name!r}, though its metrics are; commit it.")
    names = {"speaker": str, "intensity": str}
    try:
        return pd.read_csv(io.StringIO(text), dtype=names, keep_default_na=False)
    except ValueError:
        raise SerError(f"{path} at {files.name!r} is not a readable CSV.") from None


def review_system(
    base: Files, head: Files, system: str, guards: list[Verdict]
) -> SystemReview | None:
    """Both sides of a system; None if the side under review has no results of it.

    Args:
        guards: verdicts on the guards, to which those on its predictions are added.
    """
    now = read_results(head, system)
    if now is None:
        return None
    before = read_results(base, system)
    comparison, why_not = None, "the base has no results of it"
    if before is not None:
        try:
            comparison, why_not = compare(before.predictions, now.predictions), ""
        except SerError as error:
            why_not = str(error).rstrip(".")
    verdicts = [*guards, *guarded(now.predictions)]
    speakers = _speakers(before.predictions if before else None, now.predictions)
    return SystemReview(system, before, now, comparison, why_not, verdicts, speakers)


def _speakers(before: pd.DataFrame | None, after: pd.DataFrame) -> pd.DataFrame:
    sides = {"after": _uar_by_speaker(after)}
    if before is not None:
        sides["before"] = _uar_by_speaker(before)
    table = pd.DataFrame(sides).reindex(columns=["before", "after"])
    genders = dict(zip(speaker_keys(after), after["gender"], strict=True))
    table["gender"] = table.index.map(genders)
    return table.rename_axis("speaker").reset_index().dropna(subset=["after"])


def _uar_by_speaker(predictions: pd.DataFrame) -> "pd.Series[float]":
    by_speaker = predictions.groupby(speaker_keys(predictions))
    return by_speaker[["emotion", "predicted"]].apply(
        lambda rows: unweighted_average_recall(rows["emotion"].tolist(), rows["predicted"].tolist())
    )
