"""Training of one network: one fold, one seed."""

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ser.core.errors import SerError
from ser.core.scoring import accuracy, unweighted_average_recall
from ser.guards.checks import Purpose
from ser.guards.crossings import Crossing
from ser.models.device import describe, find_device
from ser.models.inference import predict_probabilities
from ser.models.network import Network, build_network
from ser.models.storage import TrainedNetwork
from ser.reading.data import SystemData, clips_only, encode, trained_emotions, training_items
from ser.reading.normalization import Normalizer
from ser.reading.reader import Reader
from ser.store.features import Layout
from ser.training.batches import (
    Batch,
    Mixed,
    TrainingItems,
    class_weights,
    epoch_batches,
    mix_pairs,
    only_possible,
    soft_targets,
    warp_and_mask,
)
from ser.training.optimizers import build_optimizers, descend, rate_schedule, scale_rates
from ser.training.settings import Precision, Recipe

# Training clips on which the history is measured, drawn once a fold; all would cost a third of
# the run, and this many give the same picture.
_HISTORY_CLIPS = 128


@dataclass(frozen=True)
class EpochScore:
    """One row of the history: loss (nats), accuracy and UAR (percent) after an epoch."""

    fold: int
    seed: int
    epoch: int
    part: str
    loss: float
    accuracy: float
    uar: float


@dataclass(frozen=True)
class _Scored:
    """Clips on which scores are measured, without any augmentation."""

    part: str
    features: Sequence[Tensor]
    targets: Tensor


@dataclass(frozen=True)
class _FoldData:
    items: TrainingItems
    scored: list[_Scored]
    normalizer: Normalizer
    emotions: tuple[str, ...]
    layout: Layout
    uses: dict[str, set[str]]


def train_fold(
    recipe: Recipe,
    data: SystemData,
    fold: int,
    seed: int,
    after_epoch: Callable[[], None] = lambda: None,
) -> tuple[TrainedNetwork, list[EpochScore]]:
    """Train one network; test clips of the fold are not read, unless the protocol is a leaky one.

    Args:
        after_epoch: called after every epoch, to show progress.

    Returns:
        The network, and its scores after every `training.score_every` epochs and the last.

    Raises:
        LeakError: if anything is read for a purpose that it is held out from.
        SerError: if a crop is too short for the network, or training diverges.
    """
    generator = torch.Generator().manual_seed(1_000_003 * seed + fold)
    fold_data = _load_fold(recipe, data, fold, generator)
    torch.manual_seed(generator.initial_seed())  # weights and dropout
    network = build_network(
        recipe.model.network, recipe.model.settings, fold_data.layout, len(fold_data.emotions)
    )
    device = find_device(recipe.training.device)
    network.to(device)  # with the weights that were drawn on the processor
    crop = crop_rows(recipe, network)
    # an average over recent steps predicts better than the last step's weights (Izmailov et al.,
    # 2018, UAI; here exponential); all that is scored and kept is the average
    average = AveragedModel(
        network, multi_avg_fn=get_ema_multi_avg_fn(recipe.training.weight_average), use_buffers=True
    )
    averaged = cast(Network, average.module)
    choose_best = (
        recipe.training.checkpoint == "validation" or Crossing.CHECKPOINT in data.protocol.crosses
    ) and len(fold_data.scored) > 1
    history: list[EpochScore] = []
    best_uar, best_weights = -1.0, None
    epochs = n_epochs(recipe, len(fold_data.items))
    trained = _epochs(recipe, network, average, fold_data, crop, epochs, generator)
    for epoch, _ in enumerate(trained, start=1):
        after_epoch()
        scored_now = epoch % recipe.training.score_every == 0 or epoch == epochs
        if not (scored_now or choose_best):
            continue
        scores = [
            EpochScore(fold, seed, epoch, part.part, *_score(averaged, part, fold_data.emotions))
            for part in fold_data.scored
        ]
        history += scores
        if choose_best and scores[-1].uar > best_uar:
            best_uar, best_weights = scores[-1].uar, _copy_weights(averaged)
    network.load_state_dict(best_weights or averaged.state_dict())
    network.to("cpu")
    _check_finite(recipe, network, fold, seed)
    trained_network = TrainedNetwork(
        fold_data.emotions,
        fold,
        fold_data.uses,
        recipe.model.network,
        network.eval(),
        fold_data.normalizer,
        seed,
        arithmetic(recipe.training.precision, device),
    )
    return trained_network, history


def n_epochs(recipe: Recipe, n_clips: int) -> int:
    """Epochs of a fold in which so many clips train: more of them for a small corpus."""
    settings = recipe.training
    return max(settings.epochs, ceil(settings.min_steps / _steps_per_epoch(recipe, n_clips)))


