"""The way of many public notebooks: mean MFCCs of a clip, and a one-dimensional network.

It is here to be measured beside this project, not to be used. Its shape and optimizer are those
that notebooks copy from each other; its input is standardised, which only helps it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
import torch
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

N_MFCC = 40
SAMPLE_RATE_HZ = 22_050
EPOCHS = 50
BATCH_SIZE = 16
LEARNING_RATE = 1e-4
# what flattening leaves of N_MFCC numbers after pooling over eight
_FLAT = 128 * (N_MFCC // 8)

Values = npt.NDArray[np.floating]


def mean_mfcc(path: Path) -> Values:
    """MFCCs of a file, averaged over time, shape (40,)."""
    samples, rate = librosa.load(path, sr=SAMPLE_RATE_HZ)
    return np.mean(librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=N_MFCC).T, axis=0)


def build_network(classes: int) -> nn.Sequential:
    """The network, for input of shape (clips, 1, 40)."""
    return nn.Sequential(
        nn.Conv1d(1, 256, 5, padding="same"),
        nn.ReLU(),
        nn.Conv1d(256, 128, 5, padding="same"),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.MaxPool1d(8),
        nn.Conv1d(128, 128, 5, padding="same"),
        nn.ReLU(),
        nn.Conv1d(128, 128, 5, padding="same"),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(_FLAT, classes),
    )


@dataclass(frozen=True)
class NotebookModel:
    """A trained network and the scale of its input."""

    scaler: StandardScaler
    network: nn.Sequential
    emotions: tuple[str, ...]

    def predict(self, values: Values) -> list[str]:
        """Emotions of mean MFCCs of shape (clips, 40)."""
        with torch.inference_mode():
            best = self.network(_tensor(self.scaler.transform(values))).argmax(1)
        return [self.emotions[number] for number in best.tolist()]


def train_notebook(
    fitted_on: Values, values: Values, targets: Sequence[str], seed: int, epochs: int = EPOCHS
) -> NotebookModel:
    """Train on mean MFCCs of shape (clips, 40).

    Args:
        fitted_on: the same clips, read for the scale.
        targets: emotion of every clip.
    """
    torch.manual_seed(seed)
    emotions = tuple(sorted(set(targets)))
    model = NotebookModel(StandardScaler().fit(fitted_on), build_network(len(emotions)), emotions)
    inputs = _tensor(model.scaler.transform(values))
    classes = torch.tensor([emotions.index(emotion) for emotion in targets])
    optimizer = torch.optim.RMSprop(model.network.parameters(), lr=LEARNING_RATE, alpha=0.9)
    model.network.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(inputs)).split(BATCH_SIZE):
            loss = nn.functional.cross_entropy(model.network(inputs[batch]), classes[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.network.eval()
    return model


def _tensor(values: Values) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32)).unsqueeze(1)
