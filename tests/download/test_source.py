"""Where files come from: archives that are verified, downloads that are retried, a mirror."""

import errno
import gc
import hashlib
import io
import os
import socket
import stat
import tarfile
import threading
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import IO

import pooch
import pytest

from ser.clips.manifest import Expected
from ser.core.errors import SerError
from ser.core.files import partial_path
from ser.download import source
from ser.download.corpus import Archive, Corpus
from ser.download.source import (
    ARCHIVE_FOLDER,
    DOWNLOAD_TRIES,
    MIRROR_VARIABLE,
    describe_source,
    fetch,
    find_mirror,
    list_audio,
    source_files,
    unpack,
)
from tests.conftest import Refused, case

# requests leaves the socket of a connection that broke to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

FILES = {"wav/a.wav": b"first " * 50, "wav/b.wav": bytes(range(256)), "wav/note.txt": b"hello"}
METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflate": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def make_zip(path: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return path


def corpus_of(*archives: Archive, **changes: object) -> Corpus:
    return Corpus(
        name="toy",
        title="Toy corpus",
        language="tt",
        licence="none",
        citation="nobody (2000)",
        expected=Expected(n_clips=0, emotions={}, genders={}),
        parse=lambda path: None,
        archives=archives,
        **changes,  # type: ignore[arg-type]
    )


def everything_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture(autouse=True)
def _empty_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No mirror, no archives, no proxy, and no waiting between tries."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    monkeypatch.chdir(checkout)
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(pooch.core, "time", SimpleNamespace(sleep=lambda seconds: None))


@dataclass
class Site:
    """A web site on this machine, and what it was asked.

    `ill` holds how the next answers go wrong: "error" (status 503), "cut" (half of the file) or
    "altered" (another file).
    """

    url: str
    content: bytes
    ill: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    # whether it goes on in the middle of a file, and where it was asked to
    ranges: bool = False
    begun: list[str | None] = field(default_factory=list)

    def archive(self, **changes: object) -> Archive:
        known = {"sha256": hashlib.sha256(self.content).hexdigest(), **changes}
        return Archive(self.url, "toy.zip", **known)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    path = tmp_path_factory.mktemp("site") / "published.zip"
    here = Site("", make_zip(path).read_bytes())

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, body: bool) -> None:
            here.asked.append(self.command)
            how = here.ill.pop(0) if here.ill else "well"
            if how == "error":
                self.send_error(503)
                return
            asked = self.headers["Range"]
            here.begun.append(asked)
            start = int(asked[6:-1]) if asked and here.ranges else 0
            if start >= len(here.content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(here.content) - start))
            self.end_headers()
            if start:
                self.wfile.write(here.content[start:])
            elif body:
                half = len(here.content) // 2
                answers = {"cut": here.content[:half], "altered": here.content[::-1]}
                self.wfile.write(answers.get(how, here.content))

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here.url = f"http://127.0.0.1:{server.server_port}/toy.zip"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield here
        server.shutdown()
        thread.join()
    gc.collect()


@pytest.fixture
def site(_server: Site) -> Site:
    _server.ill, _server.asked, _server.ranges, _server.begun = [], [], False, []
    return _server


