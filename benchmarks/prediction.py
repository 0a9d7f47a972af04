"""Clips a second on one core, from file to answer: `python -m benchmarks.prediction [SYSTEM]`.

Times each part of a prediction by the first model of a trained system, warm, over the clips that
it held out. Quote ratios from one run: machines differ, and are busy at times.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ser.audio import Int16, read_canonical
from ser.clips import clip_path
from ser.dataset import load_system
from ser.entry import run
from ser.features import FrontEnd, LogMel, Mfcc, build_front_end, extract
from ser.functionals import SETTINGS, describe
from ser.models.inference import predict_probabilities
from ser.models.linear import combine
from ser.models.storage import TrainedModel, load_model
from ser.params import Features, load_params
from ser.processes import use_one_thread

_ROUNDS = 3


@dataclass(frozen=True)
class Predictor:
    """A trained model with all that it needs to answer a sound.

    Attributes:
        settings: of the features that the network sees.
    """

    model: TrainedModel
    settings: Features

    @cached_property
    def _front_end(self) -> FrontEnd:
        return build_front_end(self.settings)

    @cached_property
    def _spectra(self) -> Mfcc:
        return functional_spectra()

    def features(self, samples: Int16) -> Tensor:
        """What the network sees of a clip, shape (rows, bands)."""
        values = torch.from_numpy(extract(samples, self._front_end, self.settings))
        return self.model.normalizer(values.float())

    def functionals(self, samples: Int16) -> list[float]:
        """What the linear part sees of a clip."""
        return list(describe(samples, self._spectra).values())

    def probabilities(
        self,
        features: Sequence[Tensor],
        functionals: Sequence[Sequence[float]],
        corpora: Sequence[str],
    ) -> npt.NDArray[np.float64]:
        """Answer of both parts together, shape (clips, emotions)."""
        networks = predict_probabilities(self.model.networks, features).double().numpy()
        if self.model.linear is None:
            return networks
        linear = self.model.linear.predict(np.array(functionals), corpora)
        return combine(networks, linear, self.model.linear_share)

    def answer(self, files: Sequence[Path], corpus: str) -> list[str]:
        """Emotions of files of one corpus."""
        sounds = [read_canonical(path) for path in files]
        described = [self.functionals(samples) for samples in sounds] if self.model.linear else []
        features = [self.features(samples) for samples in sounds]
        best = self.probabilities(features, described, [corpus] * len(files)).argmax(axis=1)
        return [self.model.emotions[number] for number in best]


def functional_spectra() -> Mfcc:
    """The spectra that functionals are taken of."""
    return Mfcc(LogMel.build(SETTINGS), SETTINGS.n_mfcc)


def timed(label: str, n_clips: int, work: Callable[[], Any]) -> Any:
    """The result of the last of three runs; prints the rate of the fastest."""
    rounds = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        result = work()
        rounds.append(time.perf_counter() - begun)
    print(f"{label:<28}{n_clips / min(rounds):8.0f} clips/s {1000 * min(rounds) / n_clips:8.2f} ms")
    return result


def main(system: str = "ravdess") -> None:
    """Time predictions of SYSTEM."""
    use_one_thread()
    torch.set_num_threads(1)
    params = load_params()
    folders = [Path("data") / part for part in ("splits", "features", "functionals")]
    data = load_system(params, params.system(system), *folders)
    model = load_model(min((Path("models") / system).iterdir()))
    clips = data.with_role(model.fold, "test")
    corpora = clips["corpus"].tolist()
    files = [
        clip_path(Path("data/corpora") / corpus, clip)
        for corpus, clip in zip(corpora, clips["clip"], strict=True)
    ]
    predictor = Predictor(model, params.features)
    count = len(files)
    sounds = timed("read", count, lambda: [read_canonical(path) for path in files])
    features = timed("features", count, lambda: [predictor.features(sound) for sound in sounds])
    rows = timed("functionals", count, lambda: [predictor.functionals(sound) for sound in sounds])
    timed(
        "network and linear part", count, lambda: predictor.probabilities(features, rows, corpora)
    )


if __name__ == "__main__":
    run(main)
