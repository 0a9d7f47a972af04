"""`params.yaml`, typed and checked; the only module that reads it."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from ser.errors import SerError

PARAMS_FILE = Path("params.yaml")
# transformer layers of each pretrained encoder, known without its weights
ENCODER_LAYERS = {
    "wav2vec2_base": 12,
    "wav2vec2_large": 24,
    "hubert_base": 12,
    "hubert_large": 24,
    "wavlm_base": 12,
    "wavlm_base_plus": 12,
    "wavlm_large": 24,
    "xlsr_300m": 24,
}
# below this an attention over time has little to choose from
_FEWEST_ROWS = 8


def _number(value: Any) -> Any:
    """Turn text such as "1e-05" into a number.

    `dvc exp run -S lr=1e-5` writes `1e-05`, which YAML 1.1 readers take for text.
    """
    if isinstance(value, bool):
        raise ValueError(f"{value} is given, but a number is needed")
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _integer(value: Any) -> Any:
    number = _number(value)
    is_whole = isinstance(number, float) and number.is_integer()
    return int(number) if is_whole else number


def _distinct(seeds: list[int]) -> list[int]:
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds {seeds} must differ from each other")
    return seeds


Positive = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1)]
BelowOne = Annotated[float, BeforeValidator(_number), Field(ge=0, lt=1)]
Count = Annotated[int, BeforeValidator(_integer), Field(ge=1)]
CountOrNone = Annotated[int, BeforeValidator(_integer), Field(ge=0)]
Seeds = Annotated[list[CountOrNone], Field(min_length=1), AfterValidator(_distinct)]
Networks = Annotated[Count, Field(le=20)]
ModelSizeName = Literal["small", "base", "large"]
OptimizerName = Literal["sgd", "rmsprop", "adam", "adamw", "muon"]
Precision = Literal["auto", "float32", "bfloat16"]
FrontEndName = Literal[
    "log_mel",
    "mfcc",
    "pcen",
    "waveform",
    "wav2vec2_base",
    "wav2vec2_large",
    "hubert_base",
    "hubert_large",
    "wavlm_base",
    "wavlm_base_plus",
    "wavlm_large",
    "xlsr_300m",
]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Strict(BaseModel):
    """Unknown keys are errors: a misspelt key must not pass for a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sgd(_Strict):
    lr: Positive
    momentum: BelowOne
    nesterov: bool
    weight_decay: NonNegative

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "Sgd":
        if self.nesterov and self.momentum == 0:
            raise ValueError(f"nesterov needs a momentum above 0, not {self.momentum}")
        return self


class RmsProp(_Strict):
    lr: Positive
    alpha: BelowOne
    momentum: BelowOne
    weight_decay: NonNegative


class Adam(_Strict):
    lr: Positive
    beta1: BelowOne
    beta2: BelowOne
    weight_decay: NonNegative


class Muon(_Strict):
    lr: Positive
    momentum: BelowOne
    weight_decay: NonNegative
    adamw_lr: Positive
    adamw_weight_decay: NonNegative


OptimizerSettings = Sgd | RmsProp | Adam | Muon


class Optimizers(_Strict):
    sgd: Sgd
    rmsprop: RmsProp
    adam: Adam
    adamw: Adam
    muon: Muon


class ModelSize(_Strict):
    channels: Annotated[list[Count], Field(min_length=2, max_length=6)]
    stem_kernel: Annotated[Count, Field(le=15)]
    stem_stride: Annotated[list[Annotated[Count, Field(le=8)]], Field(min_length=2, max_length=2)]
    time_pools: CountOrNone
    dropout: BelowOne

    @model_validator(mode="after")
    def _consistent(self) -> "ModelSize":
        if self.stem_kernel % 2 == 0:
            raise ValueError(f"stem_kernel ({self.stem_kernel}) must be odd, to have a middle")
        if self.time_pools >= len(self.channels):
            raise ValueError(
                f"time_pools ({self.time_pools}) must be below the number of channels' entries "
                f"({len(self.channels)}), one for each block after the stem"
            )
        return self


