"""What comes in as sound: counted, read elsewhere, answered as `ser predict` answers, forgotten."""

import asyncio
import base64
import io
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
import soundfile as sf
from fastapi.testclient import TestClient

from benchmarks.storm.sounds import encoded
from ser.explore import uploads
from ser.explore.app import Room
from ser.explore.desk import Desk
from ser.explore.refusals import BUSY, LARGE, SLOW, RefusedError
from ser.explore.sights import look_at, windows
from ser.predict.model import Predictor
from tests.conftest import case
from tests.explore.conftest import Folder, embedding


def test_an_upload_is_answered_as_at_the_prompt(
    client: TestClient, folder: Folder, model: Predictor
) -> None:
    sight = client.post("/api/look", content=folder.voice.read_bytes()).json()
    said = [{**one["answer"], "file": str(folder.voice)} for one in sight["said"]]
    assert said == [answer.record for answer in model.predict(folder.voice)]
    heard, rate_hz = sf.read(io.BytesIO(base64.b64decode(sight["sound"])), dtype="int16")
    samples, _ = sf.read(folder.voice, dtype="int16")
    assert rate_hz == 16_000
    np.testing.assert_array_equal(heard, samples)
    assert sight["seconds"] == pytest.approx(len(samples) / 16_000)
    assert max(sight["peaks"]) == pytest.approx(
        np.abs(samples.astype(int)).max() / 32_768, abs=1e-4
    )


def test_the_spectrogram_is_that_of_the_front_end(folder: Folder, model: Predictor) -> None:
    """A tone of 1 kHz is brightest where the tick of 1 kHz is."""
    tone = (8_000 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)).astype(np.int16)
    shown = look_at(model, tone).spectrogram
    image = np.frombuffer(base64.b64decode(shown.image), np.uint8)
    image = image.reshape(shown.columns, shown.bands)
    assert image.max() == 255
    height = (image[shown.columns // 2].argmax() + 0.5) / shown.bands
    assert height == pytest.approx(dict(shown.ticks)[1000], abs=1.5 / shown.bands)
    hop_s = 1 / (shown.columns - 1)
    assert hop_s == pytest.approx(0.02)


def test_windows_stand_where_somebody_speaks(folder: Folder, model: Predictor) -> None:
    speech, _ = sf.read(folder.voice, dtype="int16")
    silence = np.zeros(48_000, np.int16)
    samples = np.concatenate([speech, silence])
    answers = list(model.answers_of_blocks([samples]))
    found = windows(model, samples)
    assert len(found.centres) == len(found.probabilities) <= 80
    assert found.probabilities[-1] is None
    spoken = [row for row in found.probabilities if row is not None]
    assert spoken
    assert np.allclose(np.sum(spoken, axis=1), 1, atol=1e-3)
    for centre, row in zip(found.centres, found.probabilities, strict=True):
        assert (row is not None) == any(one.begin <= centre <= one.end for one in answers)


def test_what_is_no_sound_is_refused_in_a_sentence(client: TestClient) -> None:
    sent = {
        b"": "empty",
        b"no sound": "unreadable",
        encoded(np.zeros(0, np.int16), 16_000, "WAV", "PCM_16"): "unreadable",
        encoded(np.full(800, np.nan), 16_000, "WAV", "FLOAT"): "unreadable",
        encoded(np.zeros(301 * 8_000, np.int16), 8_000, "FLAC", "PCM_16"): "long",
    }
    for content, code in sent.items():
        with case(code, len(content)):
            answer = client.post("/api/look", content=content)
            assert answer.status_code in (413, 422)
            assert answer.json()["code"] == code
            assert answer.json()["sentence"].endswith(".")


def test_a_length_is_counted_whatever_is_told(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LARGEST_BYTES", 10_000)
    taken = 0

    def endless() -> "AsyncIterator[bytes]":
        async def pieces() -> AsyncIterator[bytes]:
            nonlocal taken
            while True:
                taken += 1_000
                yield bytes(1_000)

        return pieces()

    for told, most in (("2000000000", 0), ("9" * 5_000, 0), (None, 11_000), ("5", 11_000)):
        taken = 0
        with case(told), pytest.raises(RefusedError) as caught:
            asyncio.run(uploads.bounded(endless(), told, 10_000, io.BytesIO()))
        assert caught.value.refusal == LARGE
        assert taken <= most, "more was taken than is allowed"
    assert client.post("/api/look", content=bytes(10_001)).json()["code"] == "large"


def test_who_sends_nothing_does_not_keep_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_UPLOAD_S", 0.05)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"RIFF"
        await asyncio.sleep(60)

    with pytest.raises(RefusedError) as caught:
        asyncio.run(uploads.bounded(stalled(), None, 100, io.BytesIO()))
    assert caught.value.refusal == SLOW


def test_a_decoder_that_hangs_or_crashes_does_not_take_the_page_along(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "_READING_S", 0.3)
    for program in ("import time; time.sleep(60)", "import os; os.abort()"):
        monkeypatch.setattr(uploads, "_PROGRAM", ("-c", program))
        with case(program):
            assert client.post("/api/look", content=b"a sound").json()["code"] == "hard"
    assert client.get("/api/model").status_code == 200


def test_a_desk_sends_away_who_finds_no_seat() -> None:
    desk = Desk(1, 2)
    working = 0

    async def one() -> str:
        nonlocal working
        try:
            async with desk.seat():
                working += 1
                assert working <= 3
                await desk.work(sum, [1])
                working -= 1
                return "served"
        except RefusedError as error:
            return error.refusal.code

    async def crowd() -> list[str]:
        return await asyncio.gather(*(one() for _ in range(50)))

    assert asyncio.run(crowd()) == ["served"] * 3 + [BUSY.code] * 47
    assert asyncio.run(one()) == "served"
    desk.close()


def test_the_nearest_training_clips_are_read_once_and_kept(
    client: TestClient, folder: Folder, room: Room
) -> None:
    assert client.get("/api/training").json()["state"] == "to do"
    client.post("/api/training")
    while client.get("/api/training").json()["state"] == "at work":
        time.sleep(0.05)
    progress = client.get("/api/training").json()
    assert (progress["state"], progress["done"]) == ("ready", len(folder.clips))
    # a clip is its own nearest, unless it is left out; it is no clip of the corpus by its samples
    for clip in folder.clips[:2]:
        sight = client.get("/api/clip", params={"clip": clip}).json()
        assert sight["clip"] is None
        found = client.post("/api/nearest", content=embedding(sight)).json()
        similar = [one["similarity"] for one in found]
        assert similar == sorted(similar, reverse=True)
        params = {"without": clip}
        others = client.post("/api/nearest", content=embedding(sight), params=params).json()
        assert clip not in [one["clip"] for one in others]
        assert {one["clip"] for one in found} <= set(folder.clips)
        assert all(one["emotion"] and one["speaker"] for one in found)
    again = type(room.neighbours)(room.model, room.library, room.neighbours._path.parent)
    assert again._read().keys() == set(folder.clips)
    again._path.write_bytes(b"damaged")
    assert again._read() == {}
    for vector in (b"", b"x", b"AAAA", base64.b64encode(np.full(384, np.nan, "<f4").tobytes())):
        assert client.post("/api/nearest", content=vector).status_code == 422
    assert client.post("/api/nearest", content=bytes(1 << 17)).status_code == 413
