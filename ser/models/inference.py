"""Probabilities of whole clips, each independent of what else is predicted beside it."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from ser.models.front_ends import band_warps
from ser.models.network import Network

_BATCH = 32


def predict_probabilities(network: Network, clips: Sequence[Tensor]) -> Tensor:
    """Class probabilities of normalised clips, shape (clips, classes).

    Clips are batched with those of the same padded length only: a clip's padding, and with it its
    prediction, never depends on its neighbours.
    """
    probabilities = torch.zeros(len(clips), network.classes)
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        for rows, numbers, batch in _batches(clips, network.granularity):
            probabilities[numbers] = _predict_batch(network, batch, rows)
    network.train(was_training)
    return probabilities


def _batches(
    clips: Iterable[Tensor], granularity: int
) -> Iterator[tuple[int, list[int], list[Tensor]]]:
    """Padded length, numbers and clips of each batch, as soon as there are enough for one."""
    buckets: dict[int, tuple[list[int], list[Tensor]]] = {}
    for number, clip in enumerate(clips):
        rows = -(-len(clip) // granularity) * granularity
        numbers, batch = buckets.setdefault(rows, ([], []))
        numbers.append(number)
        batch.append(clip)
        if len(batch) == _BATCH:
            yield rows, *buckets.pop(rows)
    for rows, held in sorted(buckets.items()):
        yield rows, *held


def predict_clip(network: Network, clip: Tensor, warps: Sequence[float] = ()) -> Tensor:
    """The same of one clip by itself, shape (classes,): its stretches are one batch.

    The answer does not depend on what else is predicted to the last digit, as it does in a batch,
    whose sums are grouped by its size.

    Args:
        warps: relative stretches of the bands under which the clip is predicted, the answers
            averaged; none of them leaves it as it is. Bands that are no neighbours in frequency
            are not stretched.
    """
    warps = warps if network.layout.neighbours else ()
    rows = -(-len(clip) // network.granularity) * network.granularity
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        padded = nn.functional.pad(clip, (0, 0, 0, rows - len(clip))).unsqueeze(0)
        device = next(network.parameters()).device
        length = torch.tensor([float(len(clip))])
        values, lengths = network.front_end(padded.to(device), length.to(device))
        if warps:
            values = values @ band_warps(1 + torch.tensor(warps), values.shape[2]).to(device)
        answers = network.classify(values, lengths.expand(len(values))).softmax(1)
    network.train(was_training)
    return answers.mean(dim=0).cpu()


def _predict_batch(network: Network, clips: list[Tensor], rows: int) -> Tensor:
    values = torch.zeros(len(clips), rows, clips[0].shape[1])
    for number, clip in enumerate(clips):
        values[number, : len(clip)] = clip
    lengths = torch.tensor([float(len(clip)) for clip in clips])
    device = next(network.parameters()).device
    values, lengths = network.front_end(values.to(device), lengths.to(device))
    return network.classify(values, lengths).softmax(1).cpu()
