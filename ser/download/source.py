"""Where a corpus's files come from: made on the spot, a mirror folder, or the official archive."""

import lzma
import os
import shutil
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.error import URLError
from urllib.request import Request, urlopen

import pooch
import requests

from ser.core.errors import SerError
from ser.core.files import FULL, partial_path
from ser.download.corpus import Archive, Corpus

MIRROR_VARIABLE = "SER_MIRROR"
ARCHIVE_FOLDER = Path("data/archives")
# what libsndfile reads
AUDIO_ENDINGS = (".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au", ".w64")
DOWNLOAD_TRIES = 4
# The largest corpus known here unpacks to 0.6 GB: anything near this is not a speech corpus.
LARGEST_UNPACKED_BYTES = 20 * 2**30
# nor is one of more members, or with names that are longer
_MOST_MEMBERS, _LONGEST_NAME = 50_000, 255
# sound hardly shrinks: silence aside, no archive of a corpus is packed this tightly
_TIGHTEST = 50
# what zipfile and its decompressors raise on damaged bytes (found by flipping every byte of one)
_DAMAGE = (
    zipfile.BadZipFile,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    zlib.error,
)


def find_mirror(checkout: Path | None = None) -> Path | None:
    """The mirror folder: `SER_MIRROR`, else `shared/corpora` beside the checkout, else None.

    Raises:
        SerError: if `SER_MIRROR` names no folder.
    """
    named = os.environ.get(MIRROR_VARIABLE)
    if named:
        if not Path(named).is_dir():
            raise SerError(f"{MIRROR_VARIABLE} names {named}, which is not a folder; correct it.")
        return Path(named)
    beside = (checkout or Path.cwd()).resolve().parent / "shared" / "corpora"
    return beside if beside.is_dir() else None


def describe_source(corpus: Corpus) -> str | None:
    """Where `corpus` would come from now, in words; None if it cannot be reached."""
    if corpus.generate is not None:
        return "made by code"
    mirror = find_mirror()
    if mirror is not None and (mirror / corpus.name).is_dir():
        return "mirror folder"
    if not corpus.archives:
        return None
    if all((ARCHIVE_FOLDER / archive.file_name).is_file() for archive in corpus.archives):
        return f"archive in {ARCHIVE_FOLDER}"
    if all(not archive.by_hand and _answers(archive.url) for archive in corpus.archives):
        return corpus.archives[0].url
    return None


def _answers(url: str) -> bool:
    try:
        with urlopen(Request(url, method="HEAD"), timeout=10):
            return True
    except (URLError, OSError, ValueError):
        return False


@contextmanager
def source_files(corpus: Corpus, work: Path) -> Iterator[list[tuple[PurePosixPath, Path]]]:
    """Yield the corpus's audio files as (path within the corpus, path on disk), sorted.

    Args:
        work: a folder for what has to be unpacked or generated; removed at the end.

    Raises:
        SerError: if no source can be reached, or what it gave cannot be trusted.
    """
    mirror = find_mirror()
    if corpus.generate is None and mirror is not None and (mirror / corpus.name).is_dir():
        yield list_audio(mirror / corpus.name, inside=mirror)
        return
    aside = partial_path(work)
    shutil.rmtree(aside, ignore_errors=True)  # left over from a run that was killed
    aside.mkdir(parents=True)
    try:
        if corpus.generate is not None:
            corpus.generate(aside)
        else:
            for archive in corpus.archives:
                unpack(fetch(corpus, archive), aside)
        yield list_audio(aside)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def list_audio(folder: Path, inside: Path | None = None) -> list[tuple[PurePosixPath, Path]]:
    """Regular audio files below `folder`, sorted by their path within it, which is in NFC.

    Args:
        inside: links are followed as far as they lead to somewhere below this; `folder` itself by
            default.

    Raises:
        SerError: if a link leads out of there, or a name cannot be printed.
    """
    allowed = (inside or folder).resolve()
    found = []
    seen: set[Path] = set()
    for place, names, files in os.walk(folder, followlinks=True):
        here = Path(place)
        if here.resolve() in seen:  # a link in a circle
            names.clear()
            continue
        seen.add(here.resolve())
        for path in (here / name for name in files):
            if not (_is_audio(path.name) and path.is_file()):
                continue
            if not path.resolve().is_relative_to(allowed):
                raise SerError(
                    f"{path} is a link that leads out of {allowed}; copy the file there."
                )
            relative = unicodedata.normalize("NFC", path.relative_to(folder).as_posix())
            if not relative.isprintable():  # nor could every name be written to a table
                raise SerError(f"{str(path)!r} has characters that are no text; rename it.")
            found.append((PurePosixPath(relative), path))
    return sorted(found)


