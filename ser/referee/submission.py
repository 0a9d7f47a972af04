"""What somebody submits: clips, who trains and who tests in each fold, and answers."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ser.core.errors import SerError
from ser.download.source import AUDIO_ENDINGS
from ser.referee.columns import ROLES, plain
from ser.referee.reading import Part, read_parts

# folds times clips: above this, every clip is a fold of its own
_MOST_CELLS = 20_000_000
_OF_A_CLIP = ("corpus", "speaker", "gender", "emotion", "sentence", "length")
_ENDING = re.compile(rf"(?:{'|'.join(map(re.escape, AUDIO_ENDINGS))})$", re.IGNORECASE)


@dataclass
class Submission:
    """What is audited.

    Attributes:
        name: what sentences call it.
        clips: one row a clip: `clip` (path without ending), `corpus`, `speaker`, `gender`,
            `emotion`, `sentence` (all empty where nobody says), `segment`, `length_s` (NaN).
        folds: fold table with numbered folds; empty if nothing says what trains or tests.
        fold_names: what the folds are called in the files.
        answers: one row an answer to a tested clip: `clip`, `fold`, `seed`, `emotion`, `predicted`,
            `confidence` (NaN if not given).
        shares: probabilities of those answers by label; no columns if there are none.
        assumed: whether what trains follows from the folds alone: all that a fold does not test.
        remarks: what a reader should know of how the files were understood.
    """

    name: str
    clips: pd.DataFrame
    folds: pd.DataFrame
    fold_names: list[str]
    answers: pd.DataFrame
    shares: pd.DataFrame
    assumed: bool = False
    remarks: list[str] = field(default_factory=list)


def read_submission(
    paths: Sequence[Path], named: Mapping[str, str], table: str = "", pattern: str = ""
) -> Submission:
    """Read files, tell those that divide clips from those that only say something of them.

    Args:
        named: columns of fields, as somebody has told them.
        table: which tables of an audformat folder divide it, by the beginning of their names.
        pattern: regular expression that is looked for in each path (without its ending) and whose
            named groups are fields, such as `speaker`; they count before columns.

    Raises:
        SerError: in one sentence, if something is missing, damaged, or belies itself.
    """
    parts = [part for path in paths for part in read_parts(path, named, table)]
    for name, column in named.items():
        if not any(column in part.header for part in parts):
            raise SerError(f"No file has the column {column!r} for {name}; correct --column.")
    tables = [_prepared(part, pattern) for part in parts]
    if pattern and not any((table["matched"]).any() for table in tables):
        raise SerError(f"--pattern {pattern!r} is found in no file name; correct it.")
    remarks: list[str] = []
    divides = [(table["role"] != "").any() for table in tables]
    assumed = not any(divides)
    if assumed:
        divides = [(table["fold"] != "").any() for table in tables]
    own = [table for table, yes in zip(tables, divides, strict=True) if yes]
    if own:
        division = pd.concat(own, ignore_index=True)
        others = [
            _joined(table, division["clip"], parts[number].source, remarks)
            for number, table in enumerate(tables)
            if not divides[number]
        ]
        folds, names = _fold_table(division, remarks)
    else:
        others, (folds, names) = tables, (_no_folds(), [])
        if not any(_answers_of(table).any() for table in tables):
            raise SerError(
                f"{parts[0].source} has neither a split, nor folds, nor predictions that are known "
                "by their names, so there is nothing to audit; name them with --column."
            )
    everything = pd.concat([*own, *others], ignore_index=True)
    clips = _clips(everything)
    answers = _answers(everything, clips, folds, names, remarks)
    labels = [column for column in everything if column.startswith("share ")]
    shares = everything.loc[answers.index, labels].rename(columns=lambda name: name[6:])
    shares = shares.dropna(axis=1, how="all").reset_index(drop=True)
    name = ", ".join(path.name or str(path) for path in paths[:3])
    name += f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    answers = answers.reset_index(drop=True)
    return Submission(name, clips, folds, names, answers, shares, assumed, remarks)


def clip_name(file: str) -> str:
    """A path as it names a clip: without its ending, with "/" between folders, in NFC."""
    path = unicodedata.normalize("NFC", file.replace("\\", "/")).removeprefix("./")
    return _ENDING.sub("", path) or path


def _prepared(part: Part, pattern: str) -> pd.DataFrame:
    """All fields of a part, as text; empty where nobody says."""
    rows = part.rows.reindex(
        columns=["file", "segment", *_OF_A_CLIP, "predicted", "confidence", "role", "fold", "seed"],
        fill_value="",
    )
    clips = rows["file"].map(clip_name)
    if pattern:
        try:
            found = [re.search(pattern, clip) for clip in clips]
        except re.error as error:
            raise SerError(f"--pattern {pattern!r} is no regular expression: {error}.") from None
        for group in re.compile(pattern).groupindex:
            if group not in _OF_A_CLIP:
                raise SerError(
                    f"--pattern names the group {group!r}; it may name {', '.join(_OF_A_CLIP)}."
                )
            rows[group] = [(match and match[group]) or "" for match in found]
        rows["matched"] = [match is not None for match in found]
    for column in ("emotion", "predicted"):
        rows[column] = rows[column].str.casefold()
    rows["role"] = _roles(rows, part)
    rows["fold"] = _fold_texts(rows, part)
    shares = part.shares.rename(columns=lambda label: f"share {label}")
    return pd.concat([rows.assign(clip=clips + rows["segment"]), shares], axis=1)


def _numbered(texts: "pd.Series[str]") -> bool:
    """Whether a column that should hold roles holds numbers of folds."""
    given = texts[texts != ""]
    return bool(len(given)) and bool(given.str.fullmatch(r"\D{0,12}\d+(\.0)?").all())


def _same(text: str, rows: "pd.Series[str]") -> "pd.Series[str]":
    """A text for every row."""
    return pd.Series(text, index=rows.index, dtype=object)


def _roles(rows: pd.DataFrame, part: Part) -> "pd.Series[str]":
    texts = rows["role"]
    if (texts == "").all() or _numbered(texts):
        # a fold's own column may hold roles
        in_folds = rows["fold"].map(plain).isin(ROLES).any()
        texts = rows["fold"] if in_folds else _same("", texts)
    if (texts == "").all():
        return _same(part.role, texts)
    roles = texts.map(lambda text: ROLES.get(plain(text), ""))
    strange = texts[(roles == "") & (texts != "")]
    if not strange.empty:
        raise SerError(
            f"{part.source} has the split {strange.iloc[0][:40]!r}, which is none of train, "
            "validation and test; correct it, or name another column with --column."
        )
    return roles


def _fold_texts(rows: pd.DataFrame, part: Part) -> "pd.Series[str]":
    texts = rows["fold"]
    if texts.map(plain).isin(ROLES).any():
        texts = _same("", texts)
    if (texts == "").all():
        original = part.rows.get("role", texts)
        texts = original if _numbered(original) else _same(part.fold, texts)
    return texts.str.replace(r"\.0$", "", regex=True)


def _natural(text: str) -> list[tuple[int, int | str]]:
    pieces = re.findall(r"\d+|\D+", text)
    return [(0, int(piece)) if piece.isdigit() else (1, piece) for piece in pieces]


def _no_folds() -> pd.DataFrame:
    return pd.DataFrame({"fold": pd.Series(dtype=int), "clip": "", "role": ""})


def _fold_table(division: pd.DataFrame, remarks: list[str]) -> tuple[pd.DataFrame, list[str]]:
    names = sorted(set(division["fold"]) - {""}, key=_natural) or [""]
    number = {name: place for place, name in enumerate(names)}
    if (division["role"] != "").any():
        rows = division[division["role"] != ""]
        if len(names) > 1 and (rows["fold"] == "").any():
            raise SerError("Some rows have a split but no fold, others both; give both to all.")
        folds = rows.assign(fold=rows["fold"].map(number))[["fold", "clip", "role"]]
        return folds.drop_duplicates(ignore_index=True), names
    if len(names) < 2:
        raise SerError(
            "There is a single fold and no split, so nothing says what trains; give a column of "
            "train, validation and test."
        )
    tests = division.loc[division["fold"] != "", ["fold", "clip"]].drop_duplicates()
    clips = tests["clip"].drop_duplicates()
    if len(names) * len(clips) > _MOST_CELLS:
        raise SerError(
            f"{len(names)} folds of {len(clips)} clips are too many to be audited together; give "
            "the split of one fold."
        )
    remarks.append(
        "The files name folds but no split, so each fold is taken to be tested by a model that "
        "was trained on all others."
    )
    tests = tests.assign(fold=tests["fold"].map(number))
    grid = pd.MultiIndex.from_product([range(len(names)), clips], names=["fold", "clip"])
    index = pd.MultiIndex.from_frame(tests[["fold", "clip"]])
    table = grid.to_frame(index=False)
    roles = pd.Series("train", index=table.index).mask(grid.isin(index), "test")
    return table.assign(role=roles), names


def _joined(
    table: pd.DataFrame, known: "pd.Series[str]", source: str, remarks: list[str]
) -> pd.DataFrame:
    """The rows of a table about clips that others divide, under the names they have there."""
    paths = known.drop_duplicates()
    short = paths.str.rpartition("/")[2]
    by_short = dict(zip(short, paths, strict=True)) if short.is_unique else {}
    exact = set(paths)
    found = table["clip"].map(
        lambda clip: clip if clip in exact else by_short.get(clip.rpartition("/")[2], "")
    )
    lost = int((found == "").sum())
    if lost == len(table):
        raise SerError(
            f"No clip of {source} is in the split; its files must be named as they are there."
        )
    if lost:
        remarks.append(f"{lost} of {len(table)} rows of `{source}` are about clips in no split.")
    # it says nothing of the division
    return table.assign(clip=found, role="")[found != ""]


def _clips(rows: pd.DataFrame) -> pd.DataFrame:
    filled = rows[["clip", "segment", *_OF_A_CLIP]].replace("", pd.NA)
    table = filled.groupby("clip", sort=True).first().reset_index()
    for column in ("speaker", "emotion"):
        given = rows.loc[rows[column] != "", ["clip", column]].drop_duplicates()
        odd = given[given["clip"].duplicated(keep=False)]
        if not odd.empty:
            clip = str(odd["clip"].iloc[0])
            values = sorted(odd.loc[odd["clip"] == clip, column])
            raise SerError(
                f"Clip {clip!r} has the {column} {values[0]!r} in one row and {values[1]!r} in "
                "another; correct the files."
            )
    lengths = pd.to_numeric(table["length"], errors="coerce")
    table["length_s"] = lengths.where((lengths > 0) & (lengths < 1e6))
    return table.drop(columns="length").fillna(dict.fromkeys(["segment", *_OF_A_CLIP[:-1]], ""))


def _answers_of(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows answer."""
    shares = [column for column in rows if column.startswith("share ")]
    complete = rows[shares].notna().sum(axis=1) > 1 if shares else False
    return (rows["predicted"] != "") | complete


