"""The training clips that are nearest to a sound, as the model's last layer sees them."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ser.clips.audio import Float32
from ser.core.errors import SerError
from ser.core.files import whole_file
from ser.core.settings import PARAMS_FILE
from ser.explore.library import Library, describe
from ser.predict.model import Predictor

State = Literal["no corpus", "to do", "at work", "ready", "failed"]
COUNT = 6
# clips after which what was computed is kept
_KEEP_EVERY = 400


@dataclass(frozen=True)
class Progress:
    """How far the training clips are read.

    Attributes:
        left_s: how long the rest will take; None as long as that is not known.
    """

    state: State
    done: int
    total: int
    left_s: float | None


@dataclass(frozen=True)
class Neighbour:
    """A training clip.

    Attributes:
        similarity: cosine of the two embeddings, each less the mean of all training clips'.
    """

    clip: str
    corpus: str
    speaker: str
    gender: str
    emotion: str
    similarity: float


def cache_folder() -> Path:
    """Where embeddings are kept: in this project, or else in the user's cache."""
    if PARAMS_FILE.is_file():
        return Path("data/explore")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "honest-ser"


class Neighbours:
    """Embeddings of a model's training clips; computed once, when they are first asked for.

    Args:
        folder: where they are kept.
    """

    def __init__(self, model: Predictor, library: Library, folder: Path) -> None:
        # its own, for two threads would see each other's layers
        self._model, self._library = deepcopy(model), library
        clips = sorted(set(model.known.values()))
        self._clips = [clip for clip in clips if model.voices[0].knows(clip)]
        self._path = folder / f"embeddings-{_digest(model)}.safetensors"
        self._found = self._read()
        all_there = 0 < len(self._clips) == len(self._found)
        self._state: State = "ready" if all_there else "to do"
        self._begun, self._total, self._kept = 0.0, 0, 0
        self._lock, self._stopped = threading.Lock(), threading.Event()

    @property
    def progress(self) -> Progress:
        """How far it is."""
        state, done = self._state, len(self._found)
        if state == "to do" and not any(map(self._library.has, self._corpora())):
            state = "no corpus" if not self._path.is_file() else state
        fresh, spent = done - self._kept, time.monotonic() - self._begun
        left = spent / fresh * (self._total - done) if state == "at work" and fresh > 4 else None
        return Progress(state, done, self._total or len(self._clips), left)

    def _corpora(self) -> set[str]:
        return {clip.partition("/")[0] for clip in self._clips}

    def start(self) -> None:
        """Begin to read the training clips, unless that has begun."""
        with self._lock:
            if self._state in ("to do", "failed") and self.progress.state != "no corpus":
                self._state = "at work"
                threading.Thread(target=self._work, daemon=True).start()

    def stop(self) -> None:
        """Keep what is done, and do no more."""
        self._stopped.set()

    def nearest(self, embedding: Float32, without: str | None = None) -> list[Neighbour]:
        """The nearest training clips, the nearest first.

        Args:
            embedding: shape (width,).
            without: a clip that is not meant: the very sound that is compared.
        """
        clips = list(self._found)
        matrix = np.array([self._found[clip] for clip in clips], np.float32)
        mean = matrix.mean(axis=0)
        centred, own = matrix - mean, embedding - mean
        lengths = np.linalg.norm(centred, axis=1) * np.linalg.norm(own)
        similar = (centred @ own) / np.maximum(lengths, 1e-9)
        order = np.argsort(-similar, kind="stable")
        meant = (number for number in order.tolist() if clips[number] != without)
        nearest = islice(meant, COUNT)
        return [_neighbour(clips[number], float(similar[number])) for number in nearest]

    @property
    def width(self) -> int:
        """Numbers of an embedding."""
        return len(next(iter(self._found.values()), ()))

    def _work(self) -> None:
        try:
            self._found = self._read()
            self._kept, self._begun = len(self._found), time.monotonic()
            here = [c for c in self._clips if c in self._found or self._library.path(c)]
            self._total = len(here)
            for clip, embedding in self._embeddings(here):
                self._found[clip] = embedding
                if len(self._found) % _KEEP_EVERY == 0:
                    self._keep()
            if len(self._found) > self._kept:
                self._keep()
            self._state = "ready" if len(self._found) > COUNT else "failed"
        except (SerError, OSError):
            self._state = "failed"

    def _embeddings(self, clips: list[str]) -> Iterator[tuple[str, Float32]]:
        for clip in clips:
            if self._stopped.is_set():
                return
            samples = None if clip in self._found else self._library.samples(clip)
            if samples is not None:
                yield clip, self._model.embed(samples)

    def _keep(self) -> None:
        clips = list(self._found)
        matrix = np.array([self._found[clip] for clip in clips], np.float16)
        with whole_file(self._path) as aside:
            aside.write_bytes(save({"embeddings": matrix}, {"clips": json.dumps(clips)}))

    def _read(self) -> dict[str, Float32]:
        """What an earlier run kept; nothing if that is damaged."""
        with suppress(SafetensorError, OSError, KeyError, ValueError, TypeError):
            with safe_open(self._path, framework="np") as file:
                clips = json.loads((file.metadata() or {})["clips"])
                matrix = file.get_tensor("embeddings").astype(np.float32)
            rows = zip(clips, matrix, strict=True)
            known = set(self._clips)
            return {clip: row for clip, row in rows if clip in known and np.isfinite(row).all()}
        return {}


def _neighbour(clip: str, similarity: float) -> Neighbour:
    name = describe(clip)
    speaker, gender, emotion = (name.speaker, name.gender, name.emotion) if name else ("", "", "")
    return Neighbour(clip, clip.partition("/")[0], speaker, gender, emotion, round(similarity, 4))


def _digest(model: Predictor) -> str:
    """Of all that decides an embedding: the weights, and what they are shown."""
    digest = hashlib.sha256(repr((model.hearing.settings, model.card)).encode())
    for name, values in sorted(model.voices[0].model.network.network.state_dict().items()):
        digest.update(name.encode() + values.numpy().tobytes())
    return digest.hexdigest()[:12]
