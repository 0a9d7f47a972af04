"""A system on both sides of a review: its scores, answers and curves."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ser.core.errors import SerError
from ser.evaluation.comparison import Comparison, compare
from ser.reports.figures.systems import (
    draw_confusion,
    draw_curves,
    draw_reliability,
    draw_speakers,
)
from ser.reports.review.verdicts import Verdict, guarded
from ser.reports.revisions import Files
from ser.reports.systems import Results
from ser.shortcuts.verdicts import parse_shortcuts, said_of, table_path


@dataclass(frozen=True)
class SystemReview:
    """A system on both sides.

    Attributes:
        base: None where the system is new.
        comparison: paired; None where clips differ or one side is missing.
        why_not: why there is no comparison; empty where there is.
        verdicts: on the side under review.
        shortcuts: what is said of those of its corpora, a sentence each.
    """

    name: str
    base: Results | None
    head: Results
    comparison: Comparison | None
    why_not: str
    verdicts: list[Verdict]
    shortcuts: list[str]

    @property
    def same(self) -> bool:
        """Whether both sides gave the very same answers."""
        return self.base is not None and self.base.predictions.equals(self.head.predictions)

    def sides(self, base: str, head: str) -> dict[str, Results]:
        """What there is, the base first, by what the sides are called."""
        return {head: self.head} if self.base is None else {base: self.base, head: self.head}


def review_system(
    base: Files, head: Files, system: str, guards: list[Verdict]
) -> SystemReview | None:
    """Both sides of a system; None if the side under review has no results of it.

    Args:
        guards: verdicts on the guards, to which those on its predictions are added.
    """
    before, now = Results(system, base), Results(system, head)
    if not now.found:
        return None
    comparison, why_not = None, "the base has no results of it"
    try:
        if before.found:
            comparison, why_not = compare(before.predictions, now.predictions), ""
    except SerError as error:
        why_not = str(error).rstrip(".")
    verdicts = [*guards, *guarded(now.predictions, now.metrics.mark)]
    known = before if before.found else None
    return SystemReview(system, known, now, comparison, why_not, verdicts, _shortcuts(now))


def _shortcuts(results: Results) -> list[str]:
    """What a revision has measured of the corpora of a system."""
    found: list[str] = []
    for corpus in map(str, results.predictions["corpus"].unique()):
        path, files = table_path(corpus), results.files
        # a table of predictions may be damaged: what is no name names no file
        text = files.find_text(path) if corpus.isidentifier() else None
        table = None if text is None else parse_shortcuts(text, files.where(path))
        found += said_of(corpus, table)
    return found


def scores(results: Results) -> dict[str, float]:
    """What a reviewer asks for first, by what it is called."""
    genders = results.part("gender")["uar"]
    return {
        "UAR in %": results.metrics.uar,
        **{f"UAR of {name} speakers in %": score for name, score in genders.items()},
        "accuracy in %": results.metrics.accuracy,
        "calibration error (ECE) in %": results.metrics.ece,
        "trained numbers": results.fact("parameters"),
    }


def draw_review(review: SystemReview, base: str, head: str) -> dict[str, bytes]:
    """PNG images by what they show.

    Args:
        base, head: what the sides are called.
    """
    sides = review.sides(base, head)
    tables = {
        kind: {name: results.table(kind) for name, results in sides.items()}
        for kind in ("history", "confusion", "reliability", "speakers")
    }
    held_out = "Training (dashed) and held-out clips (solid), mean of all models"
    figures: dict[str, Callable[[Path], None]] = {
        "Accuracy and loss by epoch": lambda path: draw_curves(
            tables["history"], held_out, "", path
        ),
        "Confusion": lambda path: draw_confusion(
            tables["confusion"], "In % of the true emotion", "", path
        ),
        "Calibration": lambda path: draw_reliability(
            tables["reliability"], "Reliability of its confidence, calibrated", path
        ),
        "Speakers": lambda path: draw_speakers(
            tables["speakers"], "Each speaker; orange: who is recognised worse", path
        ),
    }
    return {title: _image(draw) for title, draw in figures.items()}


def _image(draw: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figure.png"
        draw(path)
        return path.read_bytes()