def _answers(
    rows: pd.DataFrame,
    clips: pd.DataFrame,
    folds: pd.DataFrame,
    names: list[str],
    remarks: list[str],
) -> pd.DataFrame:
    """Answers to tested clips; the index is that of `rows`."""
    found = rows[_answers_of(rows) & rows["role"].isin(["", "test"])]
    number = {name: place for place, name in enumerate(names)}
    tests = folds[folds["role"] == "test"]
    if len(folds):
        tested = found["clip"].isin(tests["clip"])
        if len(found) and not tested.any():
            raise SerError("Only clips that do not test are answered; give the test predictions.")
        if not tested.all():
            remarks.append(f"{(~tested).sum()} answers are about clips that do not test.")
        found = found[tested]
    only = tests.drop_duplicates("clip", keep=False).set_index("clip")["fold"]
    fold = found["fold"].map(number)
    fold = fold.fillna(found["clip"].map(only)).fillna(0).astype(int)
    columns = [column for column in rows if column.startswith("share ")]
    predicted = found["predicted"]
    if (predicted == "").any() and columns:
        best = found[columns].fillna(-1.0).idxmax(axis=1).str.removeprefix("share ")
        predicted = predicted.mask(predicted == "", best)
    emotion = found["emotion"].mask(
        found["emotion"] == "", found["clip"].map(clips.set_index("clip")["emotion"])
    )
    table = found[["clip"]].assign(
        fold=fold,
        seed=found["seed"].mask(found["seed"] == "", "0"),
        emotion=emotion,
        predicted=predicted,
        confidence=pd.to_numeric(found["confidence"], errors="coerce"),
    )
    doubled = table[table.duplicated(["clip", "fold", "seed"])]
    if not doubled.empty:
        raise SerError(
            f"Clip {doubled['clip'].iloc[0]!r} is answered twice; give one answer a clip, or name "
            "the column of runs with --column seed=COLUMN."
        )
    return table
