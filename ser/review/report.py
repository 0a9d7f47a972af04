"""A review as one Markdown summary, and as one page that opens without a network."""

import base64
import json
from dataclasses import dataclass
from html import escape
from typing import Any

import markdown

from ser.errors import SerError
from ser.markdown import DASH, markdown_table, number
from ser.params import Params
from ser.review.changes import Change, Changes, find_changes, read_yaml
from ser.review.checklist import Reviewed, fill
from ser.review.figures import draw_review
from ser.review.systems import SCORES, SystemReview, read_params, review_system
from ser.review.verdicts import Verdict, guards_ran, reproducible, same_guards
from ser.revisions import Files

_ANSWERS = {"yes": "yes", "no": "**no**"}
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { border: 1px solid #8888; padding: 0.3rem 0.7rem; text-align: left; vertical-align: top; }
td[style*="right"] { font-variant-numeric: tabular-nums; white-space: nowrap; }
img { max-width: 100%; height: auto; background: white; }
code { background: #8882; padding: 0 0.2rem; border-radius: 0.2rem; }
"""


@dataclass(frozen=True)
class Review:
    """Two revisions, side by side.

    Attributes:
        verdicts: on the side under review as a whole.
        systems: those that it has results of.
        seconds: how long trainings took here, by system.
    """

    base: Files
    head: Files
    params: Params
    changes: Changes
    verdicts: list[Verdict]
    systems: list[SystemReview]
    seconds: dict[str, float]


def make_review(base: Files, head: Files, seconds_text: str | None = None) -> Review:
    """Compare two revisions.

    Args:
        seconds_text: content of `logs/seconds.json`, which is of this machine and not tracked.

    Raises:
        SerError: if a revision lacks what a review needs.
    """
    params = read_params(head)
    lock, same = read_yaml(head, "dvc.lock"), same_guards(base, head)
    reviewed = [
        review_system(base, head, name, [guards_ran(lock, name), same]) for name in params.systems
    ]
    systems = [one for one in reviewed if one is not None]
    if not systems:
        raise SerError(f"There are no results at {head.name!r}; run `dvc repro` and commit them.")
    seconds = json.loads(seconds_text) if seconds_text else {}
    return Review(
        base, head, params, find_changes(base, head), reproducible(head), systems, seconds
    )


def review_markdown(review: Review) -> str:
    """The summary."""
    parts = [
        f"# Review of `{review.head.name}` against `{review.base.name}`",
        _summary(review),
        "## Can it be trusted?",
        _verdict_table(review.verdicts),
        "## What changed?",
        *_changes(review.changes),
    ]
    for system in _changed(review):
        parts += _system(system, review)
    unchanged = [one.name for one in review.systems if one.same]
    if unchanged:
        names = ", ".join(f"`{name}`" for name in unchanged)
        parts += ["## Unchanged", f"The same answers on both sides: {names}."]
    return "\n\n".join([*parts, *_checklist(review), ""])


def review_html(review: Review) -> str:
    """The same with figures, in one page: nothing in it is loaded from anywhere."""
    text = review_markdown(review)
    body = markdown.markdown(text, extensions=["tables"])
    for system in _changed(review):
        images = draw_review(system, review.base.name, review.head.name)
        figures = "\n".join(
            f"<h3>{escape(title)}</h3>\n{_embedded(image, f'{system.name}: {title}')}"
            for title, image in images.items()
        )
        heading = f"<h2>System <code>{escape(system.name)}</code></h2>"
        before, found, after = body.partition(heading)
        if not found:
            raise SerError(f"The review has no section of {system.name}.")
        section, rest = _until_next_section(after)
        body = f"{before}{found}{section}{figures}\n{rest}"
    title = escape(f"Review of {review.head.name} against {review.base.name}")
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n"
        "</html>\n"
    )


def _until_next_section(body: str) -> tuple[str, str]:
    section, found, rest = body.partition("<h2>")
    return section, f"{found}{rest}"


def _embedded(image: bytes, title: str) -> str:
    data = base64.b64encode(image).decode()
    return f'<p><img alt="{escape(title)}" src="data:image/png;base64,{data}"></p>'


def _changed(review: Review) -> list[SystemReview]:
    return [one for one in review.systems if not one.same]


def _summary(review: Review) -> str:
    lines = [_summary_line(one) for one in review.systems]
    header = ["system", "verdict", "UAR before", "UAR now", "difference (95 %)", "p"]
    return markdown_table(header, lines, 2)


def _summary_line(one: SystemReview) -> list[str]:
    before = None if one.base is None else one.base.metrics["uar"]
    scores = [number(before, "en"), number(one.head.metrics["uar"], "en")]
    found = one.comparison
    if one.same:
        return [f"`{one.name}`", "the same answers", *scores, DASH, DASH]
    if found is None:
        return [f"`{one.name}`", f"not compared: {one.why_not}", *scores, DASH, DASH]
    change = number(found.difference, "en", signed=True)
    if found.interval is not None:
        low, high = (
            number(value, "en", signed=True) for value in (found.interval.low, found.interval.high)
        )
        change += f" ({low} {DASH} {high})"
    p = DASH if found.p is None else ("< 0.001" if found.p < 0.001 else f"{found.p:.3f}")
    return [f"`{one.name}`", _verdict(one), *scores, change, p]


def _verdict(one: SystemReview) -> str:
    found = one.comparison
    if found is None or found.interval is None:
        return "one speaker says nothing of others"
    if not found.flagged:
        return "no difference can be told from chance"
    verdict = "**better**" if found.difference > 0 else "**worse**"
    if _protocols(one)[0] != _protocols(one)[1]:
        return f"{verdict}, but under another protocol: this compares tests, not systems"
    return f"{verdict}, of two trainings: a side has one seed" if found.of_trainings else verdict


def _protocols(one: SystemReview) -> tuple[str, str]:
    before = one.base.metrics["protocol"] if one.base else ""
    return before, one.head.metrics["protocol"]


def _verdict_table(verdicts: list[Verdict]) -> str:
    lines = [[one.question, _ANSWERS[one.answer], one.reason] for one in verdicts]
    return markdown_table(["question", "answer", "reason"], lines, 3)


def _changes(changes: Changes) -> list[str]:
    parts = []
    for name, some in (("Parameters", changes.params), ("Stages", changes.stages)):
        if some:
            lines = [[f"`{one.name}`", _cell(one.before), _cell(one.after)] for one in some]
            parts += [f"### {name}", markdown_table(["name", "before", "now"], lines, 3)]
    for name, some in (("Code", changes.code), ("Data and models", changes.data)):
        if some:
            parts += [f"### {name}", "\n".join(f"- `{one.name}` {_kind(one)}" for one in some)]
    return parts or ["Nothing: parameters, code and data are the same."]


def _cell(value: str) -> str:
    return f"`{value}`" if value else DASH


def _kind(change: Change) -> str:
    if not change.before:
        return "is new"
    return "changed" if change.after else "is gone"


def _system(one: SystemReview, review: Review) -> list[str]:
    parts = [f"## System `{one.name}`"]
    mark = one.head.metrics["mark"]
    if mark != "none":
        parts.append(f"**{mark}**")
    before = one.base.metrics if one.base else {}
    lines = []
    for key, words in SCORES.items():
        values: list[Any] = [before.get(key), one.head.metrics.get(key)]
        decimals = 0 if key == "parameters" else 3 if "calibrated" in key else 1
        change = None if None in values else values[1] - values[0]
        lines.append(
            [
                words,
                *(number(value, "en", decimals) for value in values),
                number(change, "en", decimals, signed=True),
            ]
        )
    parts.append(markdown_table(["score", "before", "now", "difference"], lines, 1))
    if one.comparison is not None:
        parts.append(
            f"Paired, over speakers: {_verdict(one)}. Clips that most seeds recognise now and did "
            f"not before: {one.comparison.won}; the other way round: {one.comparison.lost}."
        )
    seconds = review.seconds.get(one.name)
    if seconds is not None:
        parts.append(f"The last training of it on this machine took {seconds:.0f} seconds.")
    return [*parts, _verdict_table(one.verdicts)]


def _checklist(review: Review) -> list[str]:
    """Answers about the first system that changed, or else the first of all."""
    one = (_changed(review) or review.systems)[0]
    run = Reviewed(
        review.head,
        review.params,
        review.changes,
        review.verdicts,
        one,
        review.seconds.get(one.name),
    )
    parts = ["## Checklist", f"What could be computed is answered, for `{one.name}`."]
    for phase, items in fill(run).items():
        lines = [[f"**{title}**", question, answer] for title, question, answer in items]
        parts += [f"### {phase}", markdown_table(["", "question", "answer"], lines, 3)]
    return parts