class ModelSizes(_Strict):
    small: ModelSize
    base: ModelSize
    large: ModelSize


class Gain(_Strict):
    enabled: bool
    max_gain_db: Annotated[NonNegative, Field(le=40)]
    max_compression: Annotated[float, BeforeValidator(_number), Field(ge=1, le=10)]


class Pitch(_Strict):
    enabled: bool
    max_semitones: Annotated[NonNegative, Field(le=12)]


class Noise(_Strict):
    enabled: bool
    min_snr_db: Annotated[float, BeforeValidator(_number), Field(ge=-20, le=100)]
    max_snr_db: Annotated[float, BeforeValidator(_number), Field(ge=-20, le=100)]

    @model_validator(mode="after")
    def _ordered(self) -> "Noise":
        if self.min_snr_db > self.max_snr_db:
            raise ValueError(
                f"min_snr_db ({self.min_snr_db}) must not be above max_snr_db ({self.max_snr_db})"
            )
        return self


class Shift(_Strict):
    enabled: bool
    max_shift_s: Annotated[NonNegative, Field(le=10)]


class Speed(_Strict):
    enabled: bool
    max_change: Annotated[NonNegative, Field(le=0.5)]


class Augmentation(_Strict):
    probability: Fraction
    gain: Gain
    pitch: Pitch
    noise: Noise
    shift: Shift
    speed: Speed


class Features(_Strict):
    front_end: FrontEndName
    window_ms: Annotated[Positive, Field(le=500)]
    hop_ms: Annotated[Positive, Field(le=500)]
    n_fft: Annotated[Count, Field(le=16384)]
    n_mels: Annotated[Count, Field(ge=8, le=512)]
    fmin_hz: NonNegative
    fmax_hz: Annotated[Positive, Field(le=8000)]
    n_mfcc: Count
    # an encoder gives a row every 20 ms
    encoder_frame_ms: Annotated[Positive, Field(ge=20, le=1000)]
    top_db: Positive
    trim_db: Positive | None
    trim_margin_ms: NonNegative

    @model_validator(mode="after")
    def _consistent(self) -> "Features":
        if self.fmin_hz >= self.fmax_hz:
            raise ValueError(f"fmin_hz ({self.fmin_hz}) must be below fmax_hz ({self.fmax_hz})")
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc ({self.n_mfcc}) must not be above n_mels ({self.n_mels})")
        if self.window_ms * 16 > self.n_fft:
            raise ValueError(
                f"n_fft ({self.n_fft}) must be at least window_ms x 16 = {self.window_ms * 16}"
            )
        return self

    @property
    def encoder_layers(self) -> int:
        """Layers of the chosen pretrained encoder; 0 for other front ends."""
        return ENCODER_LAYERS.get(self.front_end, 0)

    @property
    def row_key(self) -> str:
        """The key that says how long a row is."""
        return "encoder_frame_ms" if self.encoder_layers else "hop_ms"

    @property
    def rows_per_second(self) -> float:
        """Rows of features in a second of sound (16 kHz for the waveform itself)."""
        if self.front_end == "waveform":
            return 16_000.0
        row_ms: float = getattr(self, self.row_key)
        return 1000.0 / row_ms


class Training(_Strict):
    epochs: Count
    min_steps: CountOrNone
    batch_size: Annotated[Count, Field(ge=2)]
    seeds: Seeds
    networks: Networks
    normalization: Literal["clip", "clip_mean", "train"]
    crop_s: Annotated[Positive, Field(ge=0.2)]
    schedule: Literal["one_cycle", "constant"]
    label_smoothing: BelowOne
    class_weight: Fraction
    mixup_alpha: NonNegative
    mixup_probability: Fraction
    time_warp: Annotated[NonNegative, Field(le=0.5)]
    frequency_warp: Annotated[NonNegative, Field(le=0.5)]
    frequency_masks: CountOrNone
    frequency_mask_bands: CountOrNone
    time_masks: CountOrNone
    time_mask_frames: CountOrNone
    weight_average: BelowOne
    checkpoint: Literal["last", "validation"]
    linear_share: Fraction
    linear_c: Positive
    precision: Precision


