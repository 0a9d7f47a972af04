"""Which recordings are meant: files, folders, patterns, lists, standard input."""

import glob
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import soundfile as sf

from ser.core.errors import SerError

STDIN = "-"
# names by which sound is known in a folder: those that libsndfile reads, other names of the same,
# and a few that it does not read, which deserve a sentence
_READ = {name.lower() for name in sf.available_formats()} - {"raw", "txw", "pvf", "sds"}
_ENDINGS = _READ | {"aif", "aifc", "oga", "opus", "snd", "wave"}
_ENDINGS |= {"3gp", "aac", "amr", "m4a", "mkv", "mov", "mp4", "webm", "wma"}


def find_recordings(inputs: Sequence[str], listed: Path | None = None) -> list[str]:
    """Names of recordings, in order and each once; `-` is standard input.

    Args:
        inputs: files, folders (with all sound below them), patterns such as `*.wav`, or `-`.
        listed: a text with one of these a line.

    Raises:
        SerError: if the list cannot be read, or nothing is named.
    """
    names = [*inputs, *(_lines(listed) if listed else [])]
    if not names:
        raise SerError("No recording is named; name files, folders, patterns, or - for a pipe.")
    return list(dict.fromkeys(found for name in names for found in _expand(name)))


def _lines(listed: Path) -> list[str]:
    try:
        text = listed.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise SerError(f"The list {listed} cannot be read ({error.strerror}).") from None
    return [line for line in text.splitlines() if line.strip()]


def _expand(name: str) -> list[str]:
    """The recordings that a name means; itself, if it means none: reading it says what is wrong."""
    if name == STDIN:
        return [name]
    path = Path(name)
    if _is_folder(path):
        below = sorted(each for each in path.rglob("*") if each.suffix[1:].lower() in _ENDINGS)
        return [str(each) for each in below if each.is_file()] or [name]
    if glob.has_magic(name) and not path.exists():
        matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207
        return [found for match in matches for found in _expand(match)] or [name]
    return [name]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


@contextmanager
def opened(name: str) -> Iterator[Path | BinaryIO]:
    """What a name stands for; standard input goes through a file that nobody else sees."""
    if name != STDIN:
        yield Path(name)
        return
    with TemporaryFile() as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.seek(0)
        yield file
