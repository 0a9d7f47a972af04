"""A model in one ONNX file, which answers without PyTorch: what `ser predict --onnx` loads.

`ser export onnx` writes it (`ser.export.onnx_file`). Normalisation, warps, both parts and
calibration are nodes of its graph; what they are shown of a clip is computed here, by the same
functions as in training: the logarithm of a matrix, which functionals have, is no operator of ONNX.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, TypeAdapter, ValidationError

from ser.clips.audio import Float64, Int16
from ser.clips.labels import EMOTIONS
from ser.core.errors import SerError
from ser.core.files import regular
from ser.core.settings import Count, Fraction, Positive, Section
from ser.features.settings import FRONT_ENDS, EncoderSettings, Features
from ser.predict.hearing import Hearing
from ser.predict.recogniser import ANYBODY, Recogniser, name_of
from ser.predict.trust import Trust

ONNX = ".onnx"
# the entry of the file's metadata that holds its card
KEY = "honest-ser"
INPUTS = {
    "features": "tensor(float)",
    "rows": "tensor(int64)",
    "functionals": "tensor(double)",
    "corpus": "tensor(int64)",
}
OUTPUTS = ("raw", "calibrated")
# clips that are predicted together, at most
_BATCH = 32


class OnnxCard(Section):
    """What the file says of its model, beside its graph.

    Attributes:
        version: of this description.
        voices: names of the models that answer together, by the first axis of the graph's outputs.
        emotions: by their last axis.
        corpora: by whose clips functionals are standardised, as `corpus` counts them; `ANYBODY`
            stands for all of them together.
        functionals: how many there are.
        features, front_end: by which the network's input is computed, of so many `bands`.
        unsure, unlike: thresholds of warnings.
        mean, scale: functionals of the training clips, shape (functionals,), 32-bit floats in
            base 64.
        known: names of clips of corpora.
        hashes: beginnings of the hashes of their samples, 64-bit integers in base 64.
        honest: which voices had no part of each clip, shape (clips, voices), bytes in base 64.
        weights: SHA-256 of every voice's weights.
        model: the card of the model that was exported.
    """

    version: Literal[1]
    voices: tuple[str, ...] = Field(min_length=1)
    protocol: str
    emotions: tuple[str, ...] = Field(min_length=1)
    corpora: tuple[str, ...]
    functionals: Count
    bands: Count
    features: Features
    front_end: dict[str, Any]
    unsure: Fraction
    unlike: Positive
    mean: str
    scale: str
    known: tuple[str, ...]
    hashes: str
    honest: str
    weights: tuple[str, ...]
    model: dict[str, Any]


def packed(values: npt.NDArray[Any]) -> str:
    """An array as text."""
    return base64.b64encode(values.tobytes()).decode("ascii")


def _unpacked(text: str, kind: str, *shape: int) -> npt.NDArray[Any]:
    return np.frombuffer(base64.b64decode(text, validate=True), kind).reshape(shape)


@dataclass(frozen=True)
class OnnxPredictor(Recogniser):
    """A model in an ONNX file.

    Attributes:
        session: of onnxruntime.
        names: of the voices, by the first axis of the graph's outputs.
        speaking: numbers of those that answer together.
        corpora: number of each.
        honest: which voices had no part of each clip.
    """

    session: Any
    hearing: Hearing
    trust: Trust
    known: Mapping[int, str]
    card: dict[str, Any]
    names: tuple[str, ...]
    speaking: tuple[int, ...]
    labels: tuple[str, ...]
    corpora: Mapping[str, int]
    honest: Mapping[str, npt.NDArray[np.uint8]]

    @property
    def emotions(self) -> tuple[str, ...]:
        """As in `Recogniser`."""
        return self.labels

    @property
    def id(self) -> str:
        """As in `Recogniser`: the model's that was exported."""
        return name_of([self.names[number] for number in self.speaking])

    @property
    def protocol(self) -> str:
        """As in `Recogniser`."""
        return str(self.card["protocol"])

    def without(self, clip: str) -> "OnnxPredictor | None":
        """As in `Recogniser`, of its own voices."""
        honest = tuple(np.flatnonzero(self.honest[clip]).tolist())
        return replace(self, speaking=honest) if honest else None

    def probabilities(
        self,
        clips: Sequence[Int16],
        corpora: Sequence[str],
        functionals: Float64 | None = None,
    ) -> tuple[Float64, Float64]:
        """As in `Recogniser`."""
        said = [np.zeros((0, len(self.labels)))] * 2
        for begin in range(0, len(clips), _BATCH):
            places = slice(begin, begin + _BATCH)
            values = (
                functionals[places]
                if functionals is not None
                else np.array([self.hearing.functionals(clip) for clip in clips[places]])
            )
            found = self._run(clips[places], corpora[places], values)
            said = [np.concatenate(pair) for pair in zip(said, found, strict=True)]
        return said[0], said[1]

    def _run(
        self, clips: Sequence[Int16], corpora: Sequence[str], functionals: Float64
    ) -> list[Float64]:
        """Means over the voices of what the graph says, each of shape (clips, emotions)."""
        rows = [self.hearing.rows(clip) for clip in clips]
        lengths = np.array([len(each) for each in rows], np.int64)
        features = np.zeros((len(rows), lengths.max(), rows[0].shape[1]), np.float32)
        for place, each in zip(features, rows, strict=True):
            place[: len(each)] = each
        anybody = self.corpora[ANYBODY]
        numbers = np.array([self.corpora.get(corpus, anybody) for corpus in corpora], np.int64)
        given = dict(zip(INPUTS, (features, lengths, functionals, numbers), strict=True))
        said = self.session.run(list(OUTPUTS), given)
        return [each[list(self.speaking)].mean(axis=0) for each in said]


