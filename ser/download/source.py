"""Where a corpus's files come from: made on the spot, a mirror folder, or the official archive."""

import lzma
import os
import shutil
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pooch
import requests

from ser.clips.listing import Texts
from ser.core.errors import SerError
from ser.core.files import FULL, partial_path
from ser.core.tables import Names
from ser.download.corpus import Archive, Corpus

MIRROR_VARIABLE = "SER_MIRROR"
ARCHIVE_FOLDER = Path("data/archives")
# what libsndfile reads
AUDIO_ENDINGS = (".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au", ".w64")
_TAR_ENDINGS = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
DOWNLOAD_TRIES = 4
_CHUNK_BYTES = 1 << 16
# path within the corpus, and path on disk; or, in a shard, that of the shard and the member's name
Files = Sequence[tuple[PurePosixPath, Path]]
# The largest corpus known here unpacks to 2 GB: anything near this is not a speech corpus.
LARGEST_UNPACKED_BYTES = 20 * 2**30
# nor is one of more members, or with names that are longer
_MOST_MEMBERS, _LONGEST_NAME = 50_000, 255
# sound hardly shrinks: silence aside, no archive of a corpus is packed this tightly
_TIGHTEST = 50
# what zipfile and its decompressors raise on damaged bytes (found by flipping every byte of one)
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    zlib.error,
)


class _Found(Sequence[tuple[PurePosixPath, Path]]):
    """Files as `source_files` yields them, in order; held as text."""

    def __init__(self, found: Iterable[tuple[PurePosixPath, Path]]) -> None:
        self._names, self._roots = Texts(), Names()
        for name, path in found:
            self._names.append(str(name))
            # most paths end with the name, and begin alike
            root = str(path).removesuffix(str(name))
            self._roots.append(root if root != str(path) else f"{root}\0")
        self._order = array("i", range(len(self._names)))
        for text in (self._path, self._names.__getitem__):
            # as paths, which are in the order of their parts
            order = sorted(self._order, key=lambda place: text(place).replace("/", "\0"))
            self._order = array("i", order)

    def _path(self, place: int) -> str:
        root = self._roots[place]
        return root[:-1] if root.endswith("\0") else root + self._names[place]

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, number: Any) -> Any:
        """The name and path of a number from 0."""
        place = self._order[number]
        return PurePosixPath(self._names[place]), Path(self._path(place))


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
    if (ARCHIVE_FOLDER / corpus.name).is_dir():
        return f"folder {ARCHIVE_FOLDER / corpus.name}"
    if not corpus.archives:
        return None
    if all((ARCHIVE_FOLDER / archive.file_name).is_file() for archive in corpus.archives):
        return f"archive in {ARCHIVE_FOLDER}"
    if all(archive.is_direct and _answers(archive.url) for archive in corpus.archives):
        return corpus.archives[0].url
    return None


def _answers(url: str) -> bool:
    try:
        with urlopen(Request(url, method="HEAD"), timeout=10):
            return True
    except (URLError, OSError, ValueError):
        return False


@contextmanager
def source_files(corpus: Corpus, work: Path) -> Iterator[Files]:
    """Yield the corpus's audio files, sorted by their path within it.

    What lies in tar archives stays there, for `ser.download.shards.in_turn` to unpack.

    Args:
        work: a folder for what has to be unpacked or generated; removed at the end.

    Raises:
        SerError: if no source can be reached, or what it gave cannot be trusted.
    """
    mirror = find_mirror()
    if corpus.generate is None and mirror is not None and (mirror / corpus.name).is_dir():
        yield _find_sound(mirror / corpus.name, inside=mirror)
        return
    if corpus.generate is None and (ARCHIVE_FOLDER / corpus.name).is_dir():
        yield _find_sound(ARCHIVE_FOLDER / corpus.name)
        return
    if corpus.generate is None and not corpus.archives:
        raise SerError(
            f"{corpus.title} is not here; put its files into {ARCHIVE_FOLDER / corpus.name}, or "
            f"name a mirror folder in {MIRROR_VARIABLE}."
        )
    aside = partial_path(work)
    shutil.rmtree(aside, ignore_errors=True)  # left over from a run that was killed
    aside.mkdir(parents=True)
    try:
        shards = []
        if corpus.generate is not None:
            corpus.generate(aside)
        else:
            for path in [fetch(corpus, archive) for archive in corpus.archives]:
                if is_tar(path.name):
                    shards.append(path)
                else:
                    unpack(path, aside, (*AUDIO_ENDINGS, *corpus.sidecar_endings))
        yield _Found(chain(_find_files(aside, None, has_ending), _find_members(shards)))
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def list_sound(folder: Path, inside: Path | None = None) -> list[tuple[PurePosixPath, Path]]:
    """Audio files below `folder`; where there are none, those in its tar shards.

    Args:
        inside: as for `list_audio`.

    Raises:
        SerError: as for `list_audio`, or if a shard is damaged or would unpack to odd files.
    """
    return list(_find_sound(folder, inside))


