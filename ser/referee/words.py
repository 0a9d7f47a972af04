"""An audit in words: one page, with the verdict at its top."""

from collections.abc import Iterator

from ser.clips.manifest import speaker_keys
from ser.evaluation.intervals import Interval
from ser.guards.crossings import Crossing
from ser.referee.audit import Audit
from ser.referee.scores import Calibration, Score, claimed_percent, explains
from ser.referee.sides import CLIP, Side
from ser.reports.markdown import DASH, number
from ser.reports.review.page import Grid, Section, code
from ser.splits.protocols import PROTOCOLS

_LONGEST = 60
# beyond chance by so many points, what hears nothing is a warning of its own
_NOTABLE = 10.0
_KINDS = {
    CLIP: ("clip", "clips"),
    Crossing.SPEAKER: ("speaker", "speakers"),
    Crossing.STATEMENT: ("sentence", "sentences"),
    Crossing.TAKE: ("recording", "recordings"),
}


def named(value: str) -> str:
    """A name from somebody's file: on one line, not too long, nothing in it that is no text."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)
    return code(shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}...")


def title(audit: Audit) -> str:
    """Of the page."""
    return f"Audit of {named(audit.submission.name)}"


def sections(audit: Audit) -> list[Section]:
    """The page: verdict, both sides, scores, protocol, remarks, and what cannot be said."""
    found = [Section("Verdict", list(_verdict(audit)))]
    if audit.sides:
        found.append(Section("Both sides", [_sides(audit)]))
    if audit.classes > 1 or audit.asked.claimed:
        found.append(Section("Scores", [_scores(audit), *_calibration(audit)]))
    if audit.remarks:
        found.append(Section("Remarks", [[_safe(line) for line in audit.remarks]]))
    if audit.unknown:
        found.append(Section("What cannot be said", [list(audit.unknown)]))
    return found


def _safe(line: str) -> str:
    """A remark, which may quote names from files."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line).replace("*", "\u2217")


def headline(audit: Audit) -> str:
    """The verdict in few words."""
    if audit.leaks:
        return "Leak: what is tested was heard before the test"
    if not audit.sides:
        return "No split to judge: nothing says what was trained on"
    if Crossing.SPEAKER not in audit.sides or (audit.clips["speaker"] == "").any():
        return "Not shown to be clean: who speaks is not known of every clip"
    return "No leak found"


def _verdict(audit: Audit) -> Iterator[str | list[str]]:
    yield f"**{headline(audit)}.** {_what(audit)}"
    points = [_leak(audit, side) for side in audit.leaks]
    if not audit.leaks and audit.sides:
        points += _clean(audit)
    points += [*_protocol(audit), *_claim(audit), *_tied(audit)]
    yield points


def _what(audit: Audit) -> str:
    tests, folds = audit.tests, audit.submission.folds
    text = f"{len(audit.clips)} clips"
    if (audit.clips["speaker"] != "").all():
        text += f" of {_count(speaker_keys(audit.clips).nunique(), 'speaker')}"
    if audit.corpora:
        text += f" ({', '.join(audit.corpora)})"
    if len(folds):
        number = int(tests["fold"].nunique())
        text += ", one split" if number == 1 else f", {number} folds"
    tested = tests["clip"].nunique()
    return f"{text}; {'all' if tested == len(audit.clips) else tested} are tested."


def _count(value: int, noun: str) -> str:
    return f"{value} {noun}{'' if value == 1 else 's'}"


def _leak(audit: Audit, side: Side) -> str:
    one, _ = _KINDS[side.kind]
    share = f"{_of(side)} tested clips ({_percent(side.share)} %)"
    if side.kind == Crossing.SPEAKER:
        return (
            f"**Speakers**: {side.crossing} of {side.tested} tested speakers also train or "
            f"validate, and {share} are of a voice that the model has heard. A score here says how "
            "well known voices are recognised; it does not say how well a stranger's is, and does "
            "not compare with scores of held-out speakers."
        )
    example = named(side.examples[0])
    if side.kind == CLIP:
        return (
            f"**Clips**: {_count(side.crossing, one)} listed for training (or validation) and for "
            f"the test, such as {example}: {share}."
        )
    return (
        f"**Recordings**: {_count(side.crossing, one)} on both sides (compared {audit.compared}), "
        f"such as {example}: {share} can be known by heart."
    )


def _of(side: Side) -> str:
    return f"{side.clips_crossing} of {side.clips}"


def _percent(share: float) -> str:
    """Whole percents, but never 0 of what is there nor 100 of what is not."""
    return f"{share:.0f}" if share in (0, 100) or 1 <= share <= 99 else f"{share:.1f}"


def _clean(audit: Audit) -> list[str]:
    known = [_KINDS[kind][0] for kind in audit.sides if kind != Crossing.STATEMENT]
    *most, last = known
    text = f"No {', '.join(most)} or {last}" if most else f"No {last}"
    how = f" (recordings were compared {audit.compared})" if audit.compared else ""
    points = [f"{text} is on both sides of a fold{how}."]
    words = audit.sides.get(Crossing.STATEMENT)
    if words is not None and words.crossing:
        points.append(
            f"The sentences are known: {words.share:.0f} % of the tested clips say words that also "
            "train. That is usual for acted corpora and no leak, but the score is one for these "
            "words."
        )
    return points


