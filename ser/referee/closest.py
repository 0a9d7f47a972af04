"""Which of our protocols a split comes closest to: by its clips, else by how it is made."""

from dataclasses import dataclass
from functools import cache

import pandas as pd

from ser.clips.manifest import speaker_keys
from ser.export.table import named_folds
from ser.guards.crossings import Crossing
from ser.referee.corpora import published
from ser.referee.sides import Side
from ser.splits.protocols import PROTOCOLS

# below this it is no likeness worth a name
_ALIKE = 0.5
# dealt out by clip, a rare speaker may be on one side by chance; in percent of the tested clips
_DEALT = 90.0
# the protocols whose folds follow from the names of clips; copies and statistics make no others
_COMPARED = tuple(
    name for name, one in PROTOCOLS.items() if one.kind not in ("leaky", "transductive")
)


@dataclass(frozen=True)
class Closest:
    """A likeness.

    Attributes:
        protocol: name of ours; empty if none is like it.
        overlap: share (0 to 1) of the tested clips that their folds and ours have in common, a mean
            over their folds; None where it was judged by how the split is made.
        how: how the split is made, in words.
    """

    protocol: str
    overlap: float | None
    how: str


def closest(clips: pd.DataFrame, folds: pd.DataFrame, sides: dict[str, Side]) -> Closest:
    """The protocol that a split comes closest to.

    Args:
        clips: with `clip`, `corpus`, `speaker`, `emotion` and `known`, the clip's name in a known
            corpus (empty if none).
        folds: who trains and tests.
        sides: what stands on both sides.
    """
    protocol, how = _structure(clips, folds, sides)
    found = _by_clips(clips, folds)
    if found is not None and found[1] >= _ALIKE:
        return Closest(found[0], found[1], how)
    return Closest(protocol, None, how)


def _by_clips(clips: pd.DataFrame, folds: pd.DataFrame) -> tuple[str, float] | None:
    corpora = set(clips["corpus"])
    known = dict(zip(clips["clip"], clips["known"], strict=True))
    if len(corpora) != 1 or (clips["known"] == "").mean() > 0.1:
        return None
    ours_of = _our_tests(corpora.pop())
    # a part of a corpus is compared with that part of our folds
    ours_have = set(known.values())
    theirs = _tested(folds.assign(clip=folds["clip"].map(known)))
    best = ("", 0.0)
    for name, whole in ours_of.items():
        ours = [tests & ours_have for tests in whole]
        overlap = sum(
            max(len(mine & tests) / max(1, len(mine | tests)) for mine in ours) for tests in theirs
        ) / max(1, len(theirs))
        # the first of equals is the general one; the named folds of a corpus say more
        if overlap > best[1] or (overlap == best[1] and best[0] == "speaker_independent"):
            best = (name, overlap)
    return best


@cache
def _our_tests(corpus: str) -> dict[str, list[set[str]]]:
    """The clips that each of our folds of a known corpus tests, by protocol; not to be changed."""
    manifest = published(corpus)
    folds = {} if manifest.empty else named_folds(manifest, _COMPARED)
    return {name: _tested(table) for name, table in folds.items()}


def _tested(folds: pd.DataFrame) -> list[set[str]]:
    tests = folds[folds["role"] == "test"]
    return [set(rows["clip"]) for _, rows in tests.groupby("fold")]


def _structure(clips: pd.DataFrame, folds: pd.DataFrame, sides: dict[str, Side]) -> tuple[str, str]:
    speaker, sentence = sides.get(Crossing.SPEAKER), sides.get(Crossing.STATEMENT)
    tests = folds[folds["role"] == "test"]
    number = int(tests["fold"].nunique())
    if speaker is None:
        return "", f"{_times(number)}; by whom the clips are spoken is not known"
    new_words = sentence is not None and sentence.clips_crossing == 0
    if speaker.crossing == 0:
        return _held_out(clips, tests, number, new_words)
    if new_words:
        return "leave_one_statement_out", f"{_times(number)} by sentence; speakers are known"
    if speaker.share > _DEALT:
        dealt = "at random or by hand, not by speaker"
        return "leaky_random", f"{_times(number)} of clips {dealt}{_evenly(clips, folds)}"
    return "", f"{_times(number)} in which some speakers are held out and others are not"


def _held_out(
    clips: pd.DataFrame, tests: pd.DataFrame, number: int, new_words: bool
) -> tuple[str, str]:
    who = dict(zip(clips["clip"], speaker_keys(clips), strict=True))
    speakers = tests.assign(who=tests["clip"].map(who)).groupby("fold")["who"].nunique()
    everybody, tested = len(set(who.values())), int(tests["clip"].map(who).nunique())
    if new_words:
        return "speaker_and_statement_open", f"{_times(number)}: new speakers and new sentences"
    if number == 1:
        return "speaker_independent", f"one split that holds out {tested} of {everybody} speakers"
    if speakers.max() == 1 and number == tested == 2:
        return "two_speakers", "two folds, each of one speaker"
    if speakers.max() == 1 and number == tested:
        whole = "" if tested == everybody else f" of {everybody}"
        return "leave_one_speaker_out", f"one fold for each of {tested}{whole} speakers (LOSO)"
    few, many = int(speakers.min()), int(speakers.max())
    each = str(few) if few == many else f"{few} to {many}"
    return "speaker_independent", f"{number} folds of speakers, {each} in each test"


def _times(number: int) -> str:
    return "one split" if number == 1 else f"{number} folds"


def _evenly(clips: pd.DataFrame, folds: pd.DataFrame) -> str:
    emotion = dict(zip(clips["clip"], clips["emotion"], strict=True))
    counts = pd.crosstab([folds["fold"], folds["role"]], folds["clip"].map(emotion))
    if "" in counts:
        return ""
    whole = counts.groupby("fold").transform("sum")
    share = counts.sum(axis=1) / whole.sum(axis=1)
    off = (counts - whole.mul(share, axis=0)).abs().to_numpy().max()
    return ", each emotion spread evenly (stratified)" if off < 1.0 else ""
