"""Lists with an item for each clip, in little memory: workers look at them and copy none of it.

A string takes 49 bytes more than its text, and whoever looks at it counts a reference to it, which
writes to its page: forked workers would soon have a copy each of a list of strings or paths.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ser.clips.manifest import clip_path


class Texts(Sequence[str]):
    """Texts end to end in one buffer."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._buffer, self._ends = bytearray(), array("q", [0])
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        """Add a text at the end."""
        self._buffer += text.encode()
        self._ends.append(len(self._buffer))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: Any) -> Any:
        """The text of a number from 0."""
        return self._buffer[self._ends[number] : self._ends[number + 1]].decode()


@dataclass(frozen=True, eq=False)
class ClipFiles(Sequence[tuple[Path, str]]):
    """Files of the clips of a built corpus, each with the hash of its samples."""

    corpus: Path
    clips: Texts
    hashes: Texts

    @classmethod
    def of(cls, manifest: pd.DataFrame, corpus: Path) -> "ClipFiles":
        """Those of a manifest, in its order; `corpus` is the folder of the built corpus."""
        return cls(corpus, Texts(manifest["clip"]), Texts(manifest["pcm_sha256"]))

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, number: Any) -> Any:
        """The file and hash of a number from 0."""
        return clip_path(self.corpus, self.clips[number]), self.hashes[number]
