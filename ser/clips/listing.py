"""Lists with an item for each clip, in little memory: workers look at them and copy none of it.

A string takes 49 bytes more than its text, and whoever looks at it counts a reference to it, which
writes to its page: forked workers would soon have a copy each of a list of strings or paths.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ser.clips.manifest import MANIFEST, clip_hashes, clip_path, gender_hashes
from ser.core.errors import SerError


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


class Hashes(Sequence[str]):
    """SHA-256 of many clips, in hexadecimal, held in binary."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def append(self, digest: str) -> None:
        """Add one at the end."""
        self._buffer += bytes.fromhex(digest)

    def __len__(self) -> int:
        return len(self._buffer) // 32

    def __getitem__(self, number: Any) -> Any:
        """The hash of a number from 0."""
        if not 0 <= number < len(self):
            raise IndexError
        return self._buffer[32 * number : 32 * number + 32].hex()


@dataclass(frozen=True, eq=False)
class ClipFiles(Sequence[tuple[Path, str]]):
    """Files of the clips of a built corpus, each with the hash of its samples."""

    corpus: Path
    clips: Texts
    hashes: Hashes

    @classmethod
    def of(cls, hashes: Iterable[tuple[str, str]], corpus: Path) -> "ClipFiles":
        """Those of clips with their hashes; `corpus` is the folder of the built corpus."""
        files = cls(corpus, Texts(), Hashes())
        for clip, digest in hashes:
            files.clips.append(clip)
            files.hashes.append(digest)
        return files

    @classmethod
    def read(cls, corpus: Path) -> "ClipFiles":
        """All of a built corpus, in the order of its manifest.

        Raises:
            SerError: if the manifest is missing or damaged.
        """
        return cls.of(clip_hashes(corpus / MANIFEST), corpus)

    @classmethod
    def read_genders(cls, splits: Path, corpus: Path) -> "ClipFiles":
        """The same, as the corpus was split by gender.

        Raises:
            SerError: if a manifest is missing or damaged, or lists other clips.
        """

        def known() -> Iterator[tuple[str, str]]:
            built = clip_hashes(corpus / MANIFEST)
            for one, other in zip_longest(gender_hashes(splits), built):
                if one is None or one != other:
                    raise SerError(
                        f"The clips in {splits} are not those of {corpus}; run `dvc repro`."
                    )
                yield one

        return cls.of(known(), corpus)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, number: Any) -> Any:
        """The file and hash of a number from 0."""
        return clip_path(self.corpus, self.clips[number]), self.hashes[number]
