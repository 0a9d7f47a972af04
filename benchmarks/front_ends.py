"""What each front end costs: `python -m benchmarks.front_ends`.

The features of some clips on one core, and a training step of the studies' network on one batch of
them. The front ends take turns, so that what else the machine does meets all of them. Results go to
`docs/front_ends.csv`.
"""

import time
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ser.audio import Int16, read_canonical
from ser.clips import MANIFEST, clip_path, read_manifest
from ser.entry import run
from ser.errors import SerError
from ser.features import build_front_end, extract
from ser.files import write_csv
from ser.params import FrontEndName, Params, load_params
from ser.training.fold import build_network
from ser.training.optimizers import build_optimizers
from ser.training.system import prepare_torch

OUT = Path("docs/front_ends.csv")
CORPUS = Path("data/corpora/ravdess")
FRONT_ENDS: tuple[FrontEndName, ...] = ("log_mel", "mfcc", "pcen", "waveform")
CLIPS, CLASSES = 64, 8
ROUNDS, STEPS = 5, 3


class Bench:
    """A front end, and a network that trains on what it gives."""

    def __init__(self, name: FrontEndName, params: Params, clips: list[Int16]) -> None:
        features = params.features.model_copy(update={"front_end": name})
        self.params = params.model_copy(update={"features": features})
        self.clips = clips
        self.front_end = build_front_end(features)
        self.values = self._batch()
        torch.manual_seed(0)
        self.network = build_network(self.params, self.values.shape[2], CLASSES)
        settings = self.params.optimizer_settings
        self.optimizers = build_optimizers(self.network, self.params.optimizer, settings)

    def _batch(self) -> Tensor:
        """The beginnings of the first clips, shape (clips, rows, width)."""
        settings = self.params.training
        rows = round(settings.crop_s * self.params.features.rows_per_second)
        arrays = [self._features(clip) for clip in self.clips[: settings.batch_size]]
        padded = [np.pad(array, ((0, rows), (0, 0)))[:rows] for array in arrays]
        return torch.from_numpy(np.stack(padded)).float()

    def _features(self, clip: Int16) -> np.ndarray:
        return extract(clip, self.front_end, self.params.features)

    def features_ms(self) -> float:
        """Milliseconds a clip."""
        begun = time.perf_counter()
        for clip in self.clips:
            self._features(clip)
        return 1000 * (time.perf_counter() - begun) / len(self.clips)

    def step_ms(self) -> float:
        """Milliseconds a training step."""
        lengths = torch.full((len(self.values),), float(self.values.shape[1]))
        targets = torch.arange(len(self.values)) % CLASSES
        begun = time.perf_counter()
        for _ in range(STEPS):
            loss = nn.functional.cross_entropy(self.network(self.values, lengths), targets)
            for optimizer in self.optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss.backward()
            for optimizer in self.optimizers:
                optimizer.step()
        return 1000 * (time.perf_counter() - begun) / STEPS


def read_clips() -> list[Int16]:
    """Some clips of RAVDESS, of all speakers.

    Raises:
        SerError: if it is not there.
    """
    if not (CORPUS / MANIFEST).is_file():
        raise SerError(f"There is no corpus in {CORPUS}; run `dvc repro download@ravdess`.")
    names = read_manifest(CORPUS / MANIFEST)["clip"]
    return [read_canonical(clip_path(CORPUS, name)) for name in names[:: len(names) // CLIPS]]


def main() -> None:
    """Time all front ends and write the table."""
    prepare_torch()
    params, clips = load_params().in_studies, read_clips()
    benches = {name: Bench(name, params, clips) for name in FRONT_ENDS}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in benches}
    for bench in benches.values():
        bench.step_ms()  # memory is allocated, kernels are chosen
    for _ in range(ROUNDS):
        for name, bench in benches.items():
            times[name].append((bench.features_ms(), bench.step_ms()))
    reference = times[FRONT_ENDS[0]]
    rows = [
        {
            "front_end": name,
            "features_ms": median(features for features, _ in found),
            "step_ms": median(step for _, step in found),
            # in each round beside the first, so that a slow moment does not count
            "relative": median(
                step / other for (_, step), (_, other) in zip(found, reference, strict=True)
            ),
        }
        for name, found in times.items()
    ]
    table = pd.DataFrame(rows)
    write_csv(OUT, table, decimals=3)
    print(table.to_string(index=False))


if __name__ == "__main__":
    run(main)
