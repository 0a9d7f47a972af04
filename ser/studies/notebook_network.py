"""The networks of the original notebooks: mean MFCCs of a clip, and one-dimensional convolutions.

They are rebuilt from what is known of them, in the shape that public notebooks on RAVDESS share: a
larger one trained by stochastic gradient descent, and a simplified one trained by RMSprop. They are
here to be measured, not to be used. Their input is standardised, which only helps them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import librosa
import numpy as np
import numpy.typing as npt
import torch
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from ser.audio import INT16_SCALE, SAMPLE_RATE_HZ, Int16

N_MFCC = 40
EPOCHS = 30
BATCH_SIZE = 32

Values = npt.NDArray[np.floating]
Size = Literal["larger", "simplified"]
OptimizerName = Literal["sgd", "rmsprop"]
_OPTIMIZERS: dict[OptimizerName, Callable[[nn.Module], torch.optim.Optimizer]] = {
    "sgd": lambda network: torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9),
    "rmsprop": lambda network: torch.optim.RMSprop(network.parameters(), lr=1e-4, alpha=0.9),
}


def mean_mfcc(samples: Int16) -> Values:
    """MFCCs of a canonical clip, averaged over time, shape (40,)."""
    signal = samples.astype(np.float32) / np.float32(INT16_SCALE)
    mfcc = librosa.feature.mfcc(y=signal, sr=SAMPLE_RATE_HZ, n_mfcc=N_MFCC)
    return np.mean(mfcc, axis=1)


def build_notebook_network(size: Size, classes: int) -> nn.Sequential:
    """A network for input of shape (clips, 1, 40)."""
    wide, narrow = (256, 128) if size == "larger" else (128, 64)
    deeper: list[nn.Module] = []
    if size == "larger":
        deeper = [nn.Conv1d(narrow, narrow, 5, padding="same"), nn.ReLU()]
    return nn.Sequential(
        nn.Conv1d(1, wide, 5, padding="same"),
        nn.ReLU(),
        nn.Conv1d(wide, narrow, 5, padding="same"),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.MaxPool1d(8),
        *deeper,
        nn.Conv1d(narrow, narrow, 5, padding="same"),
        nn.ReLU(),
        nn.Flatten(),
        # what flattening leaves of N_MFCC numbers after pooling over eight
        nn.Linear(narrow * (N_MFCC // 8), classes),
    )


@dataclass(frozen=True)
class NotebookModel:
    """A network and the scale of its input."""

    scaler: StandardScaler
    network: nn.Sequential
    emotions: tuple[str, ...]

    def probabilities(self, values: Values) -> Values:
        """Class probabilities of mean MFCCs of shape (clips, 40), shape (clips, classes)."""
        was_training = self.network.training
        self.network.eval()
        with torch.inference_mode():
            found = self.network(_tensor(self.scaler.transform(values))).softmax(1).numpy()
        self.network.train(was_training)
        return found

    def predict(self, values: Values) -> list[str]:
        """Emotions of mean MFCCs of shape (clips, 40)."""
        return [self.emotions[number] for number in self.probabilities(values).argmax(axis=1)]


def start_notebook(
    fitted_on: Values, targets: Sequence[str], size: Size, seed: int
) -> NotebookModel:
    """A model with random weights.

    Args:
        fitted_on: mean MFCCs of training clips, shape (clips, 40); the scale comes from them.
        targets: emotions that it is to tell apart.
    """
    torch.manual_seed(seed)
    emotions = tuple(sorted(set(targets)))
    network = build_notebook_network(size, len(emotions))
    return NotebookModel(StandardScaler().fit(fitted_on), network, emotions)


def train_epochs(
    model: NotebookModel,
    values: Values,
    targets: Sequence[str],
    optimizer: OptimizerName,
    epochs: int = EPOCHS,
) -> Iterator[None]:
    """Train on mean MFCCs of shape (clips, 40), yielding after every epoch."""
    inputs = _tensor(model.scaler.transform(values))
    classes = torch.tensor([model.emotions.index(emotion) for emotion in targets])
    steps = _OPTIMIZERS[optimizer](model.network)
    for _ in range(epochs):
        model.network.train()
        for batch in torch.randperm(len(inputs)).split(BATCH_SIZE):
            loss = nn.functional.cross_entropy(model.network(inputs[batch]), classes[batch])
            steps.zero_grad()
            loss.backward()
            steps.step()
        model.network.eval()
        yield


def _tensor(values: Values) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32)).unsqueeze(1)
