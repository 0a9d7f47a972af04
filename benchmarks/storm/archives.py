"""Hostile archives: nothing is unpacked of what is not whole, harmless and of a likely size."""

import io
import stat
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.storm.corpus import ARCHIVE, OUT, build, prepared
from benchmarks.storm.sounds import wav
from benchmarks.storm.tries import Case, in_turn

Make = Callable[[np.random.Generator], tuple[str, bytes, bool | None]]

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_CLIPS = 2


def _data(number: int) -> bytes:
    """Samples of a clip: noise, which is not packed to a fiftieth."""
    rng = np.random.default_rng(number)
    return rng.integers(-9_000, 9_000, 1_600).astype("<i2").tobytes()


def _zip(
    rng: np.random.Generator,
    more: Callable[[zipfile.ZipFile], object] = lambda archive: None,
    clips: int = _CLIPS,
) -> bytes:
    """An archive of clips, packed by one of four methods, and whatever `more` adds."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", int(rng.choice(_METHODS))) as archive:
        archive.writestr("wav/read.me", "as published")
        for number in range(clips):
            archive.writestr(f"wav/clip{number}.wav", wav(data=_data(number)))
        more(archive)
    return file.getvalue()


def _with(name: str, content: bytes = b"evil", mode: int = 0) -> Callable[[zipfile.ZipFile], None]:
    def more(archive: zipfile.ZipFile) -> None:
        member = zipfile.ZipInfo(name)
        member.create_system = 3
        member.external_attr = mode << 16
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that a name is there twice
            archive.writestr(member, content)

    return more


def _whole(rng: np.random.Generator) -> tuple[str, bytes, bool | None]:
    ways: dict[str, Callable[[zipfile.ZipFile], object]] = {
        "": lambda archive: None,
        "a comment": lambda archive: setattr(archive, "comment", b"x" * 999),
        "a folder": _with("empty/"),
        "shadows of macOS": _with("__MACOSX/wav/._clip0.wav"),
        "rights": _with("tool", mode=stat.S_IFREG | stat.S_ISUID | 0o777),
        "a script": _with("wav/setup.py", b"raise SystemExit"),
    }
    what = str(rng.choice(list(ways)))
    before = rng.bytes(100) if rng.integers(4) == 0 else b""
    return f"whole {what} {len(before)}", before + _zip(rng, ways[what]), True


def _cut(rng: np.random.Generator) -> tuple[str, bytes, bool | None]:
    content = _zip(rng)
    kept = int(rng.integers(0, len(content)))
    return f"cut to {kept}", content[:kept], False


def _flipped(rng: np.random.Generator) -> tuple[str, bytes, bool | None]:
    content = bytearray(_zip(rng))
    places = rng.integers(0, len(content), rng.integers(1, 5)).tolist()
    for place in places:
        content[place] ^= int(rng.integers(1, 256))
    return f"flipped {places}", bytes(content), None


def _reaching_out(rng: np.random.Generator) -> tuple[str, bytes, bool | None]:
    names = (
        *("../evil.wav", "wav/../../evil.wav", "/tmp/storm-evil.wav", "..\\evil.wav"),
        *("C:\\evil.wav", "//evil.wav", "wav/..", "./../evil.wav", "wav\\..\\..\\evil.wav"),
    )
    name = str(rng.choice(names))
    return f"out by {name}", _zip(rng, _with(name)), False


def _odd_member(rng: np.random.Generator) -> tuple[str, bytes, bool | None]:
    link, device = stat.S_IFLNK | 0o777, stat.S_IFCHR | 0o666
    # name, content, mode, and whether it does harm to none
    members: tuple[tuple[str, bytes, int, bool | None], ...] = (
        ("wav/link.wav", b"/etc/passwd", link, False),
        ("wav/clip9.wav", b"../../../evil", link, False),
        ("wav/device.wav", b"", device, None),
        ("wav/clip0.wav/inner.wav", b"", 0, False),
        ("wav/read.me/x", b"", 0, True),
        ("wav", b"a file of a folder's name", 0, True),
        ("a" * 300 + ".txt", b"", 0, False),
        ("b/" * 2_000 + "deep.txt", b"", 0, False),
        ("wav/\x1b[31mred.wav", wav(), 0, False),
        ("wav/clip0.wav", b"a second one of this name", 0, False),
        ("wav/CLIP0.WAV", wav(), 0, False),
        ("wav/other.wav", wav(), 0, False),
        ("more/clip0.wav", wav(), 0, False),
        ("", b"nameless", 0, False),
        (".", b"", 0, None),
        ("wav/nested.zip", b"PK\5\6" + bytes(18), 0, True),
        ("wav/clip7.wav", b"no sound", 0, False),
        ("wav/huge.txt", bytes(30 * 2**20), 0, None),
    )
    name, content, mode, accept = members[rng.integers(len(members))]
    return f"with {name[:40]!r}", _zip(rng, _with(name, content, mode)), accept


def _lying(rng: np.random.Generator) -> tuple[str, bytes, bool | None]:
    """An entry of the central directory that tells another size, sum, method or place."""
    content = bytearray(_zip(rng))
    entry = content.rindex(b"PK\1\2")  # of the last member
    fields = {"method": (10, 2), "sum": (16, 4), "packed": (20, 4), "size": (24, 4), "at": (42, 4)}
    what = str(rng.choice(list(fields)))
    place, length = fields[what]
    old = int.from_bytes(content[entry + place : entry + place + length], "little")
    top = 256**length - 1
    # sizes that are larger than they are, and methods that there are not
    news = [97, top] if what == "method" else [(old + 1) % top, old // 2 + 3, 2**31, top - 1]
    new = int(rng.choice([n for n in news if n != old]))
    content[entry + place : entry + place + length] = new.to_bytes(length, "little")
    # what is read up to its sum is read right, whatever is said of its size
    accept = None if what in ("packed", "size") else False
    return f"lying about {what}: {new} for {old}", bytes(content), accept


def _encrypted(rng: np.random.Generator) -> tuple[str, bytes, bool | None]:
    content = bytearray(_zip(rng))
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            content[at + place] |= 1
    return "encrypted", bytes(content), False


def _bomb(rng: np.random.Generator) -> tuple[str, bytes, bool | None]:
    megabytes, count = int(rng.choice([120, 200])), int(rng.integers(1, 4))

    def more(archive: zipfile.ZipFile) -> None:
        for number in range(count):
            with archive.open(f"wav/bomb{number}.wav", "w") as file:
                for _ in range(megabytes):
                    file.write(bytes(2**20))

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        more(archive)
    return f"a bomb of {count} x {megabytes} MiB", file.getvalue(), False


def _overlapping(rng: np.random.Generator) -> tuple[str, bytes, bool | None]:
    """Many entries of one content (Fifield, 2019, "A better zip bomb")."""
    body = _zip(rng, clips=1)
    begin, end = body.index(b"PK\1\2"), body.index(b"PK\5\6")
    entry = body[body.rindex(b"PK\1\2") : end]
    count = int(rng.integers(50, 5_000))
    directory = body[begin:end] + entry * count
    told = struct.pack("<HHHHIIH", 0, 0, count + 2, count + 2, len(directory), begin, 0)
    return f"{count} entries of one content", body[:begin] + directory + b"PK\5\6" + told, False


def _many(rng: np.random.Generator) -> tuple[str, bytes, bool | None]:
    file = io.BytesIO()
    count = int(rng.choice([1, 3])) * 50_000 + 50_001
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(count):
            archive.writestr(zipfile.ZipInfo(f"{number}.wav"), b"")
    return f"{count} members", file.getvalue(), False


def _no_zip(rng: np.random.Generator) -> tuple[str, bytes, bool | None]:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("wav/clip0.wav"))
    contents = (
        *(b"", b"<html>404</html>", b"PK\3\4", b"PK\5\6", b"PK\5\6" + bytes(18), tar.getvalue()),
        *(b"Rar!\x1a\7\0" + bytes(99), b"7z\xbc\xaf\x27\x1c" + bytes(99), bytes(9_999)),
        *(rng.bytes(4_000), wav()),
    )
    number = int(rng.integers(len(contents)))
    return f"no archive {number}", contents[number], False


def _incomplete(rng: np.random.Generator) -> tuple[str, bytes, bool | None]:
    clips = int(rng.choice([0, 1, 3]))
    return f"{clips} clips", _zip(rng, clips=clips), False


_KINDS: dict[Make, float] = {
    _whole: 0.2,
    _cut: 0.13,
    _flipped: 0.13,
    _reaching_out: 0.09,
    _odd_member: 0.15,
    _lying: 0.09,
    _encrypted: 0.02,
    _bomb: 0.03,
    _overlapping: 0.03,
    _many: 0.01,
    _no_zip: 0.08,
    _incomplete: 0.04,
}


def archives(rng: np.random.Generator, count: int) -> Iterator[Case]:
    """As many cases, always the same of one seed."""
    for kind in in_turn(rng, _KINDS, count):
        name, content, accept = kind(rng)

        def write(folder: Path, content: bytes = content) -> None:
            (folder / ARCHIVE).write_bytes(content)

        yield Case(name, accept, prepared(write), build(_CLIPS), _check)


def _check(folder: Path) -> str:
    clips = sorted((folder / OUT / "clips").rglob("*.wav"))
    beside = sorted(path.name for path in (folder / OUT).parent.iterdir())
    if len(clips) != _CLIPS or beside != ["toy"]:
        return f"{clips} and {beside} are there"
    right = [path.read_bytes()[44:] == _data(number) for number, path in enumerate(clips)]
    return "" if all(right) else "a clip has other samples"
