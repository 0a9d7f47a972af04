"""A review of one revision against another, as a Markdown summary and as a page with figures."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from ser.core.errors import SerError
from ser.core.settings import Values, parse_values
from ser.guards.protocol import NO_MARK
from ser.reports.markdown import DASH, number
from ser.reports.review.changes import Change, Changes, find_changes
from ser.reports.review.checklist import Reviewed, fill
from ser.reports.review.page import Grid, Picture, Section, as_html, as_markdown, code
from ser.reports.review.systems import SystemReview, draw_review, review_system, scores
from ser.reports.review.verdicts import Lock, Verdict, guards_ran, reproducible, same_guards
from ser.reports.revisions import Files

_SHORTCUTS = "What recognises the emotions of its corpora without hearing them:"
_ANSWERS = {"yes": "yes", "no": "**no**", "in part": "in part"}


@dataclass(frozen=True)
class Review:
    """Two revisions, side by side.

    Attributes:
        values: parameters of the side under review.
        verdicts: on that side as a whole.
        systems: those that it has results of.
        seconds: how long trainings took here, by stage.
    """

    base: Files
    head: Files
    values: Values
    changes: Changes
    verdicts: list[Verdict]
    systems: list[SystemReview]
    seconds: dict[str, float]

    @property
    def title(self) -> str:
        """Of the review."""
        return f"Review of {code(self.head.name)} against {code(self.base.name)}"

    @property
    def changed(self) -> list[SystemReview]:
        """Systems that gave other answers, or are new."""
        return [one for one in self.systems if not one.same]

    def seconds_of(self, system: str) -> float | None:
        """How long the trainings of a system took here; None if that is not known."""
        stages = [name for name in self.seconds if name.startswith(f"train {system} ")]
        return sum(self.seconds[name] for name in stages) if stages else None


def make_review(base: Files, head: Files, seconds_text: str | None = None) -> Review:
    """Compare two revisions.

    Args:
        seconds_text: content of `logs/seconds.json`, which is of this machine and not tracked.

    Raises:
        SerError: if a revision lacks what a review needs.
    """
    values = parse_values(head.read_text("params.yaml"), f"params.yaml at {head.name!r}")
    lock, same = Lock(head), same_guards(base, head)
    names = list(values.section("systems", dict))
    reviewed = [review_system(base, head, name, [guards_ran(lock, name), same]) for name in names]
    systems = [one for one in reviewed if one is not None]
    if not systems:
        raise SerError(f"There are no results at {head.name!r}; run `dvc repro` and commit them.")
    about = [one.name for one in systems if not one.same] or [one.name for one in systems]
    verdicts = reproducible(lock, about, [name for name in names if name not in about])
    seconds = json.loads(seconds_text) if seconds_text else {}
    return Review(base, head, values, find_changes(base, head), verdicts, systems, seconds)


def review_markdown(review: Review) -> str:
    """The summary."""
    return as_markdown(review.title, list(_sections(review)))


def review_html(review: Review) -> str:
    """The same with figures, in one page: nothing in it is loaded from anywhere."""
    return as_html(review.title, list(_sections(review, draws=True)))


def _sections(review: Review, draws: bool = False) -> Iterator[Section]:
    header = ["system", "verdict", "UAR before", "UAR now", "difference (95 %)", "p"]
    yield Section("In short", [Grid(header, [_summary(one) for one in review.systems], 2)])
    yield Section("Can it be trusted?", [_answers(review.verdicts)])
    yield from _changes(review.changes)
    for one in review.changed:
        pictures = []
        if draws:
            images = draw_review(one, review.base.name, review.head.name)
            pictures = [Picture(title, image) for title, image in images.items()]
        yield Section(f"System {code(one.name)}", [*_system(one, review), *pictures])
    unchanged = [one for one in review.systems if one.same]
    if unchanged:
        names = ", ".join(code(one.name) for one in unchanged)
        said = list(dict.fromkeys(sentence for one in unchanged for sentence in one.shortcuts))
        yield Section("Unchanged", [f"The same answers on both sides: {names}.", _SHORTCUTS, said])
    yield from _checklist(review)


def _summary(one: SystemReview) -> list[str]:
    before = None if one.base is None else one.base.metrics.uar
    both = [number(before, "en"), number(one.head.metrics.uar, "en")]
    found = one.comparison
    if one.same:
        return [code(one.name), "the same answers", *both, DASH, DASH]
    if found is None:
        return [code(one.name), f"not compared: {one.why_not}", *both, DASH, DASH]
    change = number(found.difference, "en", signed=True)
    if found.interval is not None:
        low, high = (
            number(value, "en", signed=True) for value in (found.interval.low, found.interval.high)
        )
        change += f" ({low} {DASH} {high})"
    p = DASH if found.p is None else ("< 0.001" if found.p < 0.001 else f"{found.p:.3f}")
    return [code(one.name), _verdict(one), *both, change, p]


def _verdict(one: SystemReview) -> str:
    found = one.comparison
    if found is None or found.interval is None:
        return "one speaker says nothing of others"
    if not found.flagged:
        return "no difference can be told from chance"
    verdict = "**better**" if found.difference > 0 else "**worse**"
    if one.base is not None and one.base.metrics.protocol != one.head.metrics.protocol:
        return f"{verdict}, but under another protocol: this compares tests, not systems"
    return f"{verdict}, of two trainings: a side has one seed" if found.of_trainings else verdict


def _answers(verdicts: list[Verdict]) -> Grid:
    rows = [[one.question, _ANSWERS[one.answer], one.reason] for one in verdicts]
    return Grid(["question", "answer", "reason"], rows, 3)


def _changes(changes: Changes) -> Iterator[Section]:
    nothing = changes == Changes((), (), (), ())
    text = ["Nothing: parameters, code and data are the same."] if nothing else []
    yield Section("What changed?", text)
    for title, some in (("Parameters", changes.params), ("Stages", changes.stages)):
        rows = [[code(one.name), _cell(one.before), _cell(one.after)] for one in some]
        if rows:
            yield Section(title, [Grid(["name", "before", "now"], rows, 3)], level=3)
    for title, some in (("Code", changes.code), ("Data and models", changes.data)):
        lines = [f"{code(one.name)} {_kind(one)}" for one in some]
        if lines:
            yield Section(title, [lines], level=3)


def _cell(value: str) -> str:
    return code(value) if value else DASH


def _kind(change: Change) -> str:
    if not change.before:
        return "is new"
    return "changed" if change.after else "is gone"


def _system(one: SystemReview, review: Review) -> Iterator[str | list[str] | Grid]:
    if one.head.metrics.mark != NO_MARK:
        yield f"**{one.head.metrics.mark}**"
    before = {} if one.base is None else scores(one.base)
    rows = []
    for words, now in scores(one.head).items():
        decimals = 0 if now > 100 else 1
        change = now - before[words] if words in before else None
        cells = [number(value, "en", decimals) for value in (before.get(words), now)]
        rows.append([words, *cells, number(change, "en", decimals, signed=True)])
    yield Grid(["score", "before", "now", "difference"], rows, 1)
    yield from (_SHORTCUTS, one.shortcuts)
    if one.comparison is not None:
        yield (
            f"Paired, over speakers: {_verdict(one)}. Clips that most seeds recognise now and did "
            f"not before: {one.comparison.won}; the other way round: {one.comparison.lost}."
        )
    seconds = review.seconds_of(one.name)
    if seconds is not None:
        yield f"The last training of it on this machine took {seconds:.0f} seconds."
    yield _answers(one.verdicts)


def _checklist(review: Review) -> Iterator[Section]:
    """Answers about the first system that changed, or else the first of all."""
    one = (review.changed or review.systems)[0]
    seconds = review.seconds_of(one.name)
    run = Reviewed(review.values, review.changes, review.verdicts, one, seconds)
    yield Section("Checklist", [f"What could be computed is answered, for {code(one.name)}."])
    for phase, rows in fill(run).items():
        yield Section(phase, [Grid(["", "question", "answer"], rows, 3)], level=3)