def _find_sound(folder: Path, inside: Path | None = None) -> Files:
    shards = (path for _, path in _find_files(folder, inside, is_tar))
    return _Found(_find_files(folder, inside, has_ending)) or _Found(_find_members(shards))


def _find_members(shards: Iterable[Path]) -> Iterator[tuple[PurePosixPath, Path]]:
    for shard in shards:
        with open_tar(shard) as (_, members):
            for name in (one.name for one in members if has_ending(one.name)):
                yield _within_corpus(name, shard / name), shard / name


def list_audio(folder: Path, inside: Path | None = None) -> list[tuple[PurePosixPath, Path]]:
    """Regular audio files below `folder`, sorted by their path within it, which is in NFC.

    Args:
        inside: links are followed as far as they lead to somewhere below this; `folder` itself by
            default.

    Raises:
        SerError: if a link leads out of there, or a name cannot be printed.
    """
    return list(_Found(_find_files(folder, inside, has_ending)))


def _find_files(
    folder: Path, inside: Path | None, is_wanted: Callable[[str], bool]
) -> Iterator[tuple[PurePosixPath, Path]]:
    allowed = (inside or folder).resolve()
    seen: set[Path] = set()
    for place, names, files in os.walk(folder, followlinks=True):
        here = Path(place)
        leads_to = here.resolve()
        if leads_to in seen:  # a link in a circle
            names.clear()
            continue
        seen.add(leads_to)
        for path in (here / name for name in files):
            if not (is_wanted(path.name) and path.is_file()):
                continue
            target = path.resolve() if path.is_symlink() else leads_to
            if not target.is_relative_to(allowed):
                raise SerError(
                    f"{path} is a link that leads out of {allowed}; copy the file there."
                )
            yield _within_corpus(path.relative_to(folder).as_posix(), path), path


def _within_corpus(name: str, path: Path) -> PurePosixPath:
    relative = unicodedata.normalize("NFC", name)
    if not relative.isprintable():  # nor could every name be written to a table
        raise SerError(f"{str(path)!r} has characters that are no text; rename it.")
    return PurePosixPath(relative)


def has_ending(name: str, endings: Collection[str] = AUDIO_ENDINGS) -> bool:
    """Whether a file's name, or path, ends so; without `endings`, whether it is one of sound."""
    path = PurePosixPath(name)
    # archives made on macOS carry a shadow "._name" beside every file
    return path.suffix.lower() in endings and not path.name.startswith(".")


def is_tar(name: str) -> bool:
    """Whether a file's name is one of a tar archive, compressed or not."""
    return name.lower().endswith(_TAR_ENDINGS) and not name.startswith(".")


def fetch(corpus: Corpus, archive: Archive) -> Path:
    """Path of a verified official archive, downloaded unless it is already there.

    Raises:
        SerError: if it cannot be downloaded, or its size or hash is not the published one.
    """
    path = ARCHIVE_FOLDER / archive.file_name
    if not archive.is_direct:
        if not path.is_file():
            raise SerError(where_to_ask(corpus, archive))
        return path
    known_hash = f"sha256:{archive.sha256}" if archive.sha256 else None
    if known_hash is None and archive.md5:
        known_hash = f"md5:{archive.md5}"
    downloads = pooch.create(
        path=ARCHIVE_FOLDER,
        base_url="",
        registry={archive.file_name: known_hash},
        urls={archive.file_name: archive.url},
        retry_if_failed=DOWNLOAD_TRIES - 1,
    )
    # what cannot be checked as a whole is not put together from two downloads
    begun = partial_path(path) if known_hash else None
    try:
        downloads.fetch(archive.file_name, downloader=Resuming(begun))
    except (requests.RequestException, OSError) as error:
        if error.errno in FULL:
            raise
        reason = type(error).__name__
        kept = begun is not None and begun.is_file()
        raise SerError(
            f"{corpus.title} could not be downloaded from {archive.url} ({reason}) and no mirror "
            f"has it; check the connection{' and run again, it goes on where it was' * kept}, or "
            f"name a mirror folder in {MIRROR_VARIABLE}."
        ) from None
    except ValueError:
        kind, published = ("SHA-256", archive.sha256) if archive.sha256 else ("MD5", archive.md5)
        raise SerError(
            f"{archive.url} gave a file whose {kind} is not the published one ({published}); "
            "nothing was kept; try again later."
        ) from None
    _check_size(archive, path)
    return path


def where_to_ask(corpus: Corpus, archive: Archive) -> str:
    """Where people get what no program can fetch, and where they put it: one sentence."""
    how = "ask for it at" if archive.on_request else "fetch its archive from"
    return (
        f"{corpus.title} has no direct download: {how} {archive.url} and put it at "
        f"{ARCHIVE_FOLDER / archive.file_name}, or unpacked into {ARCHIVE_FOLDER / corpus.name}, "
        f"or name a mirror folder in {MIRROR_VARIABLE}."
    )