class System(_Strict):
    corpus: Annotated[str, Field(pattern=r"^(\.|[a-z][a-z0-9_]*)$")]
    gender: Literal["all", "female", "male"]
    protocol: Name
    tested: Name | None = None
    max_seeds: Count | None = None

    @model_validator(mode="after")
    def _tested_is_one_of_several(self) -> "System":
        if self.tested is not None and self.corpus != ".":
            raise ValueError(
                f"tested ({self.tested}) chooses one of several corpora, so corpus must be '.', "
                f"not {self.corpus!r}"
            )
        return self


class Floors(_Strict):
    functionals: Literal["own", "egemaps"]
    svm_c: Positive


class StudyTraining(_Strict):
    seeds: Seeds
    model_size: ModelSizeName
    networks: Networks
    epochs: Count
    min_steps: CountOrNone


class Studies(_Strict):
    training: StudyTraining
    ladder: list[Name]
    gender: list[Name]
    speaker_normalisation: list[Name]
    notebooks: list[Name]
    optimizers: list[Name]
    augmentations: list[Name]
    importance: list[Name]
    cross_lingual: dict[Name, Annotated[list[Name], Field(min_length=2)]]

    @property
    def corpora(self) -> set[str]:
        """All corpora that a study is about."""
        alone = (
            self.ladder,
            self.gender,
            self.speaker_normalisation,
            self.notebooks,
            self.optimizers,
            self.augmentations,
            self.importance,
        )
        return {name for names in (*alone, *self.cross_lingual.values()) for name in names}