def _steps_per_epoch(recipe: Recipe, n_clips: int) -> int:
    return max(1, n_clips // recipe.training.batch_size)


def crop_rows(recipe: Recipe, network: Network) -> int:
    """Rows of features in `training.crop_s`; one where a clip is one row.

    Raises:
        SerError: if they are too few for the network.
    """
    rows = max(1, round(recipe.training.crop_s * network.layout.rows_per_second))
    if rows < network.fewest_rows:
        raise SerError(
            f"training.crop_s is {recipe.training.crop_s}, which is {rows} rows of features, but "
            f"the network {recipe.model.network} needs at least {network.fewest_rows}; make it "
            "longer in params.yaml."
        )
    return rows


def _check_finite(recipe: Recipe, network: Network, fold: int, seed: int) -> None:
    # running means of batch normalisation are no parameters, but may diverge alone
    if not all(torch.isfinite(value).all() for value in network.state_dict().values()):
        raise SerError(
            f"Training diverged in fold {fold} with seed {seed}; lower optimizers."
            f"{recipe.optimizer.name}.lr in params.yaml."
        )


def _load_fold(
    recipe: Recipe, data: SystemData, fold: int, generator: torch.Generator
) -> _FoldData:
    reader = Reader(data, fold)
    items = training_items(data, fold)
    originals = items[items["effect"] == ""]
    if Crossing.STATISTIC in data.protocol.crosses:
        normalizer = Normalizer.by_speaker()
    else:
        normalizer = Normalizer.fit(
            recipe.training.normalization, reader.features(originals, Purpose.STATISTICS)
        )
    emotions = trained_emotions(data, fold)
    features = reader.normalized(items, Purpose.TRAIN, normalizer)
    targets = encode(data.clips, items, emotions)
    unchanged = torch.tensor((items["effect"] == "").tolist()).nonzero().squeeze(1)
    drawn = unchanged[torch.randperm(len(unchanged), generator=generator)[:_HISTORY_CLIPS]]
    watched = "test" if Crossing.CHECKPOINT in data.protocol.crosses else "validation"
    scored = [_Scored("train", features.some(drawn.tolist()), targets[drawn])]
    held_out = clips_only(data, data.with_role(fold, watched))
    known = encode(data.clips, held_out, emotions) >= 0  # what no speaker showed cannot be scored
    held_out = held_out[known.numpy()].reset_index(drop=True)
    if len(held_out):
        read = reader.normalized(held_out, Purpose.CHECKPOINT, normalizer)
        scored.append(_Scored(watched, read, encode(data.clips, held_out, emotions)))
    return _FoldData(
        TrainingItems(features, targets, items["clip"], _numbers(items["corpus"])),
        scored,
        normalizer,
        emotions,
        data.layout,
        reader.uses,
    )


def _numbers(names: "pd.Series[str]") -> Tensor:
    return torch.from_numpy(pd.factorize(names, sort=True)[0].astype(np.int64))


def _epochs(
    recipe: Recipe,
    network: Network,
    average: AveragedModel,
    data: _FoldData,
    crop: int,
    epochs: int,
    generator: torch.Generator,
) -> Iterator[None]:
    """Train epoch by epoch, yielding after each."""
    settings = recipe.training
    optimizers = build_optimizers(network, recipe.optimizer)
    factor = rate_schedule(settings.schedule, _steps_per_epoch(recipe, len(data.items)) * epochs)
    device = next(network.parameters()).device
    weights = class_weights(data.items.targets, len(data.emotions), settings.class_weight)
    weights = weights.to(device)
    shown = data.items.shown(len(data.emotions), settings.mask_absent)
    step = 0
    for _ in range(epochs):
        network.train()
        for batch in epoch_batches(data.items, settings, crop, shown, generator):
            scale_rates(optimizers, factor(step))
            loss = batch_loss(network, batch.to(device), recipe, weights, generator)
            descend(loss, optimizers)
            average.update_parameters(network)
            step += 1
        yield


def batch_loss(
    network: Network, batch: Batch, recipe: Recipe, weights: Tensor, generator: torch.Generator
) -> Tensor:
    """Loss (nats) of a training step; network, batch and weights are on one device.

    Args:
        weights: of the classes, shape (classes,).
    """
    settings = recipe.training
    values, lengths = network.front_end(batch.values, batch.lengths)
    # neither cepstral coefficients nor numbers of an embedding are neighbours in frequency
    warp = settings.frequency_warp if network.layout.neighbours else 0.0
    values = warp_and_mask(values, settings, warp, generator)
    targets = soft_targets(batch.targets, batch.possible, weights, settings.label_smoothing)
    mixed = mix_pairs(Mixed(values, lengths, targets, batch.possible), settings, generator)
    device = values.device
    half = uses_half_precision(settings.precision, device)
    with torch.autocast(device.type, torch.bfloat16, enabled=half):
        logits = network.classify(mixed.values, mixed.lengths)
    return nn.functional.cross_entropy(only_possible(logits.float(), mixed.possible), mixed.targets)


def uses_half_precision(precision: Precision, device: torch.device) -> bool:
    """Whether convolutions are computed in bfloat16.

    "auto" does so where the processor multiplies such numbers itself: elsewhere they are slower.
    """
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def arithmetic(precision: Precision, device: torch.device) -> str:
    """In what a network is trained here: another arithmetic gives other last digits."""
    numbers = "bfloat16" if uses_half_precision(precision, device) else "float32"
    if device.type != "cpu":
        return f"{numbers} {describe(device)}"
    tiles = " AMX" if torch.cpu._is_amx_tile_supported() else ""
    return f"{numbers} {torch.backends.cpu.get_cpu_capability()}{tiles} {_processor()}"


def _processor() -> str:
    """Its maker where Linux tells (libraries choose their code by it), else its kind."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    makers = [line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id")]
    return makers[0] if makers else platform.machine()


def _score(
    network: Network, part: _Scored, emotions: tuple[str, ...]
) -> tuple[float, float, float]:
    """Loss (nats), accuracy and UAR (percent)."""
    probabilities = predict_probabilities(network, part.features)
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