def _protocol(audit: Audit) -> list[str]:
    near = audit.closest
    if near is None:
        return []
    text = f"How it is made: {near.how}."
    if not near.protocol:
        return [f"{text} None of our protocols is like that."]
    name = code(near.protocol)
    if near.overlap is None:
        mark = PROTOCOLS[near.protocol].mark
        return [f"{text} Of our protocols, {name} is made like that{f' ({mark})' if mark else ''}."]
    if near.overlap == 1:
        return [f"{text} Its folds test exactly the clips that those of our protocol {name} test."]
    return [
        f"{text} The closest of our protocols is {name}: folds have {100 * near.overlap:.0f} % of "
        "their tested clips in common with it."
    ]


def _claim(audit: Audit) -> list[str]:
    claimed, answered = audit.asked.claimed, audit.answered
    if answered is None:
        return []
    recomputed = f"a UAR of {_scored(answered)}"
    if not claimed:
        return [f"The answers give {recomputed}."]
    same = explains(claimed, audit.printed)
    if any(name.startswith("UAR over all") for name in same):
        return [f"The claimed {named(claimed)} is what the answers give: {recomputed}."]
    if same:
        return [
            f"The claimed {named(claimed)} is not their UAR but the {same[0]}: the answers give "
            f"{recomputed}."
        ]
    inside = answered.interval and _holds(answered.interval, claimed_percent(claimed))
    where = " It lies within the interval of the recomputed one." if inside else ""
    return [
        f"The claimed {named(claimed)} is not found again: the answers give {recomputed}, and "
        f"neither accuracy, macro F1, a mean over folds nor the best one is it.{where}"
    ]


def _holds(interval: Interval, value: float) -> bool:
    return interval.low <= value <= interval.high


def _tied(audit: Audit) -> list[str]:
    """Warnings of what scores without hearing."""
    if audit.classes < 2:
        return []
    chance, points = 100 / audit.classes, []
    whos, clock = audit.majority, audit.length
    if whos is not None and whos.uar > audit.by_chance + _NOTABLE:
        points.append(
            "**Speakers give the labels away**: an oracle that hears nothing and knows each "
            f"speaker's most frequent emotion scores {_scored(whos)}; it would score "
            f"{number(audit.by_chance, 'en')} if emotions were dealt out to speakers at random. No "
            "score below that shows that emotion was heard."
        )
    low = None if clock is None else clock.interval.low if clock.interval else clock.uar - _NOTABLE
    if clock is not None and low is not None and low > chance:
        points.append(
            "**Length gives labels away**: how long a clip is, and nothing else, scores "
            f"{_scored(clock)}, where chance is {number(chance, 'en')}. A model may learn the "
            "clock."
        )
    return points


def _scored(one: Score) -> str:
    text = number(one.uar, "en")
    if one.interval is None:
        return text
    return f"{text} (95 % interval {_ends(one.interval)} over {one.speakers} speakers)"


def _ends(interval: Interval) -> str:
    """An interval of what lies between 0 and 100."""
    return f"{number(interval.low, 'en')}{DASH}{number(interval.high, 'en')}"


def _sides(audit: Audit) -> Grid:
    rows = []
    for kind, side in audit.sides.items():
        verdict = "**leak**" if side.leaks else "known words" if side.crossing else "apart"
        concerned = f"{_of(side)} ({_percent(side.share)} %)"
        many = _KINDS[kind][1]
        rows.append([many, verdict, str(side.tested), str(side.crossing), concerned])
    header = ["", "verdict", "tested", "of those in training", "tested clips concerned"]
    return Grid(header, rows, 2)


def _scores(audit: Audit) -> Grid:
    rows: list[list[str]] = []

    def add(name: str, uar: float | None, interval: Interval | None = None) -> None:
        if uar is not None:
            # of what never varies there is none
            none = interval is None or interval.low == interval.high
            ends = DASH if interval is None or none else _ends(interval)
            rows.append([name, number(uar, "en"), ends])

    if audit.asked.claimed:
        add("claimed", claimed_percent(audit.asked.claimed))
    if audit.answered is not None:
        add("recomputed from the answers", audit.answered.uar, audit.answered.interval)
        for name, value in audit.printed.items():
            if name != "UAR over all answers" and name.startswith(("UAR", "accuracy over")):
                add(f"their {name}", value)
    for name, one in (
        ("oracle: each speaker's majority emotion", audit.majority),
        ("length alone", audit.length),
    ):
        if one is not None:
            add(name, one.uar, one.interval)
    if audit.classes > 1:
        add(f"chance, {audit.classes} emotions", 100 / audit.classes)
    return Grid(["UAR, if no other score is named", "in %", "95 % over speakers"], rows, 1)


def _calibration(audit: Audit) -> list[str]:
    found = audit.calibration
    if found is None:
        return []
    if not isinstance(found, Calibration):
        return [f"Calibration cannot be judged: {found}."]
    off = found.confidence - found.accuracy
    kind = "too sure" if off > 0 else "not sure enough"
    clear = found.gap is not None and not _holds(found.gap, 0.0)
    verdict = f"they are {kind}" if clear else "no bias beyond chance"
    between = ""
    if found.gap is not None:
        ends = (number(end, "en", signed=True) for end in (found.gap.low, found.gap.high))
        between = f" (95 % interval {' to '.join(ends)})"
    return [
        f"Calibration: confidences are {number(found.confidence, 'en')} % on average, and "
        f"{number(found.accuracy, 'en')} % of the answers right, a difference of "
        f"{number(off, 'en', signed=True)} points{between}: "
        f"{verdict if found.gap else kind}. Expected calibration error {number(found.ece, 'en')} %."
    ]
