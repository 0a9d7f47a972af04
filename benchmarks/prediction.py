"""Clips a second on one core, from file to answer: `python -m benchmarks.prediction [MODEL]`.

Times each part of a prediction, warm, over clips of RAVDESS, by the released model or another (see
`ser predict --model`). Times are the processor's; quote ratios from one run, for machines differ.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import typer

from ser.clips.audio import Int16, read_canonical
from ser.clips.manifest import MANIFEST, clip_path, read_manifest
from ser.core.entry import run
from ser.core.settings import Values
from ser.core.workers import use_one_thread
from ser.evaluation.out_of_fold import Model
from ser.features.front_ends import LogMel, Mfcc
from ser.features.functionals import SETTINGS, describe
from ser.predict.hearing import Hearing
from ser.predict.model import Predictor, load
from ser.predict.speech import stretches
from ser.predict.voices import Voice

# the spectra that functionals are taken of
SPECTRA = Mfcc(LogMel.build(SETTINGS), SETTINGS.n_mfcc)
_ROUNDS = 3
_CLIPS = 200
_CORPUS = Path("data/corpora/ravdess")


def functionals_of(samples: Int16) -> list[float]:
    """What the linear part sees of a clip."""
    return list(describe(samples, SPECTRA).values())


def predictor_of(model: Model, values: Values) -> Predictor:
    """A predictor by a model that was just trained under the parameters `values`."""
    voice = Voice(model, 1.0, "benchmark", "benchmark")
    return replace(load(), voices=(voice,), hearing=Hearing.of(values))


def emotions_of(predictor: Predictor, files: Sequence[Path], corpus: str) -> list[str]:
    """Emotions of canonical clips of one corpus."""
    sounds = [read_canonical(path) for path in files]
    said, _ = predictor.probabilities(sounds, [corpus] * len(sounds))
    return [predictor.emotions[number] for number in said.argmax(axis=1)]


def clip_files(corpora: Path, clips: pd.DataFrame) -> list[Path]:
    """Sound files of clips, under the folder of all corpora."""
    return [
        clip_path(corpora / corpus, clip)
        for corpus, clip in zip(clips["corpus"], clips["clip"], strict=True)
    ]


def timed(label: str, n_clips: int, work: Callable[[], Any]) -> Any:
    """The result of the last of three runs; prints the rate of the fastest."""
    rounds = []
    for _ in range(_ROUNDS):
        begun = time.process_time()
        result = work()
        rounds.append(time.process_time() - begun)
    print(f"{label:<28}{n_clips / min(rounds):8.0f} clips/s {1000 * min(rounds) / n_clips:8.2f} ms")
    return result


def main(model: str | None = typer.Argument(None)) -> None:
    """Time predictions by MODEL."""
    use_one_thread()
    torch.set_num_threads(1)
    predictor = load(model)
    manifest = read_manifest(_CORPUS / MANIFEST)
    clips = manifest.iloc[:: max(1, len(manifest) // _CLIPS)]
    files = clip_files(_CORPUS.parent, clips)
    hearing, count = predictor.hearing, len(files)
    sounds: list[Int16] = timed("read", count, lambda: [read_canonical(path) for path in files])
    timed("find speech", count, lambda: [list(stretches([sound])) for sound in sounds])
    timed("features", count, lambda: [hearing.features(sound) for sound in sounds])
    rows = timed(
        "functionals", count, lambda: np.array([hearing.functionals(sound) for sound in sounds])
    )
    features = [hearing.features(sound) for sound in sounds]
    corpora = clips["corpus"].tolist()
    timed("network and linear part", count, lambda: predictor.say(features, rows, corpora))
    timed("all, one after another", count, lambda: [predictor.predict(path) for path in files])


if __name__ == "__main__":
    run(main)
