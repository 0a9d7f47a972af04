"""A corpus of a few clips, from a folder or an archive: what hostile files are put into."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ser.clips.manifest import ClipName, Expected
from ser.download.build import build_corpus
from ser.download.corpus import Archive, Corpus

OUT = Path("data/corpora/toy")
ARCHIVE = Path("data/archives/toy.zip")
# what an earlier run has made
OLD = OUT / "manifest.csv"


def _parse(path: PurePosixPath) -> ClipName:
    return ClipName(path.stem[:9], "s", "female", "neutral", "", "one", "1")


_TOY = Corpus(
    name="toy",
    title="Toy corpus",
    language="tt",
    licence="none",
    citation="nobody",
    expected=Expected(n_clips=1, emotions={}, genders={"s": "female"}),
    parse=_parse,
    archives=(Archive("http://publisher.invalid/", ARCHIVE.name, by_hand=True),),
)


def prepared(write: Callable[[Path], object]) -> Callable[[Path], None]:
    """A function that makes a folder with what an earlier run has made, and calls `write` there."""

    def prepare(folder: Path) -> None:
        for path in (OLD, ARCHIVE):
            (folder / path).parent.mkdir(parents=True)
        (folder / OLD).write_text("of an earlier run\n")
        write(folder)

    return prepare


def build(clips: int = 1) -> Callable[[], object]:
    """A function that builds the corpus in the working folder."""
    expected = replace(_TOY.expected, n_clips=clips)
    return lambda: build_corpus(replace(_TOY, expected=expected), OUT)
