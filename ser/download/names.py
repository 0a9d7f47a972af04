"""A corpus described by data: a pattern of its clips' names, and what the codes in them mean."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from ser.clips.manifest import UNKNOWN, ClipName, Expected
from ser.core.errors import SerError
from ser.download.corpus import Corpus

# how corpora write genders in names
GENDERS = {
    **dict.fromkeys(("F", "f", "w", "female"), "female"),
    **dict.fromkeys(("M", "m", "male"), "male"),
}
# what a pattern says, and how it is shown to people
_PLAIN = (
    (r"\(\?[!=<][^)]*\)", ""),  # what does not follow
    (r"\(\?:((?:[^()]|\([^()]*\))*)\)\??", r"\1"),  # brackets that only hold together
    (r"\(\?:|\)\?", ""),
    (r"(?:\\d|\[[^\]]+\])(?:[+*]|\{\d+\})?", "*"),  # any digits or letters
    (r"\*+", "*"),
    (r"\\\W\?", ""),
    (r"\\(.)\??", r"\1"),
    (r" \?", " "),
)
# stands in a draft for the name of an emotion whose code means nothing to a program
BLANK = "?"
FIELDS = ("speaker", "gender", "emotion", "intensity", "sentence", "take")
# files beside a sound that hold one text
TEXT_ENDINGS = (".txt", ".cls")
_NOTHING: Mapping[str, str | None] = {}
# an emotion's name, or the name and how many clips show it
Emotions = Mapping[str, str | tuple[str, int]]


def named_corpus(
    *,
    name: str,
    pattern: str,
    emotions: Emotions,
    clips: int | None = None,
    of_each: int | None = None,
    female: str = "",
    male: str = "",
    unknown: str = "",
    codes: Mapping[str, Mapping[str, str]] | None = None,
    no_clips: str = "",
    sidecar: Mapping[str, str] | None = None,
    **facts: Any,
) -> Corpus:
    r"""A corpus whose names a regular expression reads.

    Args:
        name: of its file in `ser/corpora`.
        pattern: matches the end of a clip's path within the corpus, without the ending; `/` stands
            between folders. Its named groups are `speaker` and `emotion` and, where names tell
            them, `gender`, `intensity`, `sentence` and `take`. A group that is empty, such as
            `(?P<emotion>)`, takes the codes of its table.
        emotions: by code: the emotion, in the terms of `ser.clips.labels` where it is shared,
            or a name of its own; with the number of clips where that is published.
        clips: how many there are; None where that is not known.
        of_each: how many there are of every emotion, where they are equally many.
        female, male, unknown: the speakers, as `speaker` (or its table) names them, with a space
            between them; `unknown` where the publisher does not tell their gender. Without them
            all speakers that are found are taken.
        codes: meanings of the codes of other groups, by group; `gender` has one by itself.
        no_clips: a regular expression; a path in which it is found is no clip.
        sidecar: what a file beside each sound tells instead of its name, by group: the key in the
            object of `<clip>.json`, or `.txt` or `.cls` for a file of that ending whose whole text
            it is. Codes have their meanings as those in names do.
        facts: the other attributes of `Corpus`.

    Raises:
        ValueError: if the pattern cannot be read, a speaker or an emotion is told nowhere, or a
            group twice.
        SerError: if an emotion is still the blank of a draft.
    """
    genders = {
        speaker: gender
        for speakers, gender in ((female, "female"), (male, "male"), (unknown, UNKNOWN))
        for speaker in speakers.split()
    }
    labels = {code: one if isinstance(one, str) else one[0] for code, one in emotions.items()}
    if blank := [code for code, label in labels.items() if label == BLANK]:
        raise SerError(
            f"ser/corpora/{name}.py: in place of {BLANK!r}, write the emotion that each of these "
            f"codes stands for: {', '.join(blank)}."
        )
    tables: dict[str, Mapping[str, str]] = {"gender": GENDERS, **(codes or {}), "emotion": labels}
    if genders and "speaker" not in tables:
        tables["speaker"] = {speaker: speaker for speaker in genders}
    filled = fill(pattern, tables)
    whole = re.compile(rf"(?:.*/)?(?P<clip>{filled})", re.ASCII)
    beside = dict(sidecar or {})
    lacking = {"speaker", "emotion"} - set(whole.groupindex) - set(beside)
    if lacking:
        raise ValueError(f"the pattern of {name} has no group {', '.join(sorted(lacking))}")
    strange = {*whole.groupindex, *beside} - {*FIELDS, "clip"}
    if strange:
        raise ValueError(f"the pattern of {name} has an unknown group {', '.join(sorted(strange))}")
    doubled = set(whole.groupindex) & set(beside)
    if doubled:
        raise ValueError(f"{name}: both pattern and sidecar tell {', '.join(sorted(doubled))}")
    odd = {key for key in beside.values() if key.startswith(".")} - set(TEXT_ENDINGS)
    if odd:
        raise ValueError(f"{name}: a sidecar is no {', '.join(sorted(odd))}")
    scheme = shown(pattern)
    skipped = re.compile(no_clips) if no_clips else None

    def parse(path: PurePosixPath, told: Mapping[str, str | None] = _NOTHING) -> ClipName | None:
        if skipped is not None and skipped.search(path.as_posix()):
            return None
        match = whole.fullmatch((path.parent / path.stem).as_posix())
        if match is None:
            raise ValueError(f"clips are named {scheme}")
        said = {key: code for key, code in match.groupdict().items() if code is not None}
        said |= {key: _told(key, beside[key], told) for key in beside}
        means = {key: _meaning(key, code, tables) for key, code in said.items()}
        return ClipName(
            clip=said["clip"],
            speaker=means["speaker"],
            gender=genders.get(means["speaker"], means.get("gender", UNKNOWN)),
            emotion=means["emotion"],
            intensity=means.get("intensity", ""),
            sentence=means.get("sentence", ""),
            take=means.get("take", "1"),
        )

    return Corpus(
        name=name,
        expected=Expected(clips, _counts(emotions, of_each), genders),
        parse=parse,
        scheme=scheme,
        pattern=filled,
        sidecar=beside,
        **facts,
    )


def _told(group: str, key: str, told: Mapping[str, str | None]) -> str:
    place = f"the {key}" if key.startswith(".") else f"{key!r} of the .json"
    if group not in told:
        raise ValueError(f"{place} beside it, which tells the {group}, is missing")
    text = told[group]
    if text is None:
        raise ValueError(f"{place} beside it, which tells the {group}, is no text or number")
    return text


def _meaning(group: str, code: str, tables: Mapping[str, Mapping[str, str]]) -> str:
    table = tables.get(group)
    if table is None:
        return code
    if code not in table:
        raise ValueError(f"there is no {group} code {code}")
    return table[code]


def _counts(emotions: Emotions, of_each: int | None) -> dict[str, int | None]:
    """Clips of each emotion; of codes that mean the same, those of all of them."""
    counts: dict[str, int | None] = {}
    for one in emotions.values():
        label, count = (one, of_each) if isinstance(one, str) else one
        known = counts.get(label, 0)
        counts[label] = None if count is None or known is None else known + count
    return counts


def fill(pattern: str, tables: Mapping[str, Mapping[str, str]]) -> str:
    """The pattern with the codes of its empty groups written out, the longest first."""

    def codes(group: re.Match[str]) -> str:
        table = sorted(tables.get(group[1], ()), key=lambda code: (-len(code), code))
        if not table:
            raise ValueError(f"the group {group[1]} is empty and has no table of codes")
        return f"(?P<{group[1]}>{'|'.join(map(re.escape, table))})"

    return re.sub(r"\(\?P<(\w+)>\)", codes, pattern)


def shown(pattern: str) -> str:
    """The pattern for people: every group is its name in braces."""
    text, rest = "", pattern
    while group := re.search(r"\(\?P[<=](\w+)>?", rest):
        end = _closing(rest, group.start())
        text += f"{rest[: group.start()]}{{{group[1]}}}"
        rest = rest[end + 1 :]
    text += rest
    for wordy, plain in _PLAIN:
        text = re.sub(wordy, plain, text)
    return text


def _closing(pattern: str, start: int) -> int:
    """Where the bracket that opens at `start` is closed."""
    depth, place = 0, start
    while True:
        letter = pattern[place]
        if letter == "\\":
            place += 1
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place
        place += 1
