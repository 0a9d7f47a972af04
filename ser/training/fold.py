"""Training of one model: one fold, one seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ser.dataset import FoldReader, SystemData, clips_only, encode, training_items
from ser.functional_reader import FunctionalsReader
from ser.labels import ordered
from ser.models.cnn import Cnn, CnnConfig
from ser.models.inference import predict_probabilities
from ser.models.linear import LinearModel, fit_fold
from ser.models.storage import TrainedModel
from ser.normalization import Normalizer
from ser.params import Params, Precision
from ser.scoring import accuracy, unweighted_average_recall
from ser.splits.crossings import Crossing
from ser.splits.guards import Purpose
from ser.training.batches import (
    Batch,
    TrainingItems,
    class_weights,
    epoch_batches,
    mask_features,
    mix_pairs,
    soft_targets,
    warp_bands,
)
from ser.training.optimizers import build_optimizers, rate_schedule, scale_rates

# Training clips on which the history is measured, drawn once a fold; all would cost a third of
# the run, and this many give the same picture.
_HISTORY_CLIPS = 128


@dataclass(frozen=True)
class EpochScore:
    """One row of the history: loss (nats), accuracy and UAR (percent) after an epoch.

    Attributes:
        network: its number within the model, from 0.
    """

    fold: int
    seed: int
    network: int
    epoch: int
    part: str
    loss: float
    accuracy: float
    uar: float


@dataclass(frozen=True)
class _Scored:
    """Clips on which scores are measured, without any augmentation."""

    part: str
    features: list[Tensor]
    targets: Tensor


@dataclass(frozen=True)
class _FoldData:
    items: TrainingItems
    scored: tuple[_Scored, _Scored]
    normalizer: Normalizer
    emotions: tuple[str, ...]
    bands: int
    uses: dict[str, set[str]]


def train_fold(
    params: Params,
    data: SystemData,
    fold: int,
    seed: int,
) -> tuple[TrainedModel, list[EpochScore]]:
    """Train one model; test clips of the fold are not read, unless the protocol is a leaky one.

    Raises:
        LeakError: if anything is read for a purpose that it is held out from.
    """
    fold_data = _load_fold(params, data, fold, _generator(fold, seed, 0))
    choose_best = (
        params.training.checkpoint == "validation" or Crossing.CHECKPOINT in data.protocol.crosses
    )
    networks, history = [], []
    for number in range(params.training.networks):
        network, scores = _train_network(params, fold_data, choose_best, fold, seed, number)
        networks.append(network)
        history += scores
    uses = fold_data.uses
    linear = None
    if params.training.linear_share > 0:
        linear, read = _fit_linear(params, data, fold, fold_data.emotions)
        uses = {purpose: uses.get(purpose, set()) | read.get(purpose, set()) for purpose in uses}
    model = TrainedModel(
        tuple(networks),
        fold_data.emotions,
        fold_data.normalizer,
        fold,
        seed,
        uses,
        linear,
        params.training.linear_share,
    )
    return model, history


def _generator(fold: int, seed: int, number: int) -> torch.Generator:
    """What one network draws from; no two networks of a system share it."""
    return torch.Generator().manual_seed(1_000_003 * seed + 1_009 * number + fold)


def _train_network(
    params: Params, data: _FoldData, choose_best: bool, fold: int, seed: int, number: int
) -> tuple[Cnn, list[EpochScore]]:
    """One network, as it is after the last epoch or after the best one."""
    generator = _generator(fold, seed, number)
    torch.manual_seed(generator.initial_seed())  # weights and dropout
    network = build_network(params, data.bands, len(data.emotions))
    # an average over recent steps predicts better than the last step's weights (Izmailov et al.,
    # 2018, UAI; here exponential); all that is scored and kept is the average
    average = AveragedModel(
        network,
        multi_avg_fn=get_ema_multi_avg_fn(params.training.weight_average),
        use_buffers=True,
    )
    averaged = cast(Cnn, average.module)
    history: list[EpochScore] = []
    best_uar, best_weights = -1.0, None
    for epoch, _ in enumerate(_epochs(params, network, average, data, generator), start=1):
        scores = [
            EpochScore(fold, seed, number, epoch, part.part, *_score(averaged, part, data.emotions))
            for part in data.scored
        ]
        history += scores
        if choose_best and scores[-1].uar > best_uar:
            best_uar, best_weights = scores[-1].uar, _copy_weights(averaged)
    network.load_state_dict(best_weights or averaged.state_dict())
    return network.eval(), history


def _fit_linear(
    params: Params, data: SystemData, fold: int, emotions: tuple[str, ...]
) -> tuple[LinearModel, dict[str, set[str]]]:
    """The linear part of a fold, and the clips it was made from, by purpose."""
    reader = FunctionalsReader(data, data.functionals, fold)
    clips = data.with_role(fold, "train")
    return fit_fold(reader, clips, emotions, params.training.linear_c), reader.uses


def build_network(params: Params, bands: int, classes: int) -> Cnn:
    """The network that `params` describe, with random weights."""
    waveform = params.features.front_end == "waveform"
    config = CnnConfig(
        bands=params.features.n_mels if waveform else bands,
        classes=classes,
        channels=tuple(params.model.channels),
        stem_kernel=params.model.stem_kernel,
        stem_stride=(params.model.stem_stride[0], params.model.stem_stride[1]),
        time_pools=params.model.time_pools,
        dropout=params.model.dropout,
        waveform=waveform,
        window_ms=params.features.window_ms,
        hop_ms=params.features.hop_ms,
        layers=params.features.encoder_layers,
    )
    return Cnn(config)


def _load_fold(
    params: Params, data: SystemData, fold: int, generator: torch.Generator
) -> _FoldData:
    reader = FoldReader(data, fold)
    items = training_items(data, fold)
    originals = items[items["effect"] == ""]
    if Crossing.STATISTIC in data.protocol.crosses:
        normalizer = Normalizer.by_speaker()
    else:
        fitted_on = reader.read(originals, Purpose.STATISTICS)
        normalizer = Normalizer.fit(params.training.normalization, fitted_on)
    emotions = tuple(ordered(data.clips["emotion"]))
    features = reader.read_normalized(items, Purpose.TRAIN, normalizer)
    targets = encode(data.clips, items, emotions)
    unchanged = torch.tensor((items["effect"] == "").tolist()).nonzero().squeeze(1)
    drawn = unchanged[torch.randperm(len(unchanged), generator=generator)[:_HISTORY_CLIPS]]
    watched = "test" if Crossing.CHECKPOINT in data.protocol.crosses else "validation"
    held_out = clips_only(data, data.with_role(fold, watched))
    scored = (
        _Scored("train", [features[i] for i in drawn.tolist()], targets[drawn]),
        _Scored(
            watched,
            reader.read_normalized(held_out, Purpose.CHECKPOINT, normalizer),
            encode(data.clips, held_out, emotions),
        ),
    )
    return _FoldData(
        TrainingItems(features, targets, items["clip"].tolist()),
        scored,
        normalizer,
        emotions,
        features[0].shape[1],
        reader.uses,
    )


def _epochs(
    params: Params,
    network: Cnn,
    average: AveragedModel,
    data: _FoldData,
    generator: torch.Generator,
) -> Iterator[None]:
    """Train epoch by epoch, yielding after each."""
    settings = params.training
    optimizers = build_optimizers(network, params.optimizer, params.optimizer_settings)
    crop = round(settings.crop_s * params.features.rows_per_second)
    steps_per_epoch = max(1, len(data.items) // settings.batch_size)
    epochs = max(settings.epochs, ceil(settings.min_steps / steps_per_epoch))
    factor = rate_schedule(settings.schedule, steps_per_epoch * epochs)
    weights = class_weights(data.items.targets, len(data.emotions), settings.class_weight)
    step = 0
    for _ in range(epochs):
        network.train()
        for batch in epoch_batches(
            data.items, settings, params.augmentation.probability, crop, generator
        ):
            scale_rates(optimizers, factor(step))
            loss = _batch_loss(network, batch, params, weights, generator)
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            average.update_parameters(network)
            step += 1
        yield


def _batch_loss(
    network: Cnn, batch: Batch, params: Params, weights: Tensor, generator: torch.Generator
) -> Tensor:
    settings = params.training
    values, lengths = network.front_end(batch.values, batch.lengths)
    # neither cepstral coefficients nor numbers of an embedding are neighbours in frequency
    if params.features.front_end != "mfcc" and not params.features.encoder_layers:
        values = warp_bands(values, settings.frequency_warp, generator)
    values = mask_features(values, settings, generator)
    targets = soft_targets(batch.targets, weights, settings.label_smoothing)
    values, lengths, targets = mix_pairs(values, lengths, targets, settings, generator)
    with torch.autocast("cpu", torch.bfloat16, enabled=uses_half_precision(settings.precision)):
        logits = network.classify(values, lengths)
    return nn.functional.cross_entropy(logits.float(), targets)


def uses_half_precision(precision: Precision) -> bool:
    """Whether convolutions are computed in bfloat16.

    "auto" does so where the processor multiplies such numbers itself: elsewhere they are slower.
    """
    if precision == "auto":
        return torch.cpu._is_avx512_bf16_supported()
    return precision == "bfloat16"


def _score(network: Cnn, part: _Scored, emotions: tuple[str, ...]) -> tuple[float, float, float]:
    """Loss (nats), accuracy and UAR (percent)."""
    probabilities = predict_probabilities([network], part.features)
    loss = nn.functional.nll_loss(probabilities.clamp_min(1e-7).log(), part.targets)
    predicted = [emotions[i] for i in probabilities.argmax(1).tolist()]
    actual = [emotions[i] for i in part.targets.tolist()]
    return (
        float(loss),
        accuracy(actual, predicted),
        unweighted_average_recall(actual, predicted),
    )


def _copy_weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}
