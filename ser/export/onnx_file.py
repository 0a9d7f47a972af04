"""`ser export onnx`: a model in one ONNX file, which answers without PyTorch."""

import hashlib
from pathlib import Path

import numpy as np

from ser.clips.audio import SAMPLE_RATE_HZ, Int16
from ser.core.errors import SerError
from ser.core.files import whole_file
from ser.predict.model import Predictor
from ser.predict.portable import KEY, ONNX, OnnxCard, load_onnx, packed
from ser.predict.recogniser import ANYBODY
from ser.predict.voices import Voice

# how far a probability of the file may be from the model's
TOLERANCE = 1e-4
_LENGTHS_S = (0.05, 0.4, 1.0, 2.3)


def export_onnx(model: Predictor, out: Path) -> None:
    """Write a model as `load_onnx` reads it.

    What was written is read again and compared with the model, on a few sounds of different length.

    Raises:
        SerError: if onnx is not installed, the model is of a kind that cannot be written, or what
            was written does not answer as the model does.
    """
    try:
        from ser.export.graph import build_graph, corpora_of
    except ImportError as error:
        if error.name not in ("onnx", "ml_dtypes"):
            raise
        raise SerError(
            "Writing ONNX needs the package onnx; run `pip install 'honest-ser[export]'`."
        ) from None
    if out.suffix != ONNX:
        raise SerError(f"{out} is not called like an ONNX file; end its name with {ONNX}.")
    network = model.voices[0].model.network.network
    count = len(model.trust.mean)
    graph = build_graph(model.voices, network.layout.bands, count)
    card = _card(model, corpora_of(model.voices), network.layout.bands)
    graph.metadata_props.add(key=KEY, value=card.model_dump_json())
    graph.doc_string = (
        "Probabilities of emotions, made by `ser export onnx`. What its inputs are, and how they "
        "are computed of a sound, says its metadata."
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(out) as aside:
        aside.write_bytes(graph.SerializeToString(deterministic=True))
        _compare(model, aside)


def _card(model: Predictor, corpora: list[str], bands: int) -> OnnxCard:
    clips = sorted(model.known.items(), key=lambda pair: pair[1])
    honest = [[not voice.knows(clip) for voice in model.voices] for _, clip in clips]
    mean, scale = (each.astype("<f4") for each in (model.trust.mean, model.trust.scale))
    return OnnxCard(
        version=1,
        voices=tuple(voice.id for voice in model.voices),
        protocol=model.protocol,
        emotions=model.emotions,
        corpora=tuple(corpora),
        functionals=len(mean),
        bands=bands,
        features=model.hearing.settings,
        front_end=model.hearing.front_end_settings.model_dump(),
        unsure=model.trust.unsure,
        unlike=model.trust.unlike,
        mean=packed(mean),
        scale=packed(scale),
        known=tuple(clip for _, clip in clips),
        hashes=packed(np.array([number for number, _ in clips], "<i8")),
        honest=packed(np.array(honest, np.uint8)),
        weights=tuple(_digest(voice) for voice in model.voices),
        model=model.card,
    )


def _digest(voice: Voice) -> str:
    """Hash of all trained numbers of a model."""
    found = hashlib.sha256()
    for name, values in sorted(voice.model.network.network.state_dict().items()):
        found.update(name.encode() + values.contiguous().numpy().tobytes())
    if voice.model.linear:
        for part in (voice.model.linear.model.weight, voice.model.linear.model.bias):
            found.update(part.tobytes())
    return found.hexdigest()


def _compare(model: Predictor, written: Path) -> None:
    clips = [_sound(seconds) for seconds in _LENGTHS_S]
    corpora = [ANYBODY] * len(clips)
    pairs = zip(
        model.probabilities(clips, corpora),
        load_onnx(written).probabilities(clips, corpora),
        strict=True,
    )
    furthest = max(float(np.abs(one - other).max()) for one, other in pairs)
    if not furthest <= TOLERANCE:
        raise SerError(
            f"What was written answers otherwise than the model, by {furthest:.1g}; this is a "
            "fault of the program."
        )


def _sound(seconds: float) -> Int16:
    """A tone that swells, in noise; always the same."""
    times = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    noise = np.random.default_rng(0).normal(0, 300, len(times))
    sound = 9_000 * np.sin(2 * np.pi * 180 * times) * times / seconds + noise
    return np.rint(sound).astype(np.int16)