@pytest.fixture
def nowhere() -> str:
    """An address at which nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}/toy.zip"


# Downloads


def test_an_archive_is_downloaded_and_its_files_are_listed(site: Site, tmp_path: Path) -> None:
    archive = site.archive(size_bytes=len(site.content))
    work = tmp_path / "data" / "toy"
    with source_files(corpus_of(archive), work) as files:
        assert [name.as_posix() for name, _ in files] == ["wav/a.wav", "wav/b.wav"]
        assert [path.read_bytes() for _, path in files] == list(FILES.values())[:2]
    assert (ARCHIVE_FOLDER / "toy.zip").read_bytes() == site.content
    assert everything_below(tmp_path / "data") == [], "the unpacked files are left behind"


def test_an_archive_that_is_there_is_not_fetched_again(site: Site) -> None:
    corpus = corpus_of(site.archive())
    for _ in range(3):
        assert fetch(corpus, corpus.archives[0]).read_bytes() == site.content
    assert site.asked == ["GET"]


def test_an_archive_put_there_by_hand_is_not_fetched(site: Site) -> None:
    ARCHIVE_FOLDER.mkdir(parents=True)
    (ARCHIVE_FOLDER / "toy.zip").write_bytes(site.content)
    fetch(corpus_of(), site.archive())
    assert site.asked == []


def test_only_what_is_missing_is_fetched_after_a_run_that_ended_half_way(
    site: Site, nowhere: str, tmp_path: Path, refused: Refused
) -> None:
    first = site.archive()
    second = Archive(nowhere, "second.zip")
    corpus = corpus_of(first, second)
    with refused(nowhere), source_files(corpus, tmp_path / "work"):
        pass
    (ARCHIVE_FOLDER / "second.zip").write_bytes(site.content)
    with source_files(corpus, tmp_path / "work") as files:
        assert len(files) == 2
    assert site.asked == ["GET"], "the first archive is fetched again"


def test_a_failed_download_is_tried_again(site: Site) -> None:
    for ill in (["cut"], ["altered"], ["error", "cut", "altered"]):
        site.ill, site.asked = list(ill), []
        path = fetch(corpus_of(), site.archive())
        assert path.read_bytes() == site.content
        assert len(site.asked) == len(ill) + 1
        assert everything_below(ARCHIVE_FOLDER) == ["toy.zip"]
        path.unlink()


def test_a_download_that_never_succeeds_is_given_up_and_leaves_nothing(
    site: Site, refused: Refused
) -> None:
    for ill in ("error", "cut"):
        site.ill, site.asked = [ill] * 20, []
        # no hash: a cut archive must be noticed all the same
        with refused("Toy corpus", site.url, "could not be downloaded", MIRROR_VARIABLE):
            fetch(corpus_of(), site.archive(sha256=None))
        assert len(site.asked) == DOWNLOAD_TRIES
        assert everything_below(ARCHIVE_FOLDER) == []


def test_without_a_network_one_sentence_says_so(nowhere: str, refused: Refused) -> None:
    with refused("Toy corpus", nowhere, "could not be downloaded", MIRROR_VARIABLE):
        fetch(corpus_of(), Archive(nowhere, "toy.zip"))


def test_a_host_without_a_name_is_one_sentence(refused: Refused) -> None:
    with refused("Toy corpus", "could not be downloaded"):
        fetch(corpus_of(), Archive("http://", "toy.zip"))


def test_an_archive_with_another_hash_is_not_kept(site: Site, refused: Refused) -> None:
    published = "0" * 64
    with refused(site.url, "SHA-256", published, "nothing was kept"):
        fetch(corpus_of(), site.archive(sha256=published))
    assert everything_below(ARCHIVE_FOLDER) == []


def test_an_altered_archive_on_disk_is_replaced(site: Site) -> None:
    ARCHIVE_FOLDER.mkdir(parents=True)
    (ARCHIVE_FOLDER / "toy.zip").write_bytes(site.content[:-1])
    assert fetch(corpus_of(), site.archive()).read_bytes() == site.content
    assert site.asked == ["GET"]


def test_an_altered_archive_is_not_used_without_a_network(nowhere: str, refused: Refused) -> None:
    ARCHIVE_FOLDER.mkdir(parents=True)
    (ARCHIVE_FOLDER / "toy.zip").write_bytes(b"altered")
    with refused("could not be downloaded"):
        fetch(corpus_of(), Archive(nowhere, "toy.zip", sha256="0" * 64))


def test_an_archive_of_the_wrong_size_is_refused(site: Site, refused: Refused) -> None:
    published = len(site.content) + 1
    with refused("toy.zip", f"{len(site.content)} bytes", str(published), "delete"):
        fetch(corpus_of(), site.archive(sha256=None, size_bytes=published))


def test_a_full_disk_is_not_taken_for_a_lost_connection(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, url: str, output: IO[bytes], pooch: object) -> None:
        output.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", full)
    with pytest.raises(OSError, match="No space left"):
        fetch(corpus_of(), site.archive())
    assert everything_below(ARCHIVE_FOLDER) == [".toy.zip.partial"]


def test_a_download_goes_on_where_it_was_cut(
    site: Site, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.ranges = True
    monkeypatch.setattr(source, "_CHUNK_BYTES", 1)
    half = len(site.content) // 2
    begun = ARCHIVE_FOLDER / ".toy.zip.partial"
    md5 = hashlib.md5(site.content).hexdigest()
    for known in ({}, {"sha256": None, "md5": md5}):
        site.ill = ["cut", *["error"] * (DOWNLOAD_TRIES - 1)]
        with refused("could not be downloaded", "goes on where it was"):
            fetch(corpus_of(), site.archive(**known))
        assert begun.read_bytes() == site.content[:half]
        site.begun = []
        path = fetch(corpus_of(), site.archive(**known))
        assert site.begun == [f"bytes={half}-"]
        assert path.read_bytes() == site.content
        assert everything_below(ARCHIVE_FOLDER) == ["toy.zip"]
        path.unlink()


def test_what_was_begun_and_does_not_fit_is_begun_anew(site: Site) -> None:
    site.ranges = True
    for begun in (b"another file", 2 * site.content, site.content):
        ARCHIVE_FOLDER.mkdir(parents=True, exist_ok=True)
        (ARCHIVE_FOLDER / ".toy.zip.partial").write_bytes(begun)
        path = fetch(corpus_of(), site.archive())
        assert path.read_bytes() == site.content
        path.unlink()


def test_an_archive_without_a_direct_address_is_asked_for(refused: Refused) -> None:
    archive = Archive("http://publisher.example/page.html", "toy.zip", by_hand=True)
    place = str(ARCHIVE_FOLDER / "toy.zip")
    with refused("Toy corpus", "fetch its", archive.url, place, MIRROR_VARIABLE):
        fetch(corpus_of(), archive)
    with refused("ask for it", archive.url, place, str(ARCHIVE_FOLDER / "toy")):
        fetch(corpus_of(), replace(archive, by_hand=False, on_request=True))
    ARCHIVE_FOLDER.mkdir(parents=True)
    make_zip(ARCHIVE_FOLDER / "toy.zip")
    assert fetch(corpus_of(), archive) == ARCHIVE_FOLDER / "toy.zip"


def test_a_corpus_put_there_unpacked_is_used(tmp_path: Path) -> None:
    archive = Archive("http://publisher.example/page.html", "toy.rar", by_hand=True)
    (ARCHIVE_FOLDER / "toy" / "wav").mkdir(parents=True)
    (ARCHIVE_FOLDER / "toy" / "wav" / "a.wav").write_bytes(b"sound")
    assert describe_source(corpus_of(archive)) == f"folder {ARCHIVE_FOLDER / 'toy'}"
    with source_files(corpus_of(archive), tmp_path / "work") as files:
        assert [name.as_posix() for name, _ in files] == ["wav/a.wav"]


# Archives


def test_all_sound_of_a_good_archive_is_unpacked_and_nothing_else(tmp_path: Path) -> None:
    for label, method in METHODS.items():
        path = make_zip(tmp_path / "toy.zip", method)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("wav/._a.wav", b"a shadow")
        unpack(path, tmp_path / label)
        found = {name for name in everything_below(tmp_path / label) if name != "wav"}
        assert found == {"wav/a.wav", "wav/b.wav"}
        for name in found:
            assert (tmp_path / label / name).read_bytes() == FILES[name]


BAD_NAMES = [
    "../evil.wav",
    "wav/../../evil.wav",
    "wav/..",
    "/evil.wav",
    "//evil.wav",
    "..\\evil.wav",
    "wav\\..\\..\\evil.wav",
    "\\evil.wav",
    "C:\\evil.wav",
    "C:evil.wav",
]


def make_tar(path: Path, *odd: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in odd:
            archive.addfile(member)
    return path


def test_sound_of_a_tar_archive_is_unpacked_if_all_of_it_is_good(
    tmp_path: Path, refused: Refused
) -> None:
    path = make_tar(tmp_path / "toy.tar.gz")
    unpack(path, tmp_path / "good")
    sound = sorted(name for name in FILES if name.endswith(".wav"))
    assert [name for name in everything_below(tmp_path / "good") if "." in name] == sound
    outside, link = tarfile.TarInfo("../a.wav"), tarfile.TarInfo("wav/c.wav")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    for odd in (outside, link):
        with refused("land outside"):
            unpack(make_tar(tmp_path / "odd.tgz", odd), tmp_path / "bad")
    whole = path.read_bytes()
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        with refused("not a complete tar archive"):
            unpack(path, tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


def test_an_archive_that_reaches_outside_unpacks_nothing(tmp_path: Path, refused: Refused) -> None:
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    before = everything_below(tmp_path)
    for name in BAD_NAMES:
        path = make_zip(tmp_path / "toy.zip")
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(name, b"evil")
        said = "evil" if "evil" in name else name
        with case(name), refused(str(path), said, "outside its folder"):
            unpack(path, out)
        path.unlink()
        assert everything_below(tmp_path) == before


def test_an_archive_with_a_link_unpacks_nothing(tmp_path: Path, refused: Refused) -> None:
    path = make_zip(tmp_path / "toy.zip")
    link = zipfile.ZipInfo("wav/link.wav")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "../../../etc/passwd")
    with refused(str(path), "wav/link.wav", "outside its folder"):
        unpack(path, tmp_path / "out")
    assert everything_below(tmp_path) == ["checkout", "toy.zip"]


def test_an_archive_of_unlikely_size_unpacks_nothing(
    tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_zip(tmp_path / "toy.zip")
    size = sum(map(len, FILES.values()))
    monkeypatch.setattr(source, "LARGEST_UNPACKED_BYTES", size - 1)
    with refused(str(path), "would unpack to", "nothing was unpacked"):
        unpack(path, tmp_path / "out")
    assert everything_below(tmp_path) == ["checkout", "toy.zip"]
    monkeypatch.setattr(source, "LARGEST_UNPACKED_BYTES", size)
    unpack(path, tmp_path / "out")


def test_members_that_no_corpus_has_are_refused_before_anything_is_unpacked(
    tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "toy.zip"
    for name in ("", "b/" * 2_000 + "a.wav", "a" * 300 + ".wav"):
        make_zip(path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(zipfile.ZipInfo(name), b"evil")
        with case(name[:20]), refused(str(path), "not be found again", "delete it"):
            unpack(path, tmp_path / "out")
        path.unlink()
    monkeypatch.setattr(source, "_MOST_MEMBERS", 2)
    with refused("holds 3 files", "nothing was unpacked"):
        unpack(make_zip(path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_archive_that_cannot_be_unpacked_says_so(tmp_path: Path, refused: Refused) -> None:
    path = make_zip(tmp_path / "toy.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("wav/a.wav/inside.wav", b"evil")
    with refused(str(path), "wav/a.wav", "delete it"):
        unpack(path, tmp_path / "out")


def test_a_full_disk_is_not_taken_for_a_damaged_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "extractall", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(make_zip(tmp_path / "toy.zip"), tmp_path / "out")


def test_a_bomb_of_zeros_is_refused_by_its_declared_size(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "toy.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("wav/a.wav", bytes(20 * 2**20))
    with refused(str(path), "would unpack to 20 MiB", "nothing was unpacked"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_zip_is_refused(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "toy.zip"
    for content in (b"", b"RIFF", b"<html>404</html>", bytes(5000)):
        path.write_bytes(content)
        with refused(str(path), "not a complete zip archive", "delete it"):
            unpack(path, tmp_path / "out")


def test_an_archive_cut_anywhere_unpacks_nothing(tmp_path: Path, refused: Refused) -> None:
    path = make_zip(tmp_path / "toy.zip")
    content = path.read_bytes()
    for length in [*range(0, len(content), 23), len(content) - 1]:
        path.write_bytes(content[:length])
        with refused(str(path), "delete it"):
            unpack(path, tmp_path / "out")
        assert not (tmp_path / "out").exists(), f"cut to {length} bytes"


def test_an_archive_whose_content_is_altered_unpacks_nothing(
    tmp_path: Path, refused: Refused
) -> None:
    path = make_zip(tmp_path / "toy.zip", zipfile.ZIP_STORED)
    content = path.read_bytes()
    assert content.count(FILES["wav/b.wav"]) == 1
    # the last file: those before it must not be unpacked either
    path.write_bytes(content.replace(FILES["wav/b.wav"], FILES["wav/b.wav"][::-1]))
    with refused(str(path), "damaged", "wav/b.wav"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_damage_anywhere_is_one_sentence_or_harmless(tmp_path: Path) -> None:
    for method in METHODS.values():
        path = make_zip(tmp_path / "toy.zip", method)
        content = path.read_bytes()
        noticed = 0
        for place in range(method % 5, len(content), 5):
            damaged = bytes([content[place] ^ 0x81])
            path.write_bytes(content[:place] + damaged + content[place + 1 :])
            out = tmp_path / f"{method} {place}"
            try:
                unpack(path, out)
            except SerError:
                assert not out.exists(), f"byte {place}: something is unpacked"
                noticed += 1
                continue
            # dates and the like may change; contents, if they came through, are the right ones
            found = {file.read_bytes() for file in out.rglob("*") if file.is_file()}
            assert found <= set(FILES.values()), f"byte {place}: content is altered"
        assert noticed > len(content) / 20


# Mirror and files


def test_the_mirror_is_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    beside = tmp_path / "shared" / "corpora"
    assert find_mirror() is None
    beside.mkdir(parents=True)
    assert find_mirror() == beside
    named = tmp_path / "named"
    monkeypatch.setenv(MIRROR_VARIABLE, str(named))
    with refused(MIRROR_VARIABLE, str(named), "not a folder"):
        find_mirror()
    named.mkdir()
    assert find_mirror() == named


def test_the_mirror_goes_before_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Site
) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    (tmp_path / "mirror" / "toy").mkdir(parents=True)
    (tmp_path / "mirror" / "toy" / "a.flac").write_bytes(b"a")
    with source_files(corpus_of(site.archive()), tmp_path / "work") as files:
        assert list(files) == [(PurePosixPath("a.flac"), tmp_path / "mirror" / "toy" / "a.flac")]
    assert (tmp_path / "mirror" / "toy" / "a.flac").exists()
    assert site.asked == []


def test_a_mirror_without_the_corpus_leads_to_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Site
) -> None:
    (tmp_path / "mirror" / "other").mkdir(parents=True)
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    with source_files(corpus_of(site.archive()), tmp_path / "work") as files:
        assert len(files) == 2
    assert site.asked == ["GET"]


def test_a_corpus_made_by_code_needs_neither(tmp_path: Path) -> None:
    corpus = corpus_of(generate=lambda folder: (folder / "a.wav").write_bytes(b"a") and None)
    with source_files(corpus, tmp_path / "work") as files:
        assert [(str(name), path.read_bytes()) for name, path in files] == [("a.wav", b"a")]
    assert everything_below(tmp_path) == ["checkout"]


def test_leftovers_of_a_killed_run_are_no_clips(tmp_path: Path, site: Site) -> None:
    leftover = partial_path(tmp_path / "work")
    leftover.mkdir()
    (leftover / "stale.wav").write_bytes(b"stale")
    with source_files(corpus_of(site.archive()), tmp_path / "work") as files:
        assert "stale.wav" not in [name.name for name, _ in files]
    assert not leftover.exists()


def test_unpacked_files_go_when_their_reader_fails(tmp_path: Path, site: Site) -> None:
    corpus = corpus_of(site.archive())
    with pytest.raises(RuntimeError, match="reader"), source_files(corpus, tmp_path / "work"):
        raise RuntimeError("reader")
    assert everything_below(tmp_path / "checkout") == [
        "data",
        "data/archives",
        "data/archives/toy.zip",
    ]
    assert not partial_path(tmp_path / "work").exists()


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def listed(folder: Path, inside: Path | None = None) -> list[str]:
    return [name.as_posix() for name, _ in list_audio(folder, inside)]


def test_audio_is_listed_in_one_order_and_nothing_else_is(tmp_path: Path) -> None:
    clips = [f"{folder}/{number}.wav" for folder in "ab" for number in range(10, 30)]
    names = [*reversed(clips), "c/2.WAV", "c/1.flac", "c/3.mp3", "c/4.ogg"]
    for name in [*names, "b/._1.wav", "__MACOSX/b/._2.wav", "read.me"]:
        write(tmp_path / "corpus" / name)
    os.mkfifo(tmp_path / "corpus" / "pipe.wav")
    (tmp_path / "corpus" / "folder.wav").mkdir()
    (tmp_path / "corpus" / "nowhere.wav").symlink_to(tmp_path / "nothing.wav")
    found = listed(tmp_path / "corpus")
    assert found == [*clips, "c/1.flac", "c/2.WAV", "c/3.mp3", "c/4.ogg"]


def test_names_that_cannot_be_printed_are_refused(tmp_path: Path, refused: Refused) -> None:
    for name in (b"a\nb.wav", b"\x1b[31m.wav", b"\xff.wav", "\u202egnp.wav".encode()):
        path = write(tmp_path / os.fsdecode(name))
        with case(name), refused("characters that are no text", "rename it"):
            list_audio(tmp_path)
        path.unlink()


def test_names_are_compared_in_one_form_of_unicode(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "è/città.wav")
    path = write(tmp_path / decomposed)
    assert list_audio(tmp_path) == [(PurePosixPath(unicodedata.normalize("NFC", decomposed)), path)]


def test_links_are_followed_within_the_mirror_and_never_out_of_it(
    tmp_path: Path, refused: Refused
) -> None:
    mirror, elsewhere = tmp_path / "mirror", tmp_path / "elsewhere"
    write(mirror / "toy" / "f1" / "a.wav")
    write(mirror / "speakers" / "f2" / "b.wav")
    (mirror / "toy" / "f2").symlink_to(mirror / "speakers" / "f2")
    (mirror / "toy" / "circle").symlink_to(mirror / "toy")
    assert listed(mirror / "toy", mirror) == ["f1/a.wav", "f2/b.wav"]
    write(elsewhere / "c.wav")
    for link, target in (("f3", elsewhere), ("f1/c.wav", elsewhere / "c.wav")):
        (mirror / "toy" / link).symlink_to(target)
        with refused(link, "leads out of", str(mirror)):
            list_audio(mirror / "toy", mirror)
        (mirror / "toy" / link).unlink()


def test_the_source_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Site, nowhere: str
) -> None:
    assert describe_source(corpus_of(generate=lambda folder: None)) == "made by code"
    assert describe_source(corpus_of(Archive(nowhere, "toy.zip"))) is None
    assert describe_source(corpus_of(Archive(site.url, "toy.zip", by_hand=True))) is None
    assert describe_source(corpus_of(site.archive())) == site.url
    assert set(site.asked) == {"HEAD"}, "asking where a corpus is must not download it"
    ARCHIVE_FOLDER.mkdir(parents=True)
    (ARCHIVE_FOLDER / "toy.zip").write_bytes(b"")
    assert str(ARCHIVE_FOLDER) in str(describe_source(corpus_of(Archive(nowhere, "toy.zip"))))
    (tmp_path / "mirror" / "toy").mkdir(parents=True)
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    assert describe_source(corpus_of(Archive(nowhere, "toy.zip"))) == "mirror folder"


def test_a_site_that_refuses_is_no_source(site: Site) -> None:
    site.ill = ["error"]
    assert describe_source(corpus_of(site.archive())) is None
