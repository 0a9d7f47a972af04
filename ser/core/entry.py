"""How a stage or command starts and ends: a sentence instead of a traceback, and a status."""

import errno
import io
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import typer

from ser.core.errors import SerError
from ser.core.files import FULL, has_resumed, write_json
from ser.core.watch import BEGUN, Stopped, begin, unwinding
from ser.core.workers import use_one_thread

SECONDS = Path("logs/seconds.json")


def run(main: Callable[..., None] | typer.Typer) -> None:
    """Run a stage's or command's `main` with its command-line arguments, and exit.

    The exit status is 1 on an error, which is said in a sentence (a fault of the program keeps its
    traceback), 130 on Ctrl-C and 143 on SIGTERM. A stage that succeeds logs its seconds.
    """
    begin()
    use_one_thread()
    printed = _Printer.take_over()
    try:
        with unwinding():
            _call(main)
    except Stopped as stopped:
        print(stopped.sentence, file=sys.stderr)
        sys.exit(stopped.status)
    except SystemExit as end:
        if end.code in (None, 0):
            _log_seconds()
            _tell_what_is_lost(printed)
        raise


def _call(main: Callable[..., None] | typer.Typer) -> None:
    command = main if isinstance(main, typer.Typer) else _command(main)
    try:
        command(standalone_mode=True)
    except SerError as error:
        _stop(str(error))
    except MemoryError:
        _stop("The memory does not suffice; lower processes in params.yaml, or close programs.")
    except OSError as error:
        _stop(_describe(error))
    except Exception as error:
        # libraries have errors of their own for a full disk
        if not any(os.strerror(code) in str(error) for code in FULL):
            raise
        _stop(_describe(OSError(errno.ENOSPC, "")))


def _command(main: Callable[..., None]) -> typer.Typer:
    # typer's own traceback pages would hide our sentence
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    return app


def _describe(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in FULL:
        return f"The disk is full{where}; free some space and run again."
    return f"{error.strerror or str(error) or type(error).__name__}{where}."


def _stop(sentence: str) -> None:
    # names of files may hold control characters, which a terminal would obey
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in sentence)
    print(f"error: {shown}", file=sys.stderr)
    sys.exit(1)


def _stage() -> str | None:
    """The stage that this process is, such as "train ravdess 0"; None for a command."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    package, _, name = module.name.rpartition(".") if module else ("", "", "")
    return " ".join([name, *sys.argv[1:]]) if package in ("stages", "studies") else None


def _log_seconds() -> None:
    """Keep the time a stage took here; git and DVC ignore it, because it differs on every run."""
    stage = _stage()
    if stage is None or has_resumed():
        return
    with suppress(OSError, SerError):  # the outputs are complete; what is lost is an estimate
        write_json(SECONDS, {**read_seconds(), stage: round(time.monotonic() - BEGUN, 1)})


def read_seconds() -> dict[str, float]:
    """The time that each stage took on this machine, as it was run last."""
    try:
        logged = json.loads(SECONDS.read_text(encoding="utf-8"))
        return {str(stage): float(seconds) for stage, seconds in logged.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


class _Printer(io.FileIO):
    """A standard stream that goes on when nobody reads it, or the disk behind it is full.

    Attributes:
        lost: why something that was printed is lost; None if nothing is.
    """

    lost: OSError | None = None

    @classmethod
    def take_over(cls) -> "_Printer | None":
        """Put one in the place of standard output, and another in that of standard error."""
        sys.stderr = cls._in_place_of(sys.stderr)
        sys.stdout = printed = cls._in_place_of(sys.stdout)
        raw = getattr(getattr(printed, "buffer", None), "raw", None)
        return raw if isinstance(raw, cls) else None

    @classmethod
    def _in_place_of(cls, stream: TextIO) -> TextIO:
        is_own = stream is sys.__stdout__ or stream is sys.__stderr__  # and not a test's
        if not (is_own and isinstance(stream, io.TextIOWrapper)):
            return stream
        try:
            stream.flush()
            raw = cls(stream.fileno(), "w", closefd=False)
        except (OSError, ValueError):
            return stream
        return io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=stream.encoding,
            errors="backslashreplace",
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.lost = error
            return len(data)


def _tell_what_is_lost(printed: _Printer | None) -> None:
    """A command whose words are its result has failed without them; a stage has not.

    Whoever closed the other end of a pipe (`| head`) has read what they wanted.
    """
    if sys.stdout is not None:
        sys.stdout.flush()
    if printed is None or printed.lost is None or printed.lost.errno == errno.EPIPE:
        return
    reason = f"What was printed is lost ({printed.lost.strerror})"
    if _stage() is None:
        _stop(f"{reason}; print it elsewhere.")
    print(f"{reason}; what the stage has made is complete.", file=sys.stderr)
