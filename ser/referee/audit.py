"""The audit as a whole: what is known of the clips, what crosses, what a score there is worth."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ser.clips.manifest import speaker_keys
from ser.core.errors import SerError
from ser.corpora import find_corpus
from ser.guards.crossings import Crossing
from ser.referee.closest import Closest, closest
from ser.referee.columns import parse_named
from ser.referee.corpora import match_clips, published
from ser.referee.scores import (
    Calibration,
    Score,
    calibration,
    claimed_percent,
    length_alone,
    majority_by_chance,
    named_scores,
    score,
    speaker_majority,
)
from ser.referee.sides import Side, count_sides, group_recordings
from ser.referee.sound import Heard, hear
from ser.referee.submission import Submission, read_submission
from ser.splits.takes import ALIKE, SAME


@dataclass(frozen=True)
class Asked:
    """What the author of a result, or its reviewer, adds to the files.

    Attributes:
        columns: `FIELD=COLUMN`, where columns are not known by their names.
        corpus: name of the corpus; by default it is found by the names of files.
        audio: folder of the recordings; None if they are not at hand.
        claimed: published score, as printed; empty if there is none.
        table: which tables of an audformat folder divide it, by the beginning of their names.
        pattern: regular expression whose named groups read paths.
    """

    columns: Sequence[str] = ()
    corpus: str = ""
    audio: Path | None = None
    claimed: str = ""
    table: str = ""
    pattern: str = ""


@dataclass
class Audit:
    """What was found.

    Attributes:
        clips: one row a clip, as submitted and as names and sound tell; `known` is its name in a
            known corpus.
        tests: one row a fold and tested clip (a tested clip, where there are no folds).
        sides: what stands on both sides, by kind.
        compared: how recordings were compared: "by their samples", "by published checksums", or
            empty.
        closest: the likeness to our protocols; None without folds.
        corpora: titles of the known corpora that clips are of.
        answers: one row an answer, with `corpus` and `speaker`; empty without predictions.
        answered: UAR of the answers; None without predictions.
        printed: all numbers that papers print of such answers.
        by_chance: what the oracle of the majority would score if emotions were dealt out to
            speakers at random: the fewer clips each has, the more.
        majority, length: UAR of the oracle of each speaker's majority, and of length alone; None if
            they cannot be known.
        calibration: of the confidences; a sentence if they are none; None if none are given.
        remarks: what else a reviewer would ask.
        unknown: what cannot be said, and why.
    """

    submission: Submission
    asked: Asked
    clips: pd.DataFrame
    tests: pd.DataFrame
    sides: dict[str, Side]
    compared: str
    closest: Closest | None
    corpora: list[str]
    answers: pd.DataFrame
    answered: Score | None = None
    printed: dict[str, float] = field(default_factory=dict)
    majority: Score | None = None
    by_chance: float = 0.0
    length: Score | None = None
    calibration: Calibration | str | None = None
    remarks: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def leaks(self) -> list[Side]:
        """What makes the test too easy."""
        return [side for side in self.sides.values() if side.leaks]

    @property
    def classes(self) -> int:
        """Number of emotions that are tested; 0 if they are not known."""
        shown = self.tests["emotion"]
        return 0 if (shown == "").any() else int(shown.nunique())


def audit(paths: Sequence[Path], asked: Asked) -> Audit:
    """Audit other people's splits or predictions.

    Raises:
        SerError: in one sentence, if a file cannot be read, belies itself, or says too little.
    """
    if asked.claimed:
        _check_claimed(asked.claimed)
    submission = read_submission(paths, parse_named(asked.columns), asked.table, asked.pattern)
    remarks = list(submission.remarks)
    clips = _with_names(submission.clips, asked.corpus, remarks)
    heard = hear(clips, asked.audio) if asked.audio is not None else None
    if heard is not None:
        lengths = heard.clips.set_index("clip")["length_s"]
        clips["length_s"] = clips["length_s"].fillna(clips["clip"].map(lengths))
    recordings, compared = _recordings(clips, heard, remarks)
    folds = submission.folds
    sides = count_sides(clips, folds, recordings) if len(folds) else {}
    tests = _tests(submission, clips)
    found = Audit(
        submission=submission,
        asked=asked,
        clips=clips,
        tests=tests,
        sides=sides,
        compared=compared,
        closest=closest(clips, folds, sides) if sides else None,
        corpora=[find_corpus(name).title for name in _corpora(clips)],
        answers=_with_speakers(submission.answers, clips),
        remarks=remarks,
    )
    _add_scores(found)
    _add_remarks(found)
    _add_unknown(found)
    return found


def _check_claimed(claimed: str) -> None:
    try:
        value = claimed_percent(claimed)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise SerError(f"--claimed {claimed!r} is no score; give it in percent, such as 71.2.")


def _corpora(clips: pd.DataFrame) -> list[str]:
    return sorted(set(clips.loc[clips["known"] != "", "corpus"]))


def _with_names(clips: pd.DataFrame, only: str, remarks: list[str]) -> pd.DataFrame:
    """Clips with what the names of known corpora tell; that counts before what columns say."""
    named = match_clips(clips["clip"].tolist(), only)
    known = named["clip"] != ""
    if only and not known.any():
        raise SerError(f"No file has the name of a clip of {find_corpus(only).title}.")
    clips = clips.reset_index(drop=True)
    for column, what in (("speaker", "speakers"), ("emotion", "labels")):
        given, told = clips.loc[known, column], named.loc[known, column]
        odd = _disagreeing(given, told, one_way=column == "emotion")
        if odd:
            counts = column == "speaker" and (named.loc[known, "sure"] != "").all()
            remarks.append(
                f"The {what} of {odd} of {int(known.sum())} clips are not those that the names of "
                f"the corpus's files tell{'; the names count here' if counts else ''}."
            )
    whole = clips.assign(known=named["clip"], take_group=named["take_group"])
    sure = known & (named["sure"] != "")
    for column in ("corpus", "speaker", "sentence"):
        whole[column] = named[column].where(sure | (whole[column] == ""), whole[column])
    for column in ("emotion", "gender"):
        whole[column] = whole[column].mask(whole[column] == "", named[column])
    lost = int((~known).sum())
    if only and lost:
        title = find_corpus(only).title
        remarks.append(f"{lost} of {len(clips)} files have no name of a clip of {title}.")
    return whole


def _disagreeing(given: "pd.Series[str]", told: "pd.Series[str]", one_way: bool) -> int:
    """Clips whose value is not the usual one of what their names tell.

    Names of things may differ ("anger", "angry"), and several may be merged, so each thing that
    names tell has the value that most of its clips are given; without `one_way`, the other way
    round too: two speakers must not be merged.
    """
    pairs = pd.DataFrame({"given": given, "told": told})
    pairs = pairs[pairs["given"] != ""]
    odd = pd.Series(False, index=pairs.index)
    for key, value in [("told", "given"), ("given", "told")][: 1 if one_way else 2]:
        usual = pairs.groupby(key)[value].agg(lambda values: values.mode().iloc[0])
        odd |= pairs[value] != pairs[key].map(usual)
    return int(odd.sum())


def _recordings(
    clips: pd.DataFrame, heard: Heard | None, remarks: list[str]
) -> tuple["pd.Series[str] | None", str]:
    """What each clip is a recording of, and how that is known."""
    known = clips[clips["take_group"] != ""]
    first = known.groupby("take_group")["clip"].transform("first")
    pairs = pd.DataFrame({"clip_a": first, "clip_b": known["clip"], "what": SAME})
    pairs = pairs[pairs["clip_a"] != pairs["clip_b"]]
    how = "by published checksums" if len(known) == len(clips) else ""
    if heard is not None:
        pairs, how = pd.concat([pairs, heard.pairs], ignore_index=True), "by their samples"
        _remark_sound(clips, heard, remarks)
    if not how:
        return None, ""
    names = group_recordings(clips["clip"], pairs)
    # a segment of a file is a piece of one recording
    whole = clips["clip"].where(clips["segment"] == "", clips["clip"].str.rpartition("#")[0])
    return pd.Series(names, index=clips.index).where(clips["segment"] == "", whole), how


def _remark_sound(clips: pd.DataFrame, heard: Heard, remarks: list[str]) -> None:
    count = len(heard.clips)
    text = f"{count} of {len(clips)} files were heard and compared, all with all"
    if heard.missing:
        text += f"; {heard.missing} were not found"
    if heard.unreadable:
        text += f"; {len(heard.unreadable)} could not be read, first: {heard.unreadable[0]}"
    remarks.append(f"{text.rstrip('.')}.")
    who = dict(zip(clips["clip"], speaker_keys(clips), strict=True))
    same = heard.pairs[heard.pairs["what"] != ALIKE]
    shared = same[same["clip_a"].map(who) != same["clip_b"].map(who)]
    if len(shared) and (clips["speaker"] != "").all():
        row = shared.iloc[0]
        remarks.append(
            f"{len(shared)} pairs of clips of different speakers are one recording, so a name is "
            f"wrong (first {row['clip_a']} and {row['clip_b']})."
        )


def _tests(submission: Submission, clips: pd.DataFrame) -> pd.DataFrame:
    folds = submission.folds
    if len(folds):
        tests = folds.loc[folds["role"] == "test", ["fold", "clip"]]
        if tests.empty:
            raise SerError(f"{submission.name} has nothing that tests; give the test part, too.")
    else:
        tests = submission.answers[["clip"]].drop_duplicates().assign(fold=0)
    return tests.merge(clips, on="clip", validate="m:1").assign(seed="0")


def _with_speakers(answers: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    columns = ["clip", "corpus", "speaker"]
    table = answers.merge(clips[[*columns, "emotion"]], on="clip", how="left", suffixes=("", "_k"))
    table["emotion"] = table["emotion"].mask(table["emotion"] == "", table["emotion_k"])
    return table.drop(columns="emotion_k")


def _add_scores(found: Audit) -> None:
    tests, answers = found.tests, found.answers
    if found.classes > 1:
        whole = found.clips[["speaker", "emotion"]] != ""
        if whole.all(axis=None):
            found.majority = score(speaker_majority(tests, found.clips))
            found.by_chance = majority_by_chance(tests, found.clips)
        guessed = _guessed_by_length(found)
        found.length = None if guessed is None else score(guessed)
    if len(answers):
        if (answers["emotion"] == "").any():
            found.unknown.append("What the answers score: some have no true emotion beside them.")
            found.answers = answers.iloc[:0]
            return
        if not set(answers["predicted"]) & set(answers["emotion"]):
            raise SerError(
                f"No predicted label (such as {answers['predicted'].iloc[0][:40]!r}) is one of the "
                f"emotions (such as {answers['emotion'].iloc[0][:40]!r}); give both the same names."
            )
        found.answered = score(answers)
        found.printed = named_scores(answers)
        found.calibration = calibration(answers, found.submission.shares)


def _guessed_by_length(found: Audit) -> pd.DataFrame | None:
    folds, clips = found.submission.folds, found.clips
    if folds.empty or not {"train", "test"} <= set(folds["role"]):
        return None
    rows = folds.merge(clips, on="clip", validate="m:1").assign(seed="0")
    tests = rows["role"] == "test"
    if rows.loc[tests, "length_s"].isna().any() or (rows["emotion"] == "").any():
        return None
    return length_alone(rows)


def _add_remarks(found: Audit) -> None:
    folds, tests, remarks = found.submission.folds, found.tests, found.remarks
    _remark_corpus(found)
    if len(folds) and found.sides:
        if "validation" not in set(folds["role"]) and not found.submission.assumed:
            remarks.append(
                "Nothing validates. If the epoch or a setting was chosen by scores of the test, "
                "these are too high; a split cannot show that."
            )
        missing = _untrained(found)
        if missing:
            remarks.append(f"{', '.join(missing)}: tested in a fold in which it does not train.")
    times = tests["clip"].value_counts()
    if len(folds) and times.max() > 1:
        remarks.append(f"{int((times > 1).sum())} clips are tested in more than one fold.")
    spoken = tests[tests["gender"].str.casefold().isin(["female", "male", "f", "m"])]
    if len(spoken) == len(tests) and tests["gender"].nunique() == 1:
        remarks.append(f"Only {tests['gender'].iloc[0]} speakers are tested.")
    few = speaker_keys(tests).nunique()
    if (tests["speaker"] != "").all() and few < 5:
        speakers = "1 speaker is" if few == 1 else f"{few} speakers are"
        remarks.append(f"{speakers} tested: a score says little of others, whatever it is.")
    if "speaker" not in found.sides and "clip" in found.sides:
        _remark_names(found)


def _untrained(found: Audit) -> list[str]:
    """Emotions that are tested in a fold in which no clip of them trains."""
    emotion = dict(zip(found.clips["clip"], found.clips["emotion"], strict=True))
    rows = found.submission.folds.assign(emotion=lambda table: table["clip"].map(emotion))
    rows = rows[["fold", "role", "emotion"]].drop_duplicates()
    trains = rows.loc[rows["role"] == "train", ["fold", "emotion"]]
    tests = rows.loc[rows["role"] == "test", ["fold", "emotion"]]
    both = tests.merge(trains, on=["fold", "emotion"], how="left", indicator=True)
    return sorted(set(both.loc[both["_merge"] == "left_only", "emotion"]) - {""})


def _remark_names(found: Audit) -> None:
    """Files of one name in two folders, where nothing better tells recordings apart."""
    folds = found.submission.folds
    sided = folds.assign(
        name=folds["clip"].str.rpartition("/")[2], tests=folds["role"] == "test"
    ).drop_duplicates(["fold", "name", "tests", "clip"])
    both = sided.groupby(["fold", "name"])["tests"].nunique()
    count = int((both > 1).sum())
    if count and not found.compared:
        found.remarks.append(
            f"{count} file names stand on both sides, in different folders: are they copies? "
            "--audio compares their samples."
        )


def _remark_corpus(found: Audit) -> None:
    clips = found.clips
    for name in _corpora(clips):
        whole, title = published(name), find_corpus(name).title
        if whole.empty:
            continue
        used = whole["clip"].isin(clips["known"])
        if not used.all():
            gone = sorted(set(whole["emotion"]) - set(whole.loc[used, "emotion"]))
            text = f"{int((~used).sum())} of the {len(whole)} clips of {title} are in no part"
            text += f"; no clip is left of {', '.join(gone)}: an easier task" if gone else ""
            found.remarks.append(f"{text}.")
        own = clips[clips["known"] != ""].merge(
            whole[["clip", "emotion"]].rename(columns={"clip": "known", "emotion": "told"}),
            on="known",
        )
        labels, told = own.loc[own["emotion"] != "", "emotion"].nunique(), own["told"].nunique()
        if 0 < labels < told:
            found.remarks.append(f"{told} emotions of {title} are merged into {labels}.")


def _add_unknown(found: Audit) -> None:
    unknown, tests = found.unknown, found.tests
    folds = found.submission.folds
    if folds.empty:
        unknown.append("What crosses from training to test: the files do not say what trains.")
    elif not found.sides:
        unknown.append("What crosses from training to test: only tested clips are given.")
    if (found.clips["speaker"] == "").any():
        some = "Some" if (found.clips["speaker"] != "").any() else "All"
        unknown.append(
            f"Who speaks: {some.lower()} clips have no speaker, and their names are of no corpus "
            "known here. Give --column speaker=COLUMN, --corpus, or --pattern; without, a leak of "
            "speakers cannot be seen, and there are no intervals."
        )
    if found.sides and Crossing.STATEMENT not in found.sides:
        unknown.append("Whether the same sentences are trained and tested: nobody says which.")
    if found.sides and not found.compared:
        unknown.append(
            "Whether a recording is there twice: give the folder of the files with --audio."
        )
    elif found.sides and found.compared == "by published checksums":
        unknown.append(
            "Whether two files are nearly the same recording: checksums find identical samples "
            "only; --audio finds the others."
        )
    if found.classes == 0:
        unknown.append("What hears nothing would score: some tested clips have no emotion.")
    elif found.length is None and found.sides:
        unknown.append("What length alone would score: give a column of lengths, or --audio.")
    if found.answered is None and len(tests):
        unknown.append(
            "The score and its interval: no predictions are given, so a claimed score cannot be "
            "checked."
        )
