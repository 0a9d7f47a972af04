"""Feature extraction: this project on both cores against a plain librosa loop, in one run.

    python -m benchmarks.features [--corpus ravdess] [--rounds 3]

Both read the same canonical clips, cut the same silence and compute the same log-mel spectrogram
(the numbers are compared first). They take turns, because machines are noisy; librosa's functions
are compiled and its cache is warm before the clock starts.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import typer

from ser.audio import read_canonical, trim_bounds
from ser.augmentation import augment_corpus
from ser.clips import MANIFEST, clip_path, read_manifest
from ser.errors import SerError
from ser.features import build_front_end, extract, featurize_corpus
from ser.params import Features, load_params


def librosa_features(path: Path, settings: Features) -> np.ndarray:
    """Log-mel of one file as a notebook would compute it, shape (frames, n_mels)."""
    samples, rate = librosa.load(path, sr=16_000)
    start, stop = trim_bounds(samples, settings.trim_db)
    margin = round(settings.trim_margin_ms * rate / 1000)
    mel = librosa.feature.melspectrogram(
        y=samples[max(0, start - margin) : stop + margin],
        sr=rate,
        n_fft=settings.n_fft,
        win_length=round(settings.window_ms * rate / 1000),
        hop_length=round(settings.hop_ms * rate / 1000),
        n_mels=settings.n_mels,
        fmin=settings.fmin_hz,
        fmax=settings.fmax_hz,
    )
    log_mel = np.log(mel + 1e-10).T
    return np.maximum(log_mel, log_mel.max() - settings.top_db * np.log(10) / 10)


def check_same(paths: list[Path], settings: Features) -> float:
    """Largest difference between the two on a few clips, apart from half-precision storage."""
    front_end = build_front_end(settings)
    differences = [
        np.abs(
            extract(read_canonical(path), front_end, settings).astype(np.float32)
            - librosa_features(path, settings)
        ).max()
        for path in paths
    ]
    return float(max(differences))


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main(corpus: str = "ravdess", rounds: int = 3) -> None:
    """Time both ways over a whole corpus and print the medians and their ratio."""
    settings = load_params().features
    built = Path("data/corpora") / corpus
    if not (built / MANIFEST).is_file():
        raise SerError(f"{built} is missing; run `dvc repro download@{corpus}`.")
    manifest = read_manifest(built / MANIFEST)
    paths = [clip_path(built, clip) for clip in manifest["clip"]]
    print(
        f"largest difference on 20 clips: {check_same(paths[:20], settings):.4f} (half precision)"
    )
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        disabled = load_params().augmentation.model_copy(update=no_effects())
        augment_corpus(manifest, built, work / "augmented", disabled)
        for _ in range(rounds):
            ours.append(
                seconds(
                    lambda: featurize_corpus(
                        manifest, built, work / "augmented", work / "features", settings
                    )
                )
            )
            theirs.append(seconds(lambda: [librosa_features(path, settings) for path in paths]))
    print_table(len(paths), ours, theirs)


def no_effects() -> dict[str, object]:
    """Every effect of params.yaml, switched off."""
    augmentation = load_params().augmentation
    names = ("gain", "pitch", "noise", "shift", "speed")
    return {
        name: getattr(augmentation, name).model_copy(update={"enabled": False}) for name in names
    }


def print_table(n_clips: int, ours: list[float], theirs: list[float]) -> None:
    """Median seconds, clips per second, and the ratio of the medians."""
    rows = {"this project, both cores, packed": ours, "librosa, file by file": theirs}
    table = pd.DataFrame(
        {
            "seconds": {name: statistics.median(times) for name, times in rows.items()},
            "clips per second": {
                name: n_clips / statistics.median(times) for name, times in rows.items()
            },
        }
    )
    print(table.round(2).to_string())
    print(f"ratio: {statistics.median(theirs) / statistics.median(ours):.1f}")


if __name__ == "__main__":
    typer.run(main)
