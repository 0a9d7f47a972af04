"""Hostile sounds: what is whole is to be accepted with the right values, all else refused."""

import io
import os
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf

from benchmarks.storm.corpus import OUT, build, prepared
from benchmarks.storm.tries import Case, in_turn

MIRROR = Path("mirror/toy")
CANONICAL_HZ = 16_000
Samples = npt.NDArray[np.float64]

# format, subtype, how far the level may be off, and whether it has two channels at most
_PCM = [
    *(("WAV", kind) for kind in ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
    *(("WAVEX", kind) for kind in ("PCM_16", "FLOAT")),
    *(("AIFF", kind) for kind in ("PCM_16", "PCM_24", "FLOAT")),
    *(("AU", kind) for kind in ("PCM_16", "FLOAT", "DOUBLE")),
    *(("FLAC", kind) for kind in ("PCM_16", "PCM_24")),
]
_COARSE = [
    *(("WAV", kind) for kind in ("PCM_U8", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM")),
    *(("AU", kind) for kind in ("PCM_S8", "ULAW", "ALAW")),
    ("AIFF", "PCM_S8"),
    ("FLAC", "PCM_S8"),
]
_LOSSY = [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]
_RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000)
_RATES_OF = {
    "OPUS": (8_000, 12_000, 16_000, 24_000, 48_000),
    "MPEG_LAYER_III": (8_000, 16_000, 22_050, 32_000, 44_100, 48_000),
    "VORBIS": (8_000, 16_000, 22_050, 44_100, 48_000),
}
_ENDINGS = {"WAVEX": "wav"}


@dataclass(frozen=True)
class _Voice:
    """A tone in a form; the same in all channels.

    Attributes:
        peak: 1 is full scale.
        tolerance: how far the level may be off once it was read, as a share.
    """

    form: str
    subtype: str
    rate_hz: int
    channels: int
    seconds: float
    tone_hz: float
    peak: float
    tolerance: float

    @property
    def name(self) -> str:
        return f"clip.{_ENDINGS.get(self.form, self.form.lower())}"

    @property
    def samples(self) -> Samples:
        """Shape (frames, channels)."""
        times = np.arange(round(self.seconds * self.rate_hz)) / self.rate_hz
        tone = self.peak * np.sin(2 * np.pi * self.tone_hz * times)
        return np.repeat(tone[:, np.newaxis], self.channels, axis=1)

    @property
    def encoded(self) -> bytes:
        return encoded(self.samples, self.rate_hz, self.form, self.subtype)

    def check(self, folder: Path) -> str:
        """What is wrong with the clip that was made of it: its length or its level."""
        (path,) = (folder / OUT / "clips").glob("*.wav")
        clip, rate_hz = sf.read(path, dtype="int16", always_2d=True)
        slack_s = 0.03 if self.tolerance < 0.1 else 0.15
        if rate_hz != CANONICAL_HZ or clip.shape[1] != 1:
            return f"the clip has {rate_hz} Hz, {clip.shape[1]} channels"
        if abs(len(clip) / CANONICAL_HZ - self.seconds) > slack_s:
            return f"{len(clip)} samples of {self.seconds:.3f} s"
        middle = clip[len(clip) // 4 : len(clip) - len(clip) // 4].astype(float)
        level = np.sqrt(2 * np.square(middle).mean()) / 32_768
        off = abs(level / self.peak - 1)
        return f"the level is {level:.4f}, not {self.peak:.4f}" if off > self.tolerance else ""


def encoded(samples: npt.NDArray[np.generic], rate_hz: int, form: str, subtype: str) -> bytes:
    """A file of sound, as libsndfile writes it."""
    file = io.BytesIO()
    sf.write(file, samples, rate_hz, format=form, subtype=subtype)
    return file.getvalue()


def _voice(rng: np.random.Generator, forms: list[tuple[str, str]] | None = None) -> _Voice:
    kinds = forms or [_PCM, _COARSE, _LOSSY][rng.choice(3, p=[0.6, 0.25, 0.15])]
    form, subtype = kinds[rng.integers(len(kinds))]
    lossy = (form, subtype) in _LOSSY
    coarse = (form, subtype) in _COARSE
    rate_hz = int(rng.choice(_RATES_OF.get(subtype, _RATES)))
    return _Voice(
        form,
        subtype,
        rate_hz,
        int(rng.integers(1, 3 if lossy or "ADPCM" in subtype else 7)),
        float(rng.uniform(0.3, 0.8) if lossy or "ADPCM" in subtype else rng.uniform(0.06, 0.8)),
        float(rng.uniform(200, 0.2 * min(rate_hz, CANONICAL_HZ))),
        float(10 ** rng.uniform(-0.6 if lossy or coarse else -2, -0.1)),
        0.3 if lossy else 0.1 if coarse else 0.05,
    )


def _case(
    name: str,
    content: bytes,
    accept: bool | None,
    file: str = "clip.wav",
    check: Callable[[Path], str] = lambda folder: "",
) -> Case:
    def write(folder: Path) -> None:
        (folder / MIRROR).mkdir(parents=True)
        (folder / MIRROR / file).write_bytes(content)

    return _placed(name, write, accept, check)


def _placed(
    name: str,
    write: Callable[[Path], object],
    accept: bool | None,
    check: Callable[[Path], str] = lambda folder: "",
) -> Case:
    def work() -> object:
        os.environ["SER_MIRROR"] = "mirror"
        return build()()

    return Case(name, accept, prepared(write), work, check)


def _whole(rng: np.random.Generator) -> Case:
    voice = _voice(rng)
    return _case(f"whole {voice}", voice.encoded, True, voice.name, voice.check)


def _cut(rng: np.random.Generator) -> Case:
    voice = _voice(rng)
    content = voice.encoded
    # a byte at the end may be padding; what an MP3 lacks at its end may be its last frame
    most = len(content) * 8 // 10 if voice.form == "MP3" else len(content) - 2
    kept = int(rng.integers(0, most))
    return _case(f"cut to {kept} {voice}", content[:kept], False, voice.name)


def _flipped(rng: np.random.Generator) -> Case:
    voice = _voice(rng)
    content = bytearray(voice.encoded)
    in_data = voice.form == "WAV" and voice.subtype == "PCM_16" and bool(rng.integers(2))
    places = rng.integers(48 if in_data else 0, len(content), rng.integers(1, 9))
    for place in places:
        content[place] ^= int(rng.integers(1, 256))
    name = f"flipped {places.tolist()} {voice}"
    return _case(name, bytes(content), True if in_data else None, voice.name)


def chunk(name: bytes, body: bytes, length: int | None = None, order: str = "<") -> bytes:
    """A chunk of a WAV file, with a length of its own or another one."""
    told = struct.pack(f"{order}I", len(body) if length is None else length)
    return name + told + body + b"\0" * (len(body) % 2)


def wav(
    *,
    tag: int = 1,
    channels: int = 1,
    rate_hz: int = CANONICAL_HZ,
    bits: int = 16,
    data: bytes = b"\x10\x20" * 3200,
    length: int | None = None,
    order: str = "<",
    parts: Callable[[bytes, bytes], bytes] = lambda form, data: form + data,
) -> bytes:
    """A WAV file made by hand, in which everything may be a lie."""
    align = channels * bits // 8
    rates = (rate_hz, rate_hz * align % 2**32, align % 2**16, bits)
    form = chunk(b"fmt ", struct.pack(f"{order}HHIIHH", tag, channels, *rates), order=order)
    body = parts(form, chunk(b"data", data, length, order))
    head = b"RIFF" if order == "<" else b"RIFX"
    return head + struct.pack(f"{order}I", 4 + len(body)) + b"WAVE" + body


def _odd_headers() -> list[tuple[str, bytes, bool | None]]:
    extra = chunk(b"LIST", b"INFO" + bytes(99)) + chunk(b"data"[::-1], bytes(7))
    rates = (0, 1, 100, 3_999, 384_001, 100_000_000, 2**31 - 1, 2**31, 2**32 - 1)
    return [
        *((f"a rate of {rate}", wav(rate_hz=rate), False) for rate in rates),
        *((f"a rate of {rate}", wav(rate_hz=rate), True) for rate in (4_000, 16_001, 48_001)),
        *((f"{n} channels", wav(channels=n), False) for n in (0, 1_025, 65_535)),
        *((f"{bits} bits", wav(bits=bits), False) for bits in (0, 65, 65_535)),
        *((f"the code {tag}", wav(tag=tag), False) for tag in (0, 0x5000, 0xFFFF)),
        ("floats that are whole numbers", wav(tag=3, bits=32), None),
        ("big-endian", wav(order=">"), True),
        ("big-endian, cut", wav(order=">")[:-1000], False),
        ("of data unknown", wav(length=2**32 - 1), True),
        ("data that are said to be longer", wav(length=6_402), False),
        ("data that are said to be 1 GB", wav(length=2**30), False),
        ("data that are said to be none", wav(length=0), None),
        ("no format", wav(parts=lambda form, data: data), False),
        ("no data", wav(parts=lambda form, data: form), False),
        ("the format last", wav(parts=lambda form, data: data + form), None),
        ("two formats", wav(parts=lambda form, data: form + form + data), None),
        ("twice the data", wav(parts=lambda form, data: form + data + data), None),
        ("more chunks", wav(parts=lambda form, data: form + extra + data), True),
        ("more chunks, cut", wav(parts=lambda form, data: form + extra + data)[:-999], False),
        (
            "a chunk that is said to be 4 GB",
            wav(parts=lambda form, data: form + chunk(b"junk", b"", 2**32 - 1) + data),
            False,
        ),
        (
            "a thousand chunks",
            wav(parts=lambda form, data: form + chunk(b"junk", b"12") * 1_000 + data),
            True,
        ),
        ("a wrong length of all", wav().replace(wav()[4:8], b"\1\0\0\0", 1), None),
    ]


def _odd_header(rng: np.random.Generator) -> Case:
    odd = _odd_headers()
    name, content, accept = odd[rng.integers(len(odd))]
    return _case(f"header: {name}", content, accept)


def _no_sound(rng: np.random.Generator) -> Case:
    heads = (
        *(b"", b"RIFF", b"RIFF\xff\xff\xff\xffWAVE", b"fLaC", b"OggS", b"ID3\4", b"FORM", b".snd"),
        *(b"\xff\xfb\x90\x00", b"PK\3\4", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7", b"\x1f\x8b", b"caff"),
        *(b"<!DOCTYPE html><html>404</html>", b"#!/bin/sh\n", b"\x80\x04\x95", b"version https://"),
    )
    head = heads[rng.integers(len(heads))]
    body = rng.bytes(int(rng.choice([0, 1, 11, 100, 5_000])))
    ending = rng.choice(["wav", "flac", "mp3", "ogg", "opus", "aif", "aiff", "au", "w64", "oga"])
    if rng.integers(2):
        body = bytes(len(body))
    # a random stream may hold what passes for frames of MP3
    sure = not head.startswith((b"\xff\xfb", b"ID3")) and len(body) < 1_000
    return _case(f"no sound: {head!r}", head + body, False if sure else None, f"clip.{ending}")


def _odd_samples(rng: np.random.Generator) -> Case:
    voice = _voice(rng, [pair for pair in _PCM if pair[0] != "FLAC"])
    samples, floats = voice.samples, voice.subtype in ("FLOAT", "DOUBLE")
    what = str(
        rng.choice(
            ["silent", "opposite", "one channel", "short", "empty", "quiet"]
            + (["nan", "infinite", "loud", "huge"] if floats else [])
        )
    )
    accept: bool | None = False
    if what == "silent":
        samples[:] = 0
    elif what == "opposite":
        samples = np.rint(samples * 32_768) / 32_768  # so that the sum is zero in any coding
        samples = np.concatenate([samples, -samples], axis=1)
    elif what == "one channel":
        samples[:, 1:] = 0
        accept = True
    elif what == "short":
        samples = samples[: int(rng.integers(1, 0.04 * voice.rate_hz))]
    elif what == "empty":
        samples = samples[:0]
    elif what == "quiet":
        samples = np.sign(samples + 1e-9) * 2 / 32_768
        accept = True
    elif what == "loud":
        samples *= 3 / voice.peak
        accept = True
    elif what == "huge":
        samples *= 1e30
        accept = True
    else:
        samples[rng.integers(len(samples))] = np.nan if what == "nan" else -np.inf
    content = encoded(samples, voice.rate_hz, voice.form, voice.subtype)
    return _case(f"{what} samples {voice}", content, accept, voice.name)


def _odd_place(rng: np.random.Generator) -> Case:
    places: dict[str, tuple[Callable[[Path], object], bool]] = {
        "a pipe": (os.mkfifo, False),
        "a folder": (Path.mkdir, False),
        "a link to itself": (lambda path: path.symlink_to(path.name), False),
        "a link to nothing": (lambda path: path.symlink_to("nothing"), False),
        "a device": (lambda path: path.symlink_to("/dev/zero"), False),
        "a socket": (_socket, False),
        "a link out of the mirror": (_link_out, False),
        "a link within the mirror": (_link_in, True),
        "an empty folder beside": (lambda path: path.parent.joinpath("more").mkdir(), False),
    }
    name = list(places)[rng.integers(len(places))]
    make, accept = places[name]

    def write(folder: Path) -> None:
        (folder / MIRROR).mkdir(parents=True)
        make(folder / MIRROR / "clip.wav")

    return _placed(f"place: {name}", write, accept)


def _socket(path: Path) -> None:
    # the path of a socket is short: it is made where it is
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(before)


def _link_out(path: Path) -> None:
    (path.parents[2] / "out.wav").write_bytes(wav())
    path.symlink_to("../../out.wav")


def _link_in(path: Path) -> None:
    (path.parents[1] / "in.wav").write_bytes(wav())
    path.symlink_to("../in.wav")


def _odd_name(rng: np.random.Generator) -> Case:
    unprintable = (
        *(b"a\nb.wav", b"a\rb.wav", b"\x1b[31mred.wav", b"\x07bell.wav", b"\xff\xfe.wav"),
        "\u202egnp.wav".encode(),
    )
    odd = (
        *(b"-rf.wav", "e\u0301.wav".encode(), b"a b.wav", b"$(id).wav", b"%s%n.wav"),
        *(b"a'b\".wav", b"clip.WAV", "🎙.wav".encode(), b"a" * 200 + b".wav", b"=1+1.wav"),
    )
    name = (unprintable + odd)[rng.integers(len(unprintable + odd))]
    whole = bool(rng.integers(2))
    content = wav() if whole else wav()[:-100]
    accept = whole and name in odd
    return _case(f"named {name!r}, {accept}", content, accept, os.fsdecode(name), _canonical)


def _canonical(folder: Path) -> str:
    return "" if len(list((folder / OUT / "clips").rglob("*.wav"))) == 1 else "no clip was made"


def _big() -> Iterator[Case]:
    def sparse(seconds: int, rate_hz: int, channels: int) -> Callable[[Path], None]:
        size = seconds * rate_hz * channels * 2
        head = wav(rate_hz=rate_hz, channels=channels, length=size)

        def write(folder: Path) -> None:
            (folder / MIRROR).mkdir(parents=True)
            with (folder / MIRROR / "clip.wav").open("wb") as file:
                file.write(head)
                file.truncate(44 + size)

        return write

    yield _placed("20 minutes of stereo", sparse(1_200, 44_100, 2), True)
    yield _placed("50 s of 1,000 channels", sparse(50, 4_000, 1_000), True)
    yield _placed("59 s at 384 kHz", sparse(59, 384_000, 2), True)
    yield _placed("10 hours", sparse(36_000, 16_000, 1), False)
    hours = encoded(np.zeros(3 * 3_600 * 8_000, np.int16), 8_000, "FLAC", "PCM_16")
    yield _case("3 hours of silence in a small FLAC", hours, False, "clip.flac")


_KINDS = {
    _whole: 0.28,
    _cut: 0.2,
    _flipped: 0.14,
    _odd_header: 0.12,
    _no_sound: 0.1,
    _odd_samples: 0.08,
    _odd_place: 0.04,
    _odd_name: 0.04,
}


def sounds(rng: np.random.Generator, count: int, with_big: bool = True) -> Iterator[Case]:
    """As many cases, always the same of one seed; a few of great size come last."""
    for kind in in_turn(rng, _KINDS, count):
        yield kind(rng)
    if with_big:
        yield from _big()
