"""The one reader of tables: their columns are named and typed, and what is wrong is a sentence."""

import csv
import io
import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

from ser.core.errors import SerError
from ser.core.files import read_text, regular


class Percent(float):
    """What a column holds whose numbers lie between 0 and 100."""


Column = type[str] | type[int] | type[float]
# of a long table that are held at once
_ROWS = 4_000


class Names:
    """A long column of texts that come again and again, each of which is held once."""

    def __init__(self, known: Sequence[str] = ()) -> None:
        self._names = list(known)
        self._numbers = {name: number for number, name in enumerate(known)}
        self._codes = array("i")

    def append(self, name: str) -> None:
        """Add a text at the end."""
        number = self._numbers.setdefault(name, len(self._names))
        if number == len(self._names):
            self._names.append(name)
        self._codes.append(number)

    def extend(self, names: Iterable[str]) -> None:
        """Add texts at the end."""
        for name in names:
            self.append(name)

    def __getitem__(self, place: int) -> str:
        return self._names[self._codes[place]]

    def column(self) -> pd.Categorical:
        """The texts, with those that differ in order as categories."""
        names = pd.Index(self._names, dtype=str)
        order = names.argsort()
        places = np.empty(len(names), np.int32)
        places[order] = np.arange(len(names), dtype=np.int32)
        codes = places[np.frombuffer(self._codes, np.int32)]
        return pd.Categorical.from_codes(codes, names[order])


@dataclass(frozen=True)
class Table:
    """A kind of table.

    Attributes:
        what: what sentences call it, such as "The fold table".
        columns: the columns that it must have, and what they hold; it may have more.
        remedy: what to do where it is missing.
    """

    what: str
    columns: Mapping[str, Column]
    remedy: str = "run `dvc repro`"

    def read(self, path: Path) -> pd.DataFrame:
        """Read a CSV of this kind.

        Raises:
            SerError: if it is missing, unreadable, lacks a column, or one holds something else.
        """
        (table,) = self._read(path, None)
        return table

    def read_parts(self, path: Path) -> Iterator[pd.DataFrame]:
        """The same some rows at a time: a long table is many texts, each of which takes memory.

        Raises:
            SerError: as for `read`, where the rows are reached.
        """
        return self._read(path, _ROWS)

    def _read(self, path: Path, rows: int | None) -> Iterator[pd.DataFrame]:
        try:
            with regular(path).open(encoding="utf-8") as file:
                try:
                    yield from self._parse(file, str(path), rows)
                except UnicodeDecodeError:
                    read_text(path)  # which says where in all of the file
                    raise
        except FileNotFoundError:
            raise self._error(str(path), f"is missing; {self.remedy}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise self._error(str(path), f"cannot be read: {_reason(error)}") from None

    def parse(self, text: str, source: str) -> pd.DataFrame:
        """The same of a text, which comes from `source`.

        Raises:
            SerError: as for `read`.
        """
        (table,) = self._parse(io.StringIO(text), source, None)
        return table

    def _parse(self, file: TextIO, source: str, at_once: int | None) -> Iterator[pd.DataFrame]:
        """Read twice, row by row: a table may be large, and its text much larger."""
        texts = {name: str for name, kind in self.columns.items() if kind is str}
        gaps = {name: [""] for name, kind in self.columns.items() if issubclass(kind, float)}
        try:
            rows = csv.reader(file)
            header = next(rows, [])
            sizes = (0, len(header))
            uneven = min((n for n, row in enumerate(rows, 2) if len(row) not in sizes), default=0)
            if uneven:
                raise ValueError(f"row {uneven} has not {len(header)} cells")
            file.seek(0)
            # keep_default_na: a sentence called "NA" is a name, not a gap
            found = pd.read_csv(
                file, dtype=texts, keep_default_na=False, na_values=gaps, chunksize=at_once
            )
            for table in [found] if isinstance(found, pd.DataFrame) else found:
                yield self._checked(table, header, source)
        except UnicodeDecodeError:
            raise
        except (ValueError, csv.Error) as error:
            raise self._error(source, f"is not a readable CSV: {_reason(error)}") from None

    def _checked(self, table: pd.DataFrame, header: list[str], source: str) -> pd.DataFrame:
        missing = [name for name in self.columns if name not in table.columns]
        if missing:
            raise self._error(source, f"lacks the columns {', '.join(missing)}")
        for name, kind in self.columns.items():
            if header.count(name) > 1:
                raise self._error(source, f"has the column {name} twice")
            if kind is not str and len(table):
                table[name] = self._numbers(table[name], kind, source)
        return table

    def _numbers(self, column: "pd.Series[Any]", kind: Column, source: str) -> "pd.Series[Any]":
        try:
            numbers = column.astype(float)
            wrong = np.isinf(numbers) if kind is not int else numbers != numbers.round()
            if kind is Percent:
                wrong |= (numbers < 0) | (numbers > 100)
            if not wrong.any() and column.dtype != bool:
                return column.astype(int if kind is int else float)
        except (ValueError, TypeError, OverflowError):
            pass
        whats = {int: "whole numbers", float: "finite numbers", Percent: "numbers from 0 to 100"}
        what = whats[kind]
        raise self._error(source, f"must hold {what} in the column {column.name}")

    def _error(self, source: str, fault: str) -> SerError:
        return SerError(f"{self.what} {source} {fault}.")


def sharing(table: pd.DataFrame, column: str, like: str) -> pd.DataFrame:
    """The table; where a column's text is that of another, it is held once."""
    return table.assign(**{column: table[like].where(table[column] == table[like], table[column])})


def csv_texts(tables: Iterable[pd.DataFrame]) -> Iterator[bytes]:
    """The CSV of a long table, some rows at a time."""
    header = True
    for table in tables:
        for begin in range(0, max(len(table), 1), _ROWS):
            some = table[begin : begin + _ROWS]
            yield some.to_csv(index=False, header=header, lineterminator="\n").encode()
            header = False


def read_json(path: Path, what: str) -> dict[str, Any]:
    """A table of values as JSON.

    Args:
        what: what sentences call it, such as "The metrics".

    Raises:
        SerError: if it is missing or is no table.
    """
    try:
        values = json.loads(read_text(path))
    except FileNotFoundError:
        raise SerError(f"{what} {path} is missing; run `dvc repro`.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise SerError(f"{what} {path} is no JSON: {_reason(error)}; run `dvc repro`.") from None
    if not isinstance(values, dict):
        raise SerError(f"{what} {path} holds no table of values; run `dvc repro`.")
    return values


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
