"""`ser predict`: recordings in, a line for each stretch of speech out.

rich is imported where it is used: half of what a short recording takes is imports.
"""

import csv
import errno
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ser.clips.labels import EMOTIONS
from ser.core.errors import SerError
from ser.predict.answers import Answer
from ser.predict.inputs import opened
from ser.predict.recogniser import Recogniser

if TYPE_CHECKING:
    from rich.text import Text

Form = Literal["table", "json", "csv"]
_COLUMNS = ("file", "begin", "end", "emotion", "calibrated", "warnings", "model", "protocol")
_HEADER = (*_COLUMNS, *(f"p_{emotion}" for emotion in EMOTIONS))


def predict_all(
    model: Recogniser, names: Sequence[str], form: Form, out: Path | None, resume: bool
) -> int:
    """Answer recordings one after another; say on standard error what cannot be read.

    Args:
        out: where lines go, all of a recording at once; None is standard output.
        resume: leave out what `out` has already.

    Returns:
        The exit status: 0, 1 if something failed, 2 if nothing worked.

    Raises:
        SerError: if what is to be resumed cannot be read, or `out` cannot be written.
    """
    done = _resume(out, form) if out and resume else set()
    waiting = [name for name in names if name not in done]
    failed = 0
    writer = _Lines(out, form, bool(done)) if out else _printer(form)
    with writer if isinstance(writer, _Lines) else nullcontext():
        for name in _with_bar(waiting, len(names)):
            try:
                with opened(name) as source:
                    writer.write(name, model.answers(source, name=name))
            except _LostError as error:
                raise SerError(
                    f"{out} cannot be written ({error}); make room or name another --out, and go "
                    "on by --resume."
                ) from None
            except (SerError, OSError, ValueError) as error:
                failed += 1
                print(f"error: {_sentence(name, error)}", file=sys.stderr)
    if not failed:
        return 0
    return 2 if failed == len(names) else 1


def _with_bar(waiting: Sequence[str], total: int) -> Iterator[str]:
    """Recordings, with a bar on standard error that says which is heard, if it is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield from waiting
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total, completed=total - len(waiting))
        for name in waiting:
            bar.update(task, description=shown(name))
            yield name
            bar.advance(task)


def _sentence(name: str, error: Exception) -> str:
    if isinstance(error, SerError):
        return shown(str(error))
    reason = error.strerror if isinstance(error, OSError) else error
    return shown(f"{name} cannot be read ({reason}).")


def shown(text: str) -> str:
    """A text without what a terminal would obey: names of files may hold anything."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class _Writer(Protocol):
    def write(self, name: str, answers: Iterable[Answer]) -> None: ...


class _Table:
    """A table of each recording, for people."""

    def write(self, name: str, answers: Iterable[Answer]) -> None:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table("from", "to", "emotion", "sure", "then", "warnings", box=None)
        for answer in answers:
            table.add_row(*_cells(answer))
        Console().print(Text(shown(name), style="bold"), table, sep="\n")


def _cells(answer: Answer) -> "list[str | Text]":
    from rich.text import Text

    others = sorted(answer.probabilities.items(), key=lambda pair: -pair[1])[1:3]
    style = "dim" if answer.warnings else "green"
    return [
        f"{answer.begin:.1f} s",
        f"{answer.end:.1f} s",
        Text(answer.emotion, style=style),
        f"{100 * answer.confidence:.0f} %",
        ", ".join(f"{name} {100 * share:.0f} %" for name, share in others),
        Text(", ".join(answer.warnings), style="yellow"),
    ]


class _Printed:
    """Lines on standard output, each as soon as it is known."""

    def __init__(self, form: Form) -> None:
        self._form = form
        if form == "csv":
            print(_csv_line(_HEADER), end="", flush=True)

    def write(self, name: str, answers: Iterable[Answer]) -> None:
        for answer in answers:
            print(_line(answer, self._form), end="", flush=True)


def _printer(form: Form) -> _Writer:
    return _Table() if form == "table" else _Printed(form)


class _LostError(Exception):
    """What was answered could not be written; nothing is wrong with the recording."""


class _Lines:
    """Lines in a file: those of a recording appear together, when it is done."""

    def __init__(self, path: Path, form: Form, append: bool) -> None:
        self._form: Form = "csv" if form == "csv" else "json"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab" if append else "wb", buffering=0)
        if self._form == "csv" and not append:
            self._file.write(_csv_line(_HEADER).encode())

    def write(self, name: str, answers: Iterable[Answer]) -> None:
        lines = "".join(_line(answer, self._form) for answer in answers)
        rest = memoryview(lines.encode("utf-8", "surrogateescape"))
        try:
            while rest:  # a file without a buffer may take a part
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise _LostError(error.strerror) from None

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a pipe, or a device
                raise
        finally:
            self._file.close()


def _line(answer: Answer, form: Form) -> str:
    record = answer.record
    if form == "json":
        return json.dumps(record) + "\n"
    probabilities = record["probabilities"]
    row = [record[name] for name in _COLUMNS]
    row[_COLUMNS.index("warnings")] = "; ".join(record["warnings"])
    return _csv_line([*row, *(probabilities.get(emotion, "") for emotion in EMOTIONS)])


def _csv_line(cells: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _resume(out: Path, form: Form) -> set[str]:
    """Recordings that a file of answers has; a line that was cut off is removed from it."""
    if not out.is_file():
        return set()
    content = out.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    try:
        lines = whole.decode("utf-8", "surrogateescape").splitlines()
        if form == "csv":
            rows = list(csv.reader(lines))
            if rows and tuple(rows[0]) != _HEADER:
                raise ValueError("its columns are others")
            done = {row[0] for row in rows[1:]}
        else:
            done = {str(json.loads(line)["file"]) for line in lines}
    except (ValueError, KeyError, TypeError, IndexError, csv.Error) as error:
        raise SerError(
            f"{out} holds no answers of this kind ({error}); name another --out."
        ) from None
    if len(whole) < len(content):
        out.write_bytes(whole)
    return done
