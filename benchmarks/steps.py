"""What a training step costs: `python -m benchmarks.steps`.

A step of the studies' network on one batch, on one core, under every row of `optimizers` in
params.yaml and with every front end; with those, the computing of features too. Times are the
processor's, and the ways take turns, so that a slow moment meets all of them. Results go to
`docs/optimizers.csv` and `docs/front_ends.csv`.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ser.clips.audio import Int16, read_canonical
from ser.clips.manifest import MANIFEST, clip_path, read_manifest
from ser.core.entry import run
from ser.core.errors import SerError
from ser.core.files import write_csv
from ser.core.settings import Values, load_values
from ser.evaluation.trials import in_studies
from ser.features.front_ends import build_front_end, describe_layout, extract
from ser.features.settings import load_features
from ser.models.network import build_network
from ser.training.fold import crop_rows
from ser.training.optimizers import build_optimizers, descend
from ser.training.settings import load_recipe
from ser.training.system import prepare_torch

DOCS = Path("docs")
CORPUS = Path("data/corpora/ravdess")
FRONT_ENDS = ("log_mel", "mfcc", "pcen", "waveform")
CLIPS, CLASSES = 64, 8
ROUNDS, STEPS = 10, 4
# milliseconds of each part of the work
Times = dict[str, float]


class Bench:
    """A front end, and a network that trains on what it gives."""

    def __init__(self, values: Values, clips: Sequence[Int16]) -> None:
        self.clips = clips
        self.features, settings = load_features(values)
        self.front_end = build_front_end(self.features, settings)
        recipe, arrays = load_recipe(values), [self._extract(clip) for clip in clips]
        layout = describe_layout(self.features, settings, arrays[0].shape[1])
        torch.manual_seed(0)
        self.network = build_network(recipe.model.network, recipe.model.settings, layout, CLASSES)
        self.optimizers = build_optimizers(self.network, recipe.optimizer)
        self.values = _batch(arrays[: recipe.training.batch_size], crop_rows(recipe, self.network))
        self.lengths = torch.full((len(self.values),), float(self.values.shape[1]))
        self.targets = torch.arange(len(self.values)) % CLASSES

    def _extract(self, clip: Int16) -> np.ndarray:
        return extract(clip, self.front_end, self.features)

    def step(self) -> None:
        """One step of training."""
        logits = self.network(self.values, self.lengths)
        descend(nn.functional.cross_entropy(logits, self.targets), self.optimizers)

    def step_again(self) -> None:
        """The optimizer's part of it, down the same gradient."""
        for optimizer in self.optimizers:
            optimizer.step()

    def extract_all(self) -> None:
        """Features of every clip."""
        for clip in self.clips:
            self._extract(clip)


def _batch(arrays: Sequence[np.ndarray], rows: int) -> Tensor:
    """The beginnings of clips, shape (clips, rows, width)."""
    padded = [np.pad(array, ((0, rows), (0, 0)))[:rows] for array in arrays]
    return torch.from_numpy(np.stack(padded)).float()


def _ms(work: Any, times: int) -> float:
    """Processor time of one call: what else the machine does is not counted."""
    begun = time.process_time()
    for _ in range(times):
        work()
    return 1000 * (time.process_time() - begun) / times


def time_optimizer(bench: Bench) -> Times:
    """Of a whole step, and of the optimizer's part of it."""
    return {"step_ms": _ms(bench.step, STEPS), "optimizer_ms": _ms(bench.step_again, STEPS)}


def time_front_end(bench: Bench) -> Times:
    """Of the features of a clip, and of a step on them."""
    features = _ms(bench.extract_all, 1) / len(bench.clips)
    return {"features_ms": features, "step_ms": _ms(bench.step, STEPS)}


def compare(what: str, benches: dict[str, Bench], timed: Any, rounds: int = ROUNDS) -> pd.DataFrame:
    """One row a bench: its name in the column `what`, the median times of all rounds, and
    `relative`: how many times as long its step takes as that of the first.
    """
    for bench in benches.values():
        bench.step()  # memory is allocated, kernels are chosen
    found = [{name: timed(bench) for name, bench in benches.items()} for _ in range(rounds)]
    first = next(iter(benches))
    rows = []
    for name in benches:
        columns = {part: median(turn[name][part] for turn in found) for part in found[0][name]}
        # in each round beside the first, so that a slow moment does not count
        relative = median(turn[name]["step_ms"] / turn[first]["step_ms"] for turn in found)
        rows.append({what: name, **columns, "relative": relative})
    return pd.DataFrame(rows)


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
    """Time all optimizers and all front ends, and write the tables."""
    prepare_torch()
    values, _ = in_studies(load_values())
    clips = read_clips()
    tables = {
        "optimizers": compare(
            "optimizer",
            {
                name: Bench(values.changed({"optimizer": name}), clips)
                for name in values.section("optimizers", dict)
            },
            time_optimizer,
        ),
        "front_ends": compare(
            "front_end",
            {
                name: Bench(values.changed({"features.front_end": name}), clips)
                for name in FRONT_ENDS
            },
            time_front_end,
        ),
    }
    for name, table in tables.items():
        write_csv(DOCS / f"{name}.csv", table, decimals=3)
        print(table.to_string(index=False))


if __name__ == "__main__":
    run(main)