class Params(_Strict):
    """The whole of `params.yaml`."""

    optimizer: OptimizerName
    optimizers: Optimizers
    model_size: ModelSizeName
    model_sizes: ModelSizes
    corpora: Annotated[list[Name], Field(min_length=1)]
    augmentation: Augmentation
    features: Features
    training: Training
    systems: Annotated[dict[Name, System], Field(min_length=1)]
    floors: Floors
    studies: Studies
    processes: Count

    @model_validator(mode="after")
    def _distinct_corpora(self) -> "Params":
        if len(set(self.corpora)) != len(self.corpora):
            raise ValueError(f"corpora {self.corpora} must differ from each other")
        return self

    @model_validator(mode="after")
    def _systems_name_chosen_corpora(self) -> "Params":
        for name, system in self.systems.items():
            if system.corpus not in (".", *self.corpora):
                raise ValueError(
                    f"systems.{name}.corpus is {system.corpus!r}, which is not among corpora "
                    f"({', '.join(self.corpora)}) nor '.'"
                )
            if system.tested not in (None, *self.corpora):
                raise ValueError(
                    f"systems.{name}.tested is {system.tested!r}, which is not among corpora "
                    f"({', '.join(self.corpora)})"
                )
        return self

    @model_validator(mode="after")
    def _studies_name_chosen_corpora(self) -> "Params":
        strange = sorted(self.studies.corpora - set(self.corpora))
        if strange:
            raise ValueError(
                f"studies name {strange[0]!r}, which is not among corpora "
                f"({', '.join(self.corpora)})"
            )
        return self

    @model_validator(mode="after")
    def _crops_hold_enough_rows(self) -> "Params":
        fewest = _FEWEST_ROWS
        if not self.features.encoder_layers:  # layers of an encoder meet no stride and no pooling
            fewest = max(fewest, self.model.stem_stride[0] * 2**self.model.time_pools)
        key = self.features.row_key
        if self.training.crop_s * self.features.rows_per_second < fewest:
            raise ValueError(
                f"training.crop_s is {self.training.crop_s}, but must hold at least {fewest} "
                f"rows of features (features.{key} is {getattr(self.features, key)})"
            )
        return self

    @property
    def optimizer_settings(self) -> OptimizerSettings:
        """Settings of the chosen optimizer."""
        settings: OptimizerSettings = getattr(self.optimizers, self.optimizer)
        return settings

    @property
    def model(self) -> ModelSize:
        """Settings of the chosen model size."""
        size: ModelSize = getattr(self.model_sizes, self.model_size)
        return size

    def system(self, name: str) -> System:
        """The system called `name`.

        Raises:
            SerError: if `params.yaml` lists no such system.
        """
        if name not in self.systems:
            known = ", ".join(self.systems)
            raise SerError(f"params.yaml lists no system {name!r}; it lists {known}.")
        return self.systems[name]

    def with_optimizer(self, name: OptimizerName, **changes: float | bool) -> "Params":
        """These parameters with another optimizer, and changes of its settings."""
        settings = getattr(self.optimizers, name).model_copy(update=changes)
        optimizers = self.optimizers.model_copy(update={name: settings})
        return self.model_copy(update={"optimizer": name, "optimizers": optimizers})

    def with_training(self, **changes: Any) -> "Params":
        """These parameters with changes of `training`."""
        return self.model_copy(update={"training": self.training.model_copy(update=changes)})

    @property
    def in_studies(self) -> "Params":
        """These parameters with what studies have of their own."""
        own = self.studies.training
        names = ("seeds", "networks", "epochs", "min_steps")
        changed = self.with_training(**{name: getattr(own, name) for name in names})
        return changed.model_copy(update={"model_size": own.model_size})

    def seeds_of(self, system: System) -> list[int]:
        """Seeds a system is trained with: all of `training.seeds`, or the first few."""
        return self.training.seeds[: system.max_seeds]

    def corpora_of(self, system: System) -> list[str]:
        """Names of the corpora a system is tested on, in the order of `params.yaml`."""
        if system.tested is not None:
            return [system.tested]
        return self.corpora if system.corpus == "." else [system.corpus]

    def helpers_of(self, system: System) -> list[str]:
        """Names of the corpora that only train a system, in the order of `params.yaml`."""
        if system.tested is None:
            return []
        return [name for name in self.corpora if name != system.tested]


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and check the parameters.

    Raises:
        SerError: one sentence naming the key, what was given and what is allowed.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SerError(f"{path} is missing; run from the root of the repository.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise SerError(f"{path} is not readable as YAML: {reason}.") from None
    if not isinstance(values, dict):
        raise SerError(f"{path} must hold a table of parameters, not {type(values).__name__}.")
    return parse_params(values, str(path))


def parse_params(values: dict[str, Any], source: str = "params.yaml") -> Params:
    """Check parameters that were already read.

    Raises:
        SerError: one sentence naming the key, what was given and what is allowed.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise SerError(f"{source}: {_sentence(error.errors()[0])}") from None


def _sentence(error: ErrorDetails) -> str:
    loc = [str(part) for part in error["loc"] if part != "[key]"]
    key = ".".join(part for part in loc if not part.startswith("function-"))
    where = f"{key}: " if key else ""
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        return f"unknown key {key!r} (given {given!r}); remove it or correct its spelling."
    if kind == "missing":
        return f"key {key!r} is missing; give it a value."
    if kind == "value_error":
        return f"{where}{error['ctx']['error']!s}."
    if kind in ("too_short", "too_long"):
        limit = error["ctx"].get("min_length", error["ctx"].get("max_length"))
        bound = "at least" if kind == "too_short" else "at most"
        return f"{key} is {given!r}, but must have {bound} {limit} entries."
    if kind == "string_pattern_mismatch":
        return f"{key} is {given!r}, but a name must be lower-case letters, digits and '_'."
    reason = error["msg"].removeprefix("Input should be ")
    return f"{key} is {given!r}, but must be {reason}."
