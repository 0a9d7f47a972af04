"""A folder with a few results and clips, and the page served in it, in a process of its own too."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from fastapi.testclient import TestClient

import ser
from ser.clips.audio import write_wav
from ser.clips.manifest import clip_path
from ser.download.synthetic_voice import speak, utterances
from ser.explore.app import Room, make_app
from ser.explore.library import Library
from ser.explore.neighbours import Neighbours
from ser.predict.model import Predictor
from tests.builders import REPOSITORY

PORT, TOKEN = 8000, "the-token-of-the-tests"
HOME = f"http://127.0.0.1:{PORT}"
SYSTEMS = ("emodb", "ravdess", "ravdess_male")
CORPUS, N_CLIPS = "emodb", 9


@dataclass(frozen=True)
class Folder:
    """A project's folder.

    Attributes:
        clips: those of which sound is here, by name.
        voice: a file of speech that no corpus holds.
    """

    path: Path
    clips: tuple[str, ...]
    voice: Path


@pytest.fixture(scope="session")
def model() -> Predictor:
    return ser.load()


@pytest.fixture(scope="session")
def folder(model: Predictor, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Committed predictions of three systems, and voices made by code for clips of one corpus."""
    path = tmp_path_factory.mktemp("explored")
    shutil.copy(REPOSITORY / "params.yaml", path)
    for system in SYSTEMS:
        table = Path("plots/systems") / system / "predictions.csv"
        (path / table).parent.mkdir(parents=True)
        shutil.copy(REPOSITORY / table, path / table)
    names = sorted(clip for clip in model.known.values() if clip.startswith(f"{CORPUS}/"))
    said = utterances(6, 2)
    for clip, utterance in zip(names[:N_CLIPS], said, strict=False):
        file = clip_path(path / "data/corpora" / CORPUS, clip)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_wav(file, speak(utterance, "a"))
    voice = path / "voice.wav"
    write_wav(voice, np.concatenate([speak(said[n], "a") for n in (20, 21)]))
    return Folder(path, tuple(names[:N_CLIPS]), voice)


@pytest.fixture(scope="session")
def room(model: Predictor, tmp_path_factory: pytest.TempPathFactory) -> Room:
    library = Library(set(model.known.values()))
    cache = tmp_path_factory.mktemp("cache")
    return Room(model, library, Neighbours(model, library, cache))


@pytest.fixture
def client(room: Room, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """Asks as the page does, in the folder."""
    monkeypatch.chdir(folder.path)
    monkeypatch.setenv("SER_MIRROR", "")
    headers = {"x-ser-token": TOKEN, "origin": HOME}
    return TestClient(make_app(room, PORT, TOKEN), HOME, headers=headers)


@dataclass(frozen=True)
class Served:
    """The page in a process of its own.

    Attributes:
        link: what it printed.
    """

    link: str
    process: "subprocess.Popen[str]"

    @property
    def port(self) -> int:
        return int(self.link.split(":")[2].partition("/")[0])

    @property
    def token(self) -> str:
        return self.link.partition("#")[2]

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        home = self.link.partition("/#")[0]
        request = Request(f"{home}{path}", body, {"X-Ser-Token": self.token, "Origin": home})
        try:
            with urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            with error:
                return error.code, json.load(error)


@pytest.fixture(scope="session")
def served(folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`ser explore`, as people start it; its end is looked at, too."""
    scratch = tmp_path_factory.mktemp("scratch")
    with subprocess.Popen(
        [sys.executable, "-m", "ser.cli", "explore"],
        cwd=folder.path,
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "TMPDIR": str(scratch),
            "SER_MIRROR": "",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        yield Served(process.stdout.readline().strip(), process)
        process.send_signal(signal.SIGINT)
        try:
            said = process.communicate(timeout=20)[1].splitlines()
        except subprocess.TimeoutExpired:
            process.kill()  # or leaving this block would wait for it for ever
            raise
    assert process.returncode == 130, said
    # the sentence at the beginning, an empty line after ^C, and one sentence at the end
    assert [line for line in said if line][1:] == [
        "The page is closed; nothing of what it heard is kept."
    ], said
    assert not list(scratch.iterdir()), "something is left behind"


def embedding(sight: dict[str, Any]) -> bytes:
    """That of the first stretch, as the page sends it."""
    text = str(sight["said"][0]["embedding"])
    assert base64.b64decode(text)
    return text.encode()
