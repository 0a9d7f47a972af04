"""The folder that is handed over: new, whole or not at all, with the sound if that is asked for."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ser.clips.manifest import clip_path
from ser.core.errors import SerError
from ser.core.files import whole_folder
from ser.export.table import Handed

CORPORA = Path("data/corpora")


@contextmanager
def new_folder(out: Path, handed: Handed, audio: bool) -> Iterator[Path]:
    """Yield a folder to fill, which becomes `out`.

    Args:
        audio: put the canonical clips (16 kHz, mono) there, too, under the names of the table.

    Raises:
        SerError: if `out` has something in it, or clips are asked for that are not there.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SerError(f"{out} is there already, and not empty; name a folder that is not.")
    with whole_folder(out) as aside:
        yield aside
        if audio:
            _copy_clips(handed, aside)


def _copy_clips(handed: Handed, folder: Path) -> None:
    built = CORPORA / handed.corpus.name
    for row in handed.clips.itertuples():
        source, target = clip_path(built, row.clip), folder / str(row.file)
        if not source.is_file():
            raise SerError(f"{source} is missing; run `dvc repro download@{handed.corpus.name}`.")
        if target.suffix != source.suffix:
            raise SerError(f"Canonical clips are WAV files; {target.suffix!r} cannot name them.")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
