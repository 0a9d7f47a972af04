"""Probabilities of whole clips, each independent of what else is predicted beside it."""

from collections import defaultdict
from collections.abc import Sequence

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
    buckets: dict[int, list[int]] = defaultdict(list)
    for number, clip in enumerate(clips):
        buckets[-(-len(clip) // network.granularity) * network.granularity].append(number)
    probabilities = torch.zeros(len(clips), network.classes)
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        for rows, numbers in sorted(buckets.items()):
            for begin in range(0, len(numbers), _BATCH):
                batch = numbers[begin : begin + _BATCH]
                probabilities[batch] = _predict_batch(network, [clips[i] for i in batch], rows)
    network.train(was_training)
    return probabilities


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
