"""The page's server: what may be asked, each thing in a few lines."""

import asyncio
import base64
import binascii
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from ser.clips.audio import Float32
from ser.core.errors import SerError
from ser.explore.desk import Desk
from ser.explore.guards import Guard, refused
from ser.explore.library import Library
from ser.explore.neighbours import Neighbour, Neighbours, Progress, cache_folder
from ser.explore.refusals import NO_CLIP, STRANGE, Refusal, RefusedError
from ser.explore.results import (
    SYSTEMS,
    Answered,
    Compared,
    System,
    answers_of,
    compare_sides,
    describe_system,
    find_tables,
    read_side,
)
from ser.explore.sights import Sight, look_at, wav
from ser.explore.uploads import LARGEST_BYTES, bounded, read_upload
from ser.explore.words import words
from ser.predict.model import Predictor
from ser.reports.revisions import list_revisions

_STATIC = Path(__file__).with_name("static")
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_LARGEST_VECTOR = 1 << 16


@dataclass(frozen=True)
class Room:
    """What requests share.

    Attributes:
        sounds: where sounds are answered: one at a time, for the model takes all of a core.
        tables: where results are read, and clips played.
        turn: of the processes that decode uploads.
    """

    model: Predictor
    library: Library
    neighbours: Neighbours
    sounds: Desk = field(default_factory=lambda: Desk(1, 9))
    tables: Desk = field(default_factory=lambda: Desk(2, 60))
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    @classmethod
    def of(cls, model: Predictor) -> "Room":
        """For a model, in the present folder."""
        library = Library(set(model.known.values()))
        return cls(model, library, Neighbours(model, library, cache_folder()))

    @asynccontextmanager
    async def open(self, _: FastAPI) -> AsyncIterator[None]:
        """Close what was begun when the server ends."""
        try:
            yield
        finally:
            self.neighbours.stop()
            self.sounds.close()
            self.tables.close()


def make_app(room: Room, port: int, token: str) -> Guard:
    """The application behind its guard.

    Args:
        port: at which it is served.
        token: what requests must bring.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=room.open)
    app.add_exception_handler(RefusedError, _on_refused)
    app.add_exception_handler(SerError, _on_error)
    _add_page(app)
    _add_sounds(app, room)
    _add_neighbours(app, room)
    _add_results(app, room)
    return Guard(app, port, token)


def _on_refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RefusedError)
    return refused(error.refusal)


def _on_error(_: Request, error: Exception) -> JSONResponse:
    return refused(Refusal(422, "unreadable", str(error)))


def _add_page(app: FastAPI) -> None:
    files = {path.name: path.read_bytes() for path in _STATIC.iterdir() if path.suffix in _KINDS}
    page = files.pop("index.html")

    @app.get("/")
    async def index(request: Request) -> Response:
        content = page.replace(b"{nonce}", request.state.nonce.encode())
        return Response(content, media_type="text/html")

    @app.get("/static/{name}")
    async def static(name: str) -> Response:
        if name not in files:
            return Response(status_code=404)
        return Response(files[name], media_type=_KINDS[Path(name).suffix])

    @app.get("/words")
    async def all_words() -> dict[str, dict[str, str]]:
        return words()


def _add_sounds(app: FastAPI, room: Room) -> None:
    @app.get("/api/model")
    async def model() -> dict[str, Any]:
        return {
            "id": room.model.id,
            "protocol": room.model.protocol,
            "emotions": room.model.emotions,
            "unsure": room.model.trust.unsure,
            "largest": LARGEST_BYTES,
        }

    @app.post("/api/look")
    async def look(request: Request) -> Sight:
        async with room.sounds.seat():
            told = request.headers.get("content-length")
            samples = await read_upload(request.stream(), told, room.turn)
            return await room.sounds.work(look_at, room.model, samples)

    @app.get("/api/clip")
    async def look_at_clip(clip: str) -> Sight:
        async with room.sounds.seat():
            samples = await room.tables.work(room.library.samples, clip)
            if samples is None:
                raise RefusedError(NO_CLIP)
            return await room.sounds.work(look_at, room.model, samples)

    @app.get("/api/sound")
    async def sound(clip: str) -> Response:
        async with room.tables.seat():
            samples = await room.tables.work(room.library.samples, clip)
        if samples is None:
            raise RefusedError(NO_CLIP)
        return Response(wav(samples), media_type="audio/wav")


def _add_neighbours(app: FastAPI, room: Room) -> None:
    @app.get("/api/training")
    async def training() -> Progress:
        async with room.tables.seat():
            return await room.tables.work(lambda: room.neighbours.progress)

    @app.post("/api/training")
    async def read_training() -> Progress:
        async with room.tables.seat():
            await room.tables.work(room.neighbours.start)
            return room.neighbours.progress

    @app.post("/api/nearest")
    async def nearest(request: Request, without: str = "") -> list[Neighbour]:
        async with room.tables.seat():
            given = io.BytesIO()
            told = request.headers.get("content-length")
            await bounded(request.stream(), told, _LARGEST_VECTOR, given)
            embedding = _vector(given.getvalue(), room.neighbours.width)
            return await room.tables.work(room.neighbours.nearest, embedding, without or None)


def _vector(given: bytes, width: int) -> Float32:
    try:
        values: Float32 = np.frombuffer(base64.b64decode(given, validate=True), "<f4")
    except (binascii.Error, ValueError):
        raise RefusedError(STRANGE) from None
    if not width or values.shape != (width,) or not np.isfinite(values).all():
        raise RefusedError(STRANGE)
    return values


def _add_results(app: FastAPI, room: Room) -> None:
    def describe() -> list[System]:
        found = []
        for name in find_tables():
            table = read_side(name)
            room.library.learn(table["clip"])
            corpora = sorted(set(table["corpus"]))
            found.append(describe_system(name, [one for one in corpora if room.library.has(one)]))
        return found

    @app.get("/api/systems")
    async def systems() -> list[System]:
        async with room.tables.seat():
            return await room.tables.work(describe)

    @app.get("/api/answers")
    async def answers(system: str) -> list[Answered]:
        async with room.tables.seat():
            return await room.tables.work(answers_of, system)

    @app.get("/api/revisions")
    async def revisions() -> list[tuple[str, str]]:
        async with room.tables.seat():
            return await room.tables.work(list_revisions, SYSTEMS.as_posix())

    @app.get("/api/compare")
    async def compare(a: str, b: str, at_a: str = "", at_b: str = "") -> Compared:
        async with room.tables.seat():
            return await room.tables.work(compare_sides, (a, at_a), (b, at_b))
