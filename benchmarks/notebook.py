"""The way of many public notebooks, as `benchmarks.speed` measures it beside this project.

The network is that of the study of the original notebooks; here its input is computed as they do:
librosa reads and resamples a file.
"""

from collections.abc import Sequence
from pathlib import Path

import librosa
import numpy as np

from ser.studies.notebook_network import (
    EPOCHS,
    N_MFCC,
    NotebookModel,
    Values,
    start_notebook,
    train_epochs,
)

SAMPLE_RATE_HZ = 22_050


def mean_mfcc(path: Path) -> Values:
    """MFCCs of a file, averaged over time, shape (40,)."""
    samples, rate = librosa.load(path, sr=SAMPLE_RATE_HZ)
    return np.mean(librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=N_MFCC).T, axis=0)


def train_notebook(
    fitted_on: Values, values: Values, targets: Sequence[str], seed: int, epochs: int = EPOCHS
) -> NotebookModel:
    """Train the larger network with RMSprop on mean MFCCs of shape (clips, 40).

    Args:
        fitted_on: the same clips, read for the scale.
        targets: emotion of every clip.
    """
    model = start_notebook(fitted_on, targets, "larger", seed)
    for _ in train_epochs(model, values, targets, "rmsprop", epochs):
        pass
    return model
