"""What trains: `optimizer`, `optimizers`, `model_size`, `model_sizes` and `training` together."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from ser.core.errors import SerError
from ser.core.settings import (
    BelowOne,
    Count,
    Fraction,
    NonNegative,
    Positive,
    Section,
    Seed,
    Values,
    Whole,
)
from ser.models.device import Device
from ser.models.settings import ModelSize, load_model_size
from ser.training.optimizers import OptimizerSettings, load_optimizer

Seeds = Annotated[list[Seed], Field(min_length=1)]
Precision = Literal["auto", "float32", "bfloat16"]


class Training(Section):
    """How a network is trained; params.yaml says what each setting does."""

    epochs: Annotated[Count, Field(le=10_000)]
    min_steps: Whole
    batch_size: Annotated[Count, Field(ge=2)]
    copy_probability: Fraction
    normalization: Literal["clip", "clip_mean", "train"]
    crop_s: Annotated[Positive, Field(ge=0.2, le=60)]
    schedule: Literal["one_cycle", "constant"]
    label_smoothing: BelowOne
    class_weight: Fraction
    mask_absent: bool
    corpus_balance: Fraction
    mixup_alpha: NonNegative
    mixup_probability: Fraction
    time_warp: Annotated[NonNegative, Field(le=0.5)]
    frequency_warp: Annotated[NonNegative, Field(le=0.5)]
    frequency_masks: Whole
    frequency_mask_bands: Whole
    time_masks: Whole
    time_mask_frames: Whole
    weight_average: BelowOne
    checkpoint: Literal["last", "validation"]
    score_every: Count
    precision: Precision
    device: Device


@dataclass(frozen=True)
class Recipe:
    """All that decides how a network is trained, but for data, fold and seed."""

    model: ModelSize
    optimizer: OptimizerSettings
    training: Training


def load_recipe(values: Values) -> Recipe:
    """The recipe that parameters describe; only what is chosen is read.

    Raises:
        SerError: one sentence naming the key, what was given and what is allowed.
    """
    return Recipe(
        load_model_size(values), load_optimizer(values), values.section("training", Training)
    )


def load_seeds(values: Values, key: str = "seeds") -> list[int]:
    """Seeds, each of which trains all folds once.

    Raises:
        SerError: if one stands twice.
    """
    seeds = list(values.section(key, Seeds))
    if len(set(seeds)) < len(seeds):
        raise SerError(f"{values.source}: {key} {seeds} must differ from each other.")
    return seeds
