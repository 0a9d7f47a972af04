"""Clips a second on one core, from file to answer: `python -m benchmarks.prediction [SYSTEM]`.

Times each part of a prediction by the first model of a trained system, warm, over the clips that
it held out. Times are the processor's; quote ratios from one run, for machines differ.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import typer
from torch import Tensor

from ser.clips.audio import Int16, read_canonical
from ser.clips.manifest import clip_path
from ser.core.entry import run
from ser.core.processes import use_one_thread
from ser.core.settings import Values, load_values
from ser.evaluation.out_of_fold import Model, load_answering, load_model
from ser.features.front_ends import FrontEnd, LogMel, Mfcc, build_front_end, extract
from ser.features.functionals import SETTINGS, describe
from ser.features.settings import Features, load_features
from ser.models.inference import predict_probabilities
from ser.models.linear import combine
from ser.reading.data import load_system
from ser.reading.settings import load_system_settings
from ser.training.settings import load_seeds

_ROUNDS = 3
# the spectra that functionals are taken of
SPECTRA = Mfcc(LogMel.build(SETTINGS), SETTINGS.n_mfcc)


def functionals_of(samples: Int16) -> list[float]:
    """What the linear part sees of a clip."""
    return list(describe(samples, SPECTRA).values())


@dataclass(frozen=True)
class Predictor:
    """A trained model with all that it needs to answer a sound.

    Attributes:
        settings: of the features that the network sees.
    """

    model: Model
    settings: Features
    front_end: FrontEnd

    @classmethod
    def of(cls, model: Model, values: Values) -> "Predictor":
        """A predictor by a model that was trained under the parameters `values`."""
        features, settings = load_features(values)
        return cls(model, features, build_front_end(features, settings))

    def features(self, samples: Int16) -> Tensor:
        """What the network sees of a clip, shape (rows, bands)."""
        values = torch.from_numpy(extract(samples, self.front_end, self.settings))
        return self.model.network.normalizer(values.float())

    def probabilities(
        self,
        features: Sequence[Tensor],
        functionals: Sequence[Sequence[float]],
        corpora: Sequence[str],
    ) -> npt.NDArray[np.float64]:
        """Answer of both parts together, shape (clips, emotions)."""
        network = self.model.network.network
        heard = predict_probabilities(network, features, self.model.warps).double().numpy()
        if self.model.linear is None:
            return heard
        described = self.model.linear.model.predict(np.array(functionals), corpora)
        return combine(heard, described, self.model.share)

    def answer(self, files: Sequence[Path], corpus: str) -> list[str]:
        """Emotions of files of one corpus."""
        sounds = [read_canonical(path) for path in files]
        described = [functionals_of(sound) for sound in sounds] if self.model.linear else []
        features = [self.features(sound) for sound in sounds]
        best = self.probabilities(features, described, [corpus] * len(files)).argmax(axis=1)
        return [self.model.network.emotions[number] for number in best]


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


def main(system: str = typer.Argument("ravdess")) -> None:
    """Time predictions of SYSTEM."""
    use_one_thread()
    torch.set_num_threads(1)
    values = load_values()
    data = load_system(load_system_settings(values, system), Path("data"))
    fold, seed = data.fold_numbers[0], load_seeds(values)[0]
    model = load_model(Path("models") / system, fold, seed, load_answering(values))
    predictor = Predictor.of(model, values)
    clips = data.with_role(fold, "test")
    corpora, files = clips["corpus"].tolist(), clip_files(Path("data/corpora"), clips)
    count = len(files)
    sounds = timed("read", count, lambda: [read_canonical(path) for path in files])
    features = timed("features", count, lambda: [predictor.features(sound) for sound in sounds])
    rows = timed("functionals", count, lambda: [functionals_of(sound) for sound in sounds])
    timed(
        "network and linear part", count, lambda: predictor.probabilities(features, rows, corpora)
    )


if __name__ == "__main__":
    run(main)
