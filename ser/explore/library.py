"""Clips of corpora, as far as they are on this disk: by the names that this project gave them.

What a browser sends is only ever compared with names that are known here; it is never a path.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from ser.clips.audio import Int16
from ser.clips.manifest import ClipName, clip_path
from ser.core.errors import SerError
from ser.corpora import corpus_names, find_corpus
from ser.predict.sounds import blocks_of_file

CORPORA = Path("data/corpora")


@dataclass
class Library:
    """Where the sound of clips is.

    Attributes:
        known: clips that may be asked for.
    """

    known: set[str]
    _mirrored: dict[str, dict[str, Path]] = field(default_factory=dict)

    def learn(self, clips: Iterable[str]) -> None:
        """Let more of them be asked for."""
        self.known |= set(clips)

    def path(self, clip: str) -> Path | None:
        """The file of a clip; None where it is not known, or not here."""
        corpus = clip.partition("/")[0]
        if clip not in self.known or corpus not in self._corpora:
            return None
        try:
            built = clip_path(CORPORA / corpus, clip)
        except SerError:
            return None
        return built if built.is_file() else self._mirror(corpus).get(clip)

    def has(self, corpus: str) -> bool:
        """Whether clips of a corpus can be heard."""
        return (CORPORA / corpus / "clips").is_dir() or bool(self._mirror(corpus))

    def samples(self, clip: str) -> Int16 | None:
        """Canonical samples of a clip, shape (frames,); None where it is not known, or not here.

        Raises:
            SerError: if its file is damaged.
        """
        path = self.path(clip)
        return None if path is None else np.concatenate([*blocks_of_file(path, clip)])

    @cached_property
    def _corpora(self) -> set[str]:
        return set(corpus_names())

    def _mirror(self, corpus: str) -> dict[str, Path]:
        """Files of a corpus in the mirror folder, by clip."""
        if corpus not in self._mirrored:
            self._mirrored[corpus] = _mirrored(corpus) if corpus in self._corpora else {}
        return self._mirrored[corpus]


def _mirrored(corpus: str) -> dict[str, Path]:
    try:
        # it needs what only those have who make results again
        from ser.download.source import find_mirror, list_audio
    except ImportError:
        return {}
    mirror = find_mirror()
    if mirror is None or not (mirror / corpus).is_dir():
        return {}
    files = list_audio(mirror / corpus, inside=mirror)
    named = ((_name(corpus, relative), path) for relative, path in files)
    return {f"{corpus}/{name.clip}": path for name, path in named if name}


def describe(clip: str) -> ClipName | None:
    """What the name of a clip says of its speaker and emotion; None if it is no such name."""
    corpus, _, rest = clip.partition("/")
    return _name(corpus, PurePosixPath(f"{rest}.wav"))


def _name(corpus: str, relative: PurePosixPath) -> ClipName | None:
    try:
        return find_corpus(corpus).parse(relative)
    except (ValueError, SerError):
        return None