def load_onnx(path: str | Path) -> OnnxPredictor:
    """The model in an ONNX file that `ser export onnx` has written.

    Raises:
        SerError: if the file is missing, damaged, or another kind of model.
    """
    path = Path(path)
    if not path.is_file():
        raise SerError(f"The model {path} is missing or no file; write it by `ser export onnx`.")
    try:
        session = _session(regular(path))
        return _checked(session)
    except (SerError, OSError, KeyError, ValueError, ValidationError) as error:
        reason = _short(error)
    except Exception as error:
        # onnxruntime has a class of errors of its own for each kind of damage
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        reason = _short(error)
    raise SerError(
        f"{path} is no model of this version of `ser export onnx` ({reason}); write it again."
    )


def _short(error: Exception) -> str:
    words = " ".join(re.sub(r"\[ONNXRuntimeError\] : \d+ : \w+ : ", "", str(error)).split())
    return words[:200].rstrip(".")


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # what is wrong is raised, too; it need not be logged
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _checked(session: Any) -> OnnxPredictor:
    found = session.get_modelmeta().custom_metadata_map
    if KEY not in found:
        raise ValueError("it has no card of this project")
    card = OnnxCard.model_validate_json(found[KEY])
    _check_graph(session, card)
    strange = sorted(set(card.emotions) - set(EMOTIONS))
    if strange or len(set(card.emotions)) < len(card.emotions):
        raise ValueError(f"its emotions are {', '.join(card.emotions)}")
    if ANYBODY not in card.corpora:
        raise ValueError("it knows nobody's voice but those of corpora")
    mean, scale = (_unpacked(each, "<f4", card.functionals) for each in (card.mean, card.scale))
    if not (np.isfinite(mean).all() and np.isfinite(scale).all() and (scale > 0).all()):
        raise ValueError("its functionals have a mean or a scale that is none")
    hashes = _unpacked(card.hashes, "<i8", len(card.known))
    honest = _unpacked(card.honest, "u1", len(card.known), len(card.voices))
    settings = TypeAdapter(FRONT_ENDS[card.features.front_end]).validate_python(card.front_end)
    if isinstance(settings, EncoderSettings):
        raise ValueError("it hears by an encoder, which needs PyTorch")
    predictor = OnnxPredictor(
        session,
        Hearing.build(card.features, settings),
        Trust(card.unsure, card.unlike, mean, scale),
        dict(zip(hashes.tolist(), card.known, strict=True)),
        card.model_dump(mode="json"),
        card.voices,
        tuple(range(len(card.voices))),
        card.emotions,
        {corpus: number for number, corpus in enumerate(card.corpora)},
        dict(zip(card.known, honest, strict=True)),
    )
    _check_answer(predictor)
    return predictor


def _check_graph(session: Any, card: OnnxCard) -> None:
    inputs = {each.name: (each.type, each.shape) for each in session.get_inputs()}
    if {name: kind for name, (kind, _) in inputs.items()} != INPUTS:
        raise ValueError(f"its graph takes {', '.join(inputs)}")
    if (inputs["features"][1][-1], inputs["functionals"][1][-1]) != (card.bands, card.functionals):
        raise ValueError("its graph and its card do not go together")
    outputs = {each.name: each.shape for each in session.get_outputs()}
    wanted = (len(card.voices), len(card.emotions))
    if set(outputs) != set(OUTPUTS) or any((s[0], s[-1]) != wanted for s in outputs.values()):
        raise ValueError("its graph gives something else than probabilities")


def _check_answer(predictor: OnnxPredictor) -> None:
    """Let it answer once: what does not fit together must not be seen at the first recording."""
    last = max(predictor.corpora, key=predictor.corpora.__getitem__)
    for said in predictor.probabilities([np.zeros(800, np.int16)], [last]):
        if not (said >= 0).all() or not np.allclose(said.sum(axis=1), 1, atol=1e-6):
            raise ValueError("its graph gives something else than probabilities")
