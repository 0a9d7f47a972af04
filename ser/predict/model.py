"""A model that answers recordings: what `ser.load()` gives."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ser.clips.audio import Float32, Float64, Int16
from ser.core.errors import SerError
from ser.evaluation.calibration import soften
from ser.evaluation.out_of_fold import answer
from ser.models.inference import predict_clip
from ser.predict.hearing import Hearing
from ser.predict.portable import ONNX
from ser.predict.recogniser import ANYBODY, Recogniser, name_of
from ser.predict.released import Released, is_released, load_released
from ser.predict.trust import Trust
from ser.predict.voices import Voice, find_voices, load_parameters

_MODELS = Path("models")


@dataclass(frozen=True)
class Predictor(Recogniser):
    """One or several trained models, and all that they need to answer a sound.

    Attributes:
        voices: several answer together: the mean of what each says.
        hearing: what they are shown of a clip.
        trust: when answers are flagged.
        known: clips of corpora, by the beginning of their samples' hash.
        card: what the model says of itself.
        models: where models of folds are looked for, which held a clip of a corpus out.
    """

    voices: tuple[Voice, ...]
    hearing: Hearing
    trust: Trust
    known: Mapping[int, str]
    card: dict[str, Any]
    models: Path = _MODELS

    @property
    def emotions(self) -> tuple[str, ...]:
        """What it can answer."""
        return self.voices[0].emotions

    @property
    def id(self) -> str:
        """What it is called."""
        return name_of([voice.id for voice in self.voices])

    @property
    def protocol(self) -> str:
        """By which it was trained: who trained, and who was held out."""
        return self.voices[0].protocol

    def without(self, clip: str) -> "Predictor | None":
        """As in `Recogniser`; models of folds are loaded where they are."""
        honest = tuple(voice for voice in self.voices if not voice.knows(clip))
        return replace(self, voices=honest) if honest else self._that_held_out(clip)

    def probabilities(
        self,
        clips: Sequence[Int16],
        corpora: Sequence[str],
        functionals: Float64 | None = None,
    ) -> tuple[Float64, Float64]:
        """As in `Recogniser`."""
        if functionals is None and any(voice.model.linear for voice in self.voices):
            functionals = np.array([self.hearing.functionals(clip) for clip in clips])
        return self.say([self.hearing.features(clip) for clip in clips], functionals, corpora)

    def say(
        self, features: Sequence[Tensor], functionals: Float64 | None, corpora: Sequence[str]
    ) -> tuple[Float64, Float64]:
        """The same of what was already computed of clips.

        Args:
            features: as `Hearing.features` gives them.
            functionals: shape (clips, functionals).
        """
        with one_thread():
            said = [_say(voice, features, functionals, corpora) for voice in self.voices]
        pairs = zip(said, self.voices, strict=True)
        calibrated = [soften(raw, voice.temperature) for raw, voice in pairs]
        return np.mean(said, axis=0), np.mean(calibrated, axis=0)

    def embed(self, samples: Int16) -> Float32:
        """What the last layer of the (first) network sees of a canonical clip, shape (width,)."""
        network = self.voices[0].model.network
        last = [layer for layer in network.network.modules() if isinstance(layer, nn.Linear)][-1]
        seen: list[Tensor] = []
        hook = last.register_forward_pre_hook(lambda _, given: seen.append(given[0][0]))
        try:
            with one_thread():
                predict_clip(network.network, network.normalizer(self.hearing.features(samples)))
        finally:
            hook.remove()
        return seen[0].numpy()

    def _that_held_out(self, clip: str) -> "Predictor | None":
        """Models of folds that never had to do with a clip of a corpus; None if there are none."""
        for found in self._systems(clip.partition("/")[0]):
            honest = tuple(voice for voice in found.voices if not voice.knows(clip))
            if honest:
                return replace(found, voices=honest, trust=self.trust)
        return None

    def _systems(self, corpus: str) -> "list[Predictor]":
        """Systems that test a corpus, as far as their models are here: those of it alone first."""
        if corpus not in self._loaded:
            names = _systems_of(corpus, self.models)
            self._loaded[corpus] = [load(self.models / name) for name in names]
        return self._loaded[corpus]

    @cached_property
    def _loaded(self) -> "dict[str, list[Predictor]]":
        """By corpus; models are loaded when the first of its clips is heard."""
        return {}


def _say(
    voice: Voice, features: Sequence[Tensor], functionals: Float64 | None, corpora: Sequence[str]
) -> Float64:
    linear = voice.model.linear
    known = linear.model.mean if linear else {}
    normalized = [voice.model.network.normalizer(clip) for clip in features]
    names = [corpus if corpus in known else ANYBODY for corpus in corpora]
    return answer(voice.model, normalized, functionals, names)


def _systems_of(corpus: str, models: Path) -> list[str]:
    """Systems with models that test a corpus: those of it alone first."""
    try:
        systems = load_parameters(models / "system").section("systems", dict)
    except SerError:
        return []
    of_corpus = [
        name
        for name, system in systems.items()
        if corpus in system["corpora"] and system.get("gender", "all") == "all"
    ]
    there = [name for name in of_corpus if (models / name).is_dir()]
    return sorted(there, key=lambda name: len(systems[name]["corpora"]))


@contextmanager
def one_thread() -> Iterator[None]:
    """A clip is too small for several threads, which would add up in another order each time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def load(model: str | Path | None = None) -> Predictor:
    """A trained model.

    Args:
        model: nothing for the one that the package carries; or the file of a released model; or a
            system that was trained here: its name, its folder, the folder of one of its seeds, or
            the file of one of its folds.

    Raises:
        SerError: if there is no such model, or it is damaged.
    """
    released = load_released()
    if model is None:
        return _of_released(released)
    path = Path(model)
    if not path.exists() and path.parent == Path() and (_MODELS / path).is_dir():
        path = _MODELS / path
    if not path.exists():
        raise SerError(f"There is no model {path}; name a system, a folder of models, or a file.")
    if path.suffix == ONNX:
        raise SerError(f"{path} is an ONNX file; name it by --onnx, in Python by `ser.load_onnx`.")
    if path.is_file() and is_released(path):
        return _of_released(load_released(path))
    voices = tuple(find_voices(path))
    values = load_parameters(path)
    known, trust = released.known, released.trust
    card = {"name": path.name, "voices": [voice.id for voice in voices]}
    return Predictor(voices, Hearing.of(values), trust, known, card)


def _of_released(released: Released) -> Predictor:
    card = released.card
    hearing = Hearing.build(card.features, card.front_end_settings)
    return Predictor(
        (released.voice,), hearing, released.trust, released.known, card.model_dump(mode="json")
    )