def _is_audio(name: str) -> bool:
    path = PurePosixPath(name)
    # archives made on macOS carry a shadow "._name" beside every file
    return path.suffix.lower() in AUDIO_ENDINGS and not path.name.startswith(".")


def fetch(corpus: Corpus, archive: Archive) -> Path:
    """Path of a verified official archive, downloaded unless it is already there.

    Raises:
        SerError: if it cannot be downloaded, or its size or hash is not the published one.
    """
    path = ARCHIVE_FOLDER / archive.file_name
    if archive.by_hand:
        if not path.is_file():
            raise SerError(
                f"{corpus.title} has no direct download: fetch its archive from {archive.url} and "
                f"put it at {path}, or name a mirror folder in {MIRROR_VARIABLE}."
            )
        return path
    known_hash = f"sha256:{archive.sha256}" if archive.sha256 else None
    downloads = pooch.create(
        path=ARCHIVE_FOLDER,
        base_url="",
        registry={archive.file_name: known_hash},
        urls={archive.file_name: archive.url},
        retry_if_failed=DOWNLOAD_TRIES - 1,
    )
    try:
        downloads.fetch(
            archive.file_name, downloader=pooch.HTTPDownloader(progressbar=True, timeout=60)
        )
    except (requests.RequestException, OSError) as error:
        if error.errno in FULL:
            raise
        reason = type(error).__name__
        raise SerError(
            f"{corpus.title} could not be downloaded from {archive.url} ({reason}) and no mirror "
            f"has it; check the connection or name a mirror folder in {MIRROR_VARIABLE}."
        ) from None
    except ValueError:
        raise SerError(
            f"{archive.url} gave a file whose SHA-256 is not the published one ({archive.sha256}); "
            "nothing was kept; try again later."
        ) from None
    _check_size(archive, path)
    return path


def _check_size(archive: Archive, path: Path) -> None:
    size = path.stat().st_size
    if archive.size_bytes is not None and size != archive.size_bytes:
        raise SerError(
            f"{path} has {size} bytes, the published archive {archive.size_bytes}; delete it and "
            "run again."
        )


def unpack(path: Path, folder: Path) -> None:
    """Unpack the sound in a zip archive, once all of it is checked; a bad one unpacks nothing.

    Raises:
        SerError: if it is truncated or damaged, or a member would land outside `folder`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_archive(path, archive)
            archive.extractall(folder, [name for name in archive.namelist() if _is_audio(name)])
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        reason = str(error).rstrip(".")
        raise SerError(
            f"{path} is not a complete zip archive ({reason}); delete it and run again."
        ) from None


def _check_archive(path: Path, archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        raise SerError(
            f"{path} holds {len(members)} files, which no speech corpus does; nothing was "
            "unpacked: delete it."
        )
    for member in members:
        _check_member(path, member)
    size = sum(member.file_size for member in members)
    if size > min(LARGEST_UNPACKED_BYTES, _TIGHTEST * path.stat().st_size):
        raise SerError(
            f"{path} would unpack to {size / 2**20:.0f} MiB, which no speech corpus of its size "
            "does; nothing was unpacked: delete it."
        )
    broken = archive.testzip()
    if broken is not None:
        raise SerError(f"{path} is damaged at {broken}; delete it and run again.")


def _check_member(path: Path, member: zipfile.ZipInfo) -> None:
    name = member.filename.replace("\\", "/")
    escapes = name.startswith("/") or ".." in name.split("/") or ":" in name.split("/")[0]
    escapes |= not name or len(name) > _LONGEST_NAME
    if escapes or stat.S_ISLNK(member.external_attr >> 16):
        raise SerError(
            f"{path} holds {name[:_LONGEST_NAME]!r}, which would land outside its folder or not be "
            "found again; the archive is not the published one: delete it."
        )
