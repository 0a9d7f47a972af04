"""Probabilities of whole clips, each independent of what else is predicted beside it."""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from ser.models.cnn import Cnn

_BATCH = 32
# Clips are padded to a multiple of this many steps, so that few lengths remain.
_GRANULARITY = 8
_WAVEFORM_GRANULARITY = 1600


def predict_probabilities(networks: Sequence[Cnn], clips: Sequence[Tensor]) -> Tensor:
    """Class probabilities of normalised clips, shape (clips, classes): the mean over networks.

    Networks that differ only in their random start err differently, and their mean errs less
    (Lakshminarayanan et al., 2017, NeurIPS, "deep ensembles").
    """
    return torch.stack([_predict_alone(network, clips) for network in networks]).mean(dim=0)


def _predict_alone(network: Cnn, clips: Sequence[Tensor]) -> Tensor:
    """Class probabilities by one network.

    Clips are batched with those of the same padded length only: a clip's padding, and with it its
    prediction, never depends on its neighbours.
    """
    steps_together = max(_GRANULARITY, network.time_stride)
    granularity = _WAVEFORM_GRANULARITY if network.config.waveform else steps_together
    buckets: dict[int, list[int]] = defaultdict(list)
    for number, clip in enumerate(clips):
        buckets[-(-len(clip) // granularity) * granularity].append(number)
    probabilities = torch.zeros(len(clips), network.config.classes)
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        for steps, numbers in sorted(buckets.items()):
            for begin in range(0, len(numbers), _BATCH):
                batch = numbers[begin : begin + _BATCH]
                probabilities[batch] = _predict_batch(network, [clips[i] for i in batch], steps)
    network.train(was_training)
    return probabilities


def _predict_batch(network: Cnn, clips: list[Tensor], steps: int) -> Tensor:
    values = torch.zeros(len(clips), steps, clips[0].shape[1])
    for row, clip in enumerate(clips):
        values[row, : len(clip)] = clip
    lengths = torch.tensor([float(len(clip)) for clip in clips])
    return network(values, lengths).softmax(1)
