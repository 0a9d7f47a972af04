"""How a stage or command starts and ends: one thread, and a sentence instead of a traceback."""

import errno
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool

import typer

from ser.errors import SerError
from ser.processes import end_with_parent, use_one_thread


def run(main: Callable[..., None] | typer.Typer) -> None:
    """Run a stage's `main` with its command-line arguments; exit with 1 and a sentence on error."""
    use_one_thread()
    end_with_parent()
    command = main if isinstance(main, typer.Typer) else _command(main)
    try:
        command(standalone_mode=True)
    except SerError as error:
        _stop(str(error))
    except OSError as error:
        _stop(_describe(error))
    except BrokenProcessPool:
        _stop("A worker was killed, probably for want of memory; lower processes in params.yaml.")


def _command(main: Callable[..., None]) -> typer.Typer:
    # typer's own traceback pages would hide our sentence
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    return app


def _describe(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"The disk is full{where}; free some space and run again. Nothing was changed."
    return f"{error.strerror or type(error).__name__}{where}."


def _stop(sentence: str) -> None:
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(1)
