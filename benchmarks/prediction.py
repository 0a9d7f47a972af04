"""Clips a second on one core, from file to answer: `python -m benchmarks.prediction [SYSTEM]`.

Times each part of a prediction by the first model of a trained system, warm, over the clips that
it held out. Quote ratios from one run: machines differ, and are busy at times.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ser.audio import read_canonical
from ser.clips import clip_path
from ser.dataset import load_system
from ser.entry import run
from ser.features import build_front_end, extract
from ser.functionals import SETTINGS, describe
from ser.models.inference import predict_probabilities
from ser.models.linear import combine
from ser.models.storage import load_model
from ser.params import load_params
from ser.processes import use_one_thread

_ROUNDS = 3


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
    front_end, spectra = build_front_end(params.features), build_front_end(SETTINGS)

    def both() -> Any:
        network = predict_probabilities(model.networks, features).double().numpy()
        if model.linear is None:
            return network
        return combine(network, model.linear.predict(described, corpora), model.linear_share)

    count = len(files)
    sounds = timed("read", count, lambda: [read_canonical(path) for path in files])
    features = timed(
        "features",
        count,
        lambda: [
            model.normalizer(torch.from_numpy(extract(sound, front_end, params.features)).float())
            for sound in sounds
        ],
    )
    rows = timed("functionals", count, lambda: [describe(sound, spectra) for sound in sounds])
    described = np.array([list(row.values()) for row in rows])
    timed("network and linear part", count, both)


if __name__ == "__main__":
    run(main)
