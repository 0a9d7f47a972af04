"""Hostile uploads and requests against `ser explore`: none may end it, or stay unanswered."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.storm.project import ROOT
from benchmarks.storm.sounds import MIRROR, sounds, wav
from benchmarks.storm.tries import Tally

# how long an answer may take, and how many ask at the same time
PATIENCE_S, _AT_ONCE = 90.0, 4
CROWD = 50
# what may be taken of an upload that never ends
_MOST_BYTES = 60 * 10**6
_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Page:
    """A page that is served.

    Attributes:
        link: as it was printed.
    """

    link: str

    @property
    def port(self) -> int:
        """Where it is."""
        return int(self.link.split(":")[2].partition("/")[0])

    def head(self, first: str, *more: str, host: str = "", token: str | None = None) -> bytes:
        """A request without its body."""
        named = host or f"127.0.0.1:{self.port}"
        own = self.link.partition("#")[2] if token is None else token
        lines = [first, f"Host: {named}", f"Origin: http://{named}", f"X-Ser-Token: {own}", *more]
        return "\r\n".join([*lines, "Connection: close"]).encode() + _END

    def upload(self, content: bytes, told: int | None = None) -> bytes:
        """A whole request that uploads something, and says how long it is, or lies."""
        length = len(content) if told is None else told
        return self.head("POST /api/look HTTP/1.1", f"Content-Length: {length}") + content


@dataclass(frozen=True)
class Attack:
    """What is sent, piece by piece, and which statuses are right; 0 is a closed connection."""

    name: str
    pieces: Callable[[], Iterator[bytes]]
    right: tuple[int, ...]


def one(content: bytes) -> Callable[[], Iterator[bytes]]:
    """A request in one piece."""
    return lambda: iter([content])


def ask(port: int, pieces: Iterator[bytes]) -> tuple[int, str, int]:
    """Status of the answer (0 if there is none), its text, and how many bytes were taken.

    Raises:
        TimeoutError: if there is no answer in time.
    """
    sent = 0
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as line:
        try:
            for piece in pieces:
                line.sendall(piece)
                sent += len(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered, or closed
        answer = b""
        try:
            while piece := line.recv(1 << 16):
                answer += piece
        except ConnectionResetError:
            pass
    head, _, body = answer.partition(_END)
    words = head.split(b" ", 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    return status, body.decode(errors="replace"), sent


def fault_of(page: Page, attack: Attack) -> tuple[str, bool]:
    """What is wrong about the answer, or nothing; and whether it was refused."""
    try:
        status, text, sent = ask(page.port, attack.pieces())
    except TimeoutError:
        return "a hang", False
    if status not in attack.right:
        return f"status {status}: {text[:200]!r}", False
    if "Traceback" in text:
        return "a traceback", False
    if sent > _MOST_BYTES:
        return f"{sent} bytes were taken", False
    if status in (413, 422) and not _sentence(text):
        return f"no sentence: {text[:200]!r}", False
    return "", status != 200


def _sentence(text: str) -> bool:
    try:
        return str(json.loads(text)["sentence"]).endswith(".")
    except (ValueError, KeyError, TypeError):
        return False


def uploads(page: Page, rng: np.random.Generator, count: int) -> Iterator[Attack]:
    """Hostile sounds; pipes and devices among them cannot be uploaded, and are left out."""
    given = 0
    for case in sounds(rng, 10 * count, with_big=False):
        with tempfile.TemporaryDirectory(prefix="storm-") as name:
            case.prepare(Path(name))
            files = [path for path in (Path(name) / MIRROR).iterdir() if path.is_file()]
            content = files[0].read_bytes() if len(files) == 1 and "/dev" not in case.name else b""
        if not content:
            continue
        # what a corpus refuses may be a recording all the same: silent, cut, shorter than a word
        right = (200,) if case.accept and "ADPCM" not in case.name else (200, 422)
        yield Attack(case.name, one(page.upload(content)), right)
        given += 1
        if given == count:
            return


def requests(page: Page) -> list[Attack]:
    """Hostile requests: lies about the length, other hosts and origins, paths, and no HTTP."""
    sound, host = wav(), "evil.example"
    look = "POST /api/look HTTP/1.1"

    def endless() -> Iterator[bytes]:
        yield page.head(look, "Transfer-Encoding: chunked")
        for _ in range(2_000):
            yield b"100000\r\n" + bytes(1 << 20) + b"\r\n"

    def told_endless() -> Iterator[bytes]:
        yield page.head(look, f"Content-Length: {2 * 10**9}")
        for _ in range(2_000):
            yield bytes(10**6)

    def stops() -> Iterator[bytes]:
        yield page.upload(sound, len(sound) // 2)

    up = ("..%2f..%2fparams.yaml", "%2e%2e/app.py", "....//app.py", "%00")
    clips = (
        "..%2f..%2fetc%2fpasswd",
        "%2fetc%2fpasswd",
        "emodb%2f..%2f..%2fx",
        "%ff%fe",
        "a" * 5_000,
    )
    whole = f"Content-Length: {len(sound)}"
    return [
        Attack("2 GB in chunks", endless, (413,)),
        Attack("2 GB, as told", told_endless, (413,)),
        Attack("told to be shorter", stops, (200, 400, 422)),
        Attack("told to be less than nothing", one(page.upload(sound, -1)), (400, 413)),
        Attack("told twice", one(page.head(look, whole, "Content-Length: 7") + sound), (400,)),
        Attack("another host", one(page.head("GET / HTTP/1.1", host=host)), (421,)),
        Attack("an upload to another host", one(page.head(look, whole, host=host) + sound), (421,)),
        Attack("no token", one(page.head(look, whole, token="") + sound), (401,)),
        Attack("two hosts", one(page.head("GET / HTTP/1.1", f"Host: {host}")), (400, 421)),
        Attack(
            "two origins", one(page.head(look, f"Origin: http://{host}", whole) + sound), (403,)
        ),
        Attack("no HTTP", one(b"\x16\x03\x01\x02\x00\x01\x00" * 99), (0, 400)),
        Attack("a line", one(b"GET\r\n\r\n"), (0, 400)),
        Attack("a long line", one(page.head(f"GET /{'a' * 200_000} HTTP/1.1")), (0, 400, 404, 414)),
        Attack(
            "many headers", one(page.head("GET / HTTP/1.1", *["X: y"] * 20_000)), (0, 200, 400, 431)
        ),
        *(
            Attack(f"path {name}", one(page.head(f"GET /static/{name} HTTP/1.1")), (404,))
            for name in up
        ),
        *(
            Attack(
                f"clip {name[:20]}", one(page.head(f"GET /api/sound?clip={name} HTTP/1.1")), (404,)
            )
            for name in clips
        ),
        Attack("a method", one(page.head("DELETE /api/look HTTP/1.1")), (405,)),
        Attack(
            "a socket", one(page.head("GET /api/look HTTP/1.1", "Upgrade: websocket")), (400, 405)
        ),
    ]


def crowd(page: Page, count: int = CROWD) -> list[Attack]:
    """Many at once: each is served, or refused in a sentence."""
    sound = wav(data=b"\x10\x20" * 8_000)
    return [Attack(f"one of {count} at once", one(page.upload(sound)), (200, 503))] * count


def try_attacks(
    page: Page, attacks: Sequence[Attack], tally: Tally, show: Callable[[str], None], at_once: int
) -> None:
    """Send all of them, several at the same time."""
    with ThreadPoolExecutor(at_once) as pool:
        found = pool.map(lambda attack: fault_of(page, attack), attacks)
        for attack, (fault, refused) in zip(attacks, found, strict=True):
            tally.add(attack.name, fault, refused)
            show(tally.faults[-1] if fault else "")


@contextmanager
def served(folder: Path, scratch: Path) -> Iterator[tuple[Page, "subprocess.Popen[str]"]]:
    """`ser explore` in a folder, with a folder for what is temporary."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(scratch), "SER_MIRROR": ""}
    with subprocess.Popen(
        [sys.executable, "-m", "ser.cli", "explore"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            yield Page(process.stdout.readline().strip()), process
        finally:
            process.kill()


def end(page: Page, process: "subprocess.Popen[str]", scratch: Path) -> str:
    """End the page by Ctrl-C; what is wrong about what it left and said, or nothing."""
    status, _, _ = ask(page.port, iter([page.head("GET /api/model HTTP/1.1")]))
    left = [path.name for path in scratch.iterdir()]
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=PATIENCE_S)[1]
    if status != 200:
        return f"the page no longer answers: {status}"
    if left:
        return f"something is left behind: {left[0]}"
    if process.returncode != 130 or "Traceback" in said:
        return f"status {process.returncode}: {said[-300:]!r}"
    sentences = [line for line in said.splitlines() if line]
    return "" if len(sentences) == 2 and sentences[-1].endswith(".") else f"it said {said!r}"


def try_page(rng: np.random.Generator, count: int, show: Callable[[str], None]) -> Tally:
    """Uploads and requests one after the other, a crowd, and the end.

    Args:
        count: how many uploads.
    """
    tally = Tally("page")
    with tempfile.TemporaryDirectory(prefix="storm-") as name:
        folder, scratch = Path(name) / "here", Path(name) / "scratch"
        folder.mkdir()
        scratch.mkdir()
        with served(folder, scratch) as (page, process):
            try_attacks(page, list(uploads(page, rng, count)), tally, show, _AT_ONCE)
            try_attacks(page, requests(page), tally, show, _AT_ONCE)
            try_attacks(page, crowd(page), tally, show, CROWD)
            fault = end(page, process, scratch)
        tally.add("the end", fault, refused=False)
        left = [path.name for path in folder.iterdir()]
        tally.add("the folder", f"holds {left[0]}" if left else "", refused=False)
    return tally
