"""Other people's files as tables of text: CSV, EmoBox's JSON lines, audformat's folders.

Nothing is believed of what comes in: a file is text of a sensible size, its rows are as long as its
header, and no pickle is opened.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ser.core.errors import SerError
from ser.core.files import regular
from ser.referee.columns import FIELDS, ROLES, plain, probability_label, recognise

# the largest list of a speech corpus known here has 0.3 million rows
LARGEST_BYTES, MOST_ROWS = 100 * 2**20, 1_000_000
_DELIMITERS = ",;\t|"
_LINES = (".jsonl", ".ndjson")
_TABLES = (".csv", ".tsv", *_LINES)
_WORD = re.compile(r"[a-z]+|\d+")
# audformat writes the end of a whole file so
_NO_TIME = ("", "0", "0.0", "nat", "nan", "0 days 00:00:00", "0 days")


@dataclass(frozen=True)
class Part:
    """One table.

    Attributes:
        source: where it comes from, for sentences.
        header: names of all its columns.
        rows: fields that were recognised, as text, one row for each of the table; `segment` tells
            pieces of one file apart.
        shares: numbers that may be probabilities, by label; NaN where there is no number.
        role, fold: what its name says of all its rows.
    """

    source: str
    header: tuple[str, ...]
    rows: pd.DataFrame
    shares: pd.DataFrame
    role: str = ""
    fold: str = ""


def read_parts(path: Path, named: Mapping[str, str], table: str = "") -> list[Part]:
    """The tables of a file or folder.

    Args:
        named: columns of fields, as somebody has told them.
        table: beginning of the names of those tables of an audformat folder that divide it.

    Raises:
        SerError: in one sentence, if it is not there or cannot be read as what it seems to be.
    """
    if not path.is_dir():
        return [_read_file(path, named)]
    headers = sorted(path.glob("db.yaml")) or sorted(path.glob("*.yaml"))
    if headers:
        return _read_audformat(path, headers[0], named, table)
    files = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in _TABLES]
    parts = [_read_file(file, named) for file in files if _from_name(file)[0]]
    if not parts:
        raise SerError(
            f"{path} has neither an audformat header nor CSV or JSONL files whose names say train "
            "or test; name the files themselves."
        )
    return parts


def _read_file(path: Path, named: Mapping[str, str]) -> Part:
    text = _read_text(path)
    if path.suffix.lower() in _LINES or text.lstrip()[:1] == "{":
        header, rows = _json_rows(text, str(path))
    else:
        header, rows = _csv_rows(text, str(path), named)
    role, fold = _from_name(path)
    return _part(header, rows, str(path), named, role, fold)


def _read_text(path: Path) -> str:
    try:
        if regular(path).stat().st_size > LARGEST_BYTES:
            raise SerError(f"{path} has more than {LARGEST_BYTES >> 20} MiB: no list of clips has.")
        content = path.read_bytes()
    except FileNotFoundError:
        raise SerError(f"{path} is missing.") from None
    except OSError as error:
        raise SerError(f"{path} cannot be read: {error.strerror}.") from None
    # spreadsheets save "Unicode text" so
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise SerError(
            f"{path} is no text in UTF-8 (byte {error.start}); save it as CSV UTF-8."
        ) from None
    if "\0" in text:
        raise SerError(f"{path} holds NUL bytes, so it is no text; save the table as CSV.")
    if not text.strip():
        raise SerError(f"{path} is empty.")
    return text


def _csv_rows(
    text: str, source: str, named: Mapping[str, str]
) -> tuple[list[str], list[list[str]]]:
    def table(delimiter: str) -> Any:
        return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)

    def known(delimiter: str) -> tuple[int, int]:
        try:
            header: list[str] = next(table(delimiter), [])
        except csv.Error:
            return (0, 0)
        fields = {plain(name) for names in FIELDS.values() for name in names}
        here = [name for name in header if plain(name) in fields or name in named.values()]
        return (len(here), len(header))

    rows: list[list[str]] = []
    try:
        reader = table(max(_DELIMITERS, key=known))
        for row in reader:
            if not any(row):
                continue
            if rows and len(row) != len(rows[0]):
                raise SerError(
                    f"{source}: the row that ends in line {reader.line_num} has {len(row)} cells, "
                    f"its header {len(rows[0])}; the file may be cut, or a comma not quoted."
                )
            rows.append(row)
            _check_count(len(rows), source)
    except csv.Error as error:
        raise SerError(f"{source} is not a readable CSV: {error}; it may be cut.") from None
    return rows[0], rows[1:]


def _check_count(count: int, source: str) -> None:
    if count > MOST_ROWS:
        raise SerError(f"{source} has more than {MOST_ROWS} rows: no list of clips has.")


def _json_rows(text: str, source: str) -> tuple[list[str], list[list[str]]]:
    records: list[dict[str, Any]] = []
    header: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            raise SerError(f"{source}: line {number} is no JSON; the file may be cut.") from None
        if not isinstance(record, dict):
            raise SerError(f"{source}: line {number} is no object with names and values.")
        records.append(record)
        header.update(dict.fromkeys(record))
        _check_count(len(records), source)
    rows = [["" if (v := one.get(name)) is None else str(v) for name in header] for one in records]
    return list(header), rows


def _from_name(path: Path) -> tuple[str, str]:
    """Role and fold that a file's name, or its folder's, says: `fold_1/ravdess_test_fold_1`."""
    words = _WORD.findall(path.stem.casefold())
    roles = {ROLES[word] for word in words if word in ROLES and len(word) > 2}
    folds = [
        number
        for place in (words, _WORD.findall(path.parent.name.casefold()))
        for word, number in pairwise(place)
        if word in ("fold", "cv", "split") and number.isdigit()
    ]
    # what names two roles, such as train_test.csv, says nothing
    return (roles.pop() if len(roles) == 1 else "", str(int(folds[0])) if folds else "")


def _part(
    header: Sequence[str],
    rows: list[list[str]],
    source: str,
    named: Mapping[str, str],
    role: str,
    fold: str,
) -> Part:
    columns = recognise(header, named, source)
    if "file" not in columns:
        raise SerError(
            f"{source} has no column of files that is known by its name ({_some(header)}); name it "
            "with --column file=COLUMN."
        )
    if not rows:
        raise SerError(f"{source} lists no clip.")
    whole = pd.DataFrame(rows, columns=range(len(header)), dtype=object)
    place = {column: number for number, column in enumerate(header)}
    fields = {
        field: whole[place[column]].astype(str).str.strip() for field, column in columns.items()
    }
    table = pd.DataFrame(fields)
    if (table["file"] == "").any():
        number = int((table["file"] == "").to_numpy().argmax()) + 1
        raise SerError(f"{source}: clip {number} has no file name.")
    table["segment"] = _segments(table)
    labels: set[str] = set()
    for name in ("emotion", "predicted"):
        labels |= set(table[name].str.casefold()) if name in table else set()
    shares = {}
    for number, column in enumerate(header):
        label = probability_label(column) or (column if column.casefold() in labels else None)
        if label is not None and column not in columns.values():
            shares[label.strip().casefold()] = pd.to_numeric(whole[number], errors="coerce")
    numbers = pd.DataFrame(shares, index=table.index, dtype=float)
    return Part(source, tuple(header), table, numbers, role, fold)


def _segments(table: pd.DataFrame) -> "pd.Series[str]":
    """What tells segments of one file apart; nothing where a row is about the whole file."""
    blank = pd.Series("", index=table.index)
    start, end = table.get("start", blank), table.get("end", blank)
    whole = start.str.casefold().isin(_NO_TIME) & end.str.casefold().isin(_NO_TIME)
    return ("#" + start + "-" + end).mask(whole, "")


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:8])
    return f"{shown}, ..." if len(names) > 8 else shown or "it has none"


def _read_audformat(folder: Path, path: Path, named: Mapping[str, str], wanted: str) -> list[Part]:
    try:
        header = yaml.safe_load(_read_text(path))
        tables = dict(header["tables"])
        splits = {str(key): str(one["type"]) for key, one in (header.get("splits") or {}).items()}
        kinds = {
            str(name): ROLES.get(plain(splits.get(str(table.get("split_id")), "")), "")
            for name, table in tables.items()
        }
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise SerError(f"{path} is no header of audformat with tables.") from None
    divisions: dict[str, dict[str, tuple[str, str]]] = {}
    for name, kind in kinds.items():
        words = name.split(".")
        role = kind or next((ROLES[word] for word in words if word in ROLES), "")
        fold = next((word for word in words[1:] if word.isdigit()), "")
        rest = ".".join(word for word in words if word not in ROLES and not word.isdigit())
        if role:
            divisions.setdefault(rest, {})[name] = (role, fold)
    chosen = [name for name in divisions if name.startswith(wanted)]
    if (wanted and not chosen) or len(chosen) > 1:
        raise SerError(
            f"{folder} is divided in {len(divisions)} ways ({_some(list(divisions))}); choose one "
            "with --table."
        )
    divided = divisions[chosen[0]] if chosen else {}
    others = [name for name in kinds if not any(name in one for one in divisions.values())]
    stem = path.stem
    return [
        _read_table(folder, f"{stem}.{name}", named, *divided.get(name, ("", "")))
        for name in (*divided, *others)
    ]


def _read_table(folder: Path, name: str, named: Mapping[str, str], role: str, fold: str) -> Part:
    path = folder / f"{name}.csv"
    if path.is_file():
        header, rows = _csv_rows(_read_text(path), str(path), named)
        return _part(header, rows, str(path), named, role, fold)
    arrow = folder / f"{name}.parquet"
    if not arrow.is_file():
        raise SerError(f"{path} is missing, which the header names.")
    try:
        table = pd.read_parquet(arrow).reset_index()
    except ImportError:
        raise SerError(
            f"{arrow} is a table of Arrow: install audformat, or save the database with "
            "storage_format='csv'."
        ) from None
    except Exception as error:  # Arrow has errors of many kinds
        raise SerError(f"{arrow} is not readable: {type(error).__name__}.") from None
    _check_count(len(table), str(arrow))
    cells = table.astype(str).mask(table.isna(), "")
    return _part(
        [str(name) for name in table], cells.to_numpy().tolist(), str(arrow), named, role, fold
    )