class Resuming(pooch.HTTPDownloader):  # type: ignore[misc]
    """A download that goes on where an earlier one ended, and shows its progress.

    Args:
        begun: what an earlier download has got; None to begin anew every time.
    """

    def __init__(self, begun: Path | None) -> None:
        super().__init__(progressbar=True, chunk_size=_CHUNK_BYTES, timeout=60)
        self.begun = begun

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        """Fetch `url` into `output_file`."""
        if self.begun is None or check_only:
            super().__call__(url, output_file, pooch, check_only)
            return
        with self.begun.open("ab") as file:
            self.kwargs["headers"] = {"Range": f"bytes={file.tell()}-"} if file.tell() else {}
            self.kwargs["hooks"] = {"response": partial(_begin_anew, file)}
            super().__call__(url, file, pooch)
        self.begun.replace(output_file)


def _begin_anew(file: IO[bytes], answer: requests.Response, **_: object) -> None:
    """Drop what is there where a server does not go on with it, but sends all, or has no more."""
    if answer.status_code in (requests.codes.ok, requests.codes.requested_range_not_satisfiable):
        file.truncate(0)


def _check_size(archive: Archive, path: Path) -> None:
    size = path.stat().st_size
    if archive.size_bytes is not None and size != archive.size_bytes:
        raise SerError(
            f"{path} has {size} bytes, the published archive {archive.size_bytes}; delete it and "
            "run again."
        )


def unpack(path: Path, folder: Path, endings: Collection[str] = AUDIO_ENDINGS) -> None:
    """Unpack the sound in a zip or tar archive, once all of it is checked; a bad one unpacks none.

    Args:
        endings: those of the files to unpack.

    Raises:
        SerError: if it is truncated or damaged, or a member would land outside `folder`.
    """
    if is_tar(path.name):
        with open_tar(path) as (archive, members):
            wanted = [one for one in members if has_ending(one.name, endings)]
            archive.extractall(folder, wanted, filter="data")
        return
    with _undamaged(path, "zip"), zipfile.ZipFile(path) as zipped:
        _check_archive(path, zipped)
        zipped.extractall(folder, [name for name in zipped.namelist() if has_ending(name, endings)])


@contextmanager
def _undamaged(path: Path, kind: str) -> Iterator[None]:
    """Say in a sentence that an archive is damaged, if reading it fails."""
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        reason = str(error).partition("\n")[0].rstrip(".:")
        raise SerError(
            f"{path} is not a complete {kind} archive ({reason}); delete it and run again."
        ) from None


@contextmanager
def open_tar(path: Path) -> Iterator[tuple[tarfile.TarFile, list[tarfile.TarInfo]]]:
    """Yield a tar archive and its regular files, once all of it is checked.

    Raises:
        SerError: if it is truncated or damaged, or a member has an odd name, kind or size.
    """
    with _undamaged(path, "tar"), tarfile.open(path) as archive:
        members = list(islice(archive, _MOST_MEMBERS + 1))
        _check_members(
            path, [(one.name, one.size, not (one.isfile() or one.isdir())) for one in members]
        )
        _check_end(archive)
        yield archive, [one for one in members if one.isfile()]


def _check_end(archive: tarfile.TarFile) -> None:
    """Read a tar archive to its end, which is all zeros; tarfile stops at any other header too."""
    file = archive.fileobj
    file.seek(archive.offset)
    rest = 0
    while chunk := file.read(_CHUNK_BYTES):
        if any(chunk):
            raise tarfile.ReadError("something stands behind its last member")
        rest += len(chunk)
    if rest < tarfile.BLOCKSIZE:
        raise tarfile.ReadError("its end is missing")


def _check_archive(path: Path, archive: zipfile.ZipFile) -> None:
    _check_members(
        path,
        [
            (member.filename, member.file_size, stat.S_ISLNK(member.external_attr >> 16))
            for member in archive.infolist()
        ],
    )
    broken = archive.testzip()
    if broken is not None:
        raise SerError(f"{path} is damaged at {broken}; delete it and run again.")


def _check_members(path: Path, members: list[tuple[str, int, bool]]) -> None:
    """Check the name and size of every member, and whether it is a link or something else odd."""
    if len(members) > _MOST_MEMBERS:
        raise SerError(
            f"{path} holds {len(members)} files, which no speech corpus does; nothing was "
            "unpacked: delete it."
        )
    for said, _, is_odd in members:
        name = said.replace("\\", "/")
        escapes = name.startswith("/") or ".." in name.split("/") or ":" in name.split("/")[0]
        if escapes or is_odd or not name or len(name) > _LONGEST_NAME:
            raise SerError(
                f"{path} holds {name[:_LONGEST_NAME]!r}, which would land outside its folder or "
                "not be found again; the archive is not the published one: delete it."
            )
    size = sum(size for _, size, _ in members)
    if size > min(LARGEST_UNPACKED_BYTES, _TIGHTEST * path.stat().st_size):
        raise SerError(
            f"{path} would unpack to {size / 2**20:.0f} MiB, which no speech corpus of its size "
            "does; nothing was unpacked: delete it."
        )
