"""`features`, `front_ends`, `functionals` and `augmentation` of params.yaml."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ser.clips.audio import SAMPLE_RATE_HZ
from ser.core.errors import SerError
from ser.core.settings import Count, Name, NonNegative, Number, Positive, Section, Values

EncoderName = Literal[
    "wav2vec2_base",
    "wav2vec2_large",
    "hubert_base",
    "hubert_large",
    "wavlm_base",
    "wavlm_base_plus",
    "wavlm_large",
    "xlsr_300m",
]
# transformer layers of each pretrained encoder, known without its weights
ENCODER_LAYERS: dict[EncoderName, int] = {
    "wav2vec2_base": 12,
    "wav2vec2_large": 24,
    "hubert_base": 12,
    "hubert_large": 24,
    "wavlm_base": 12,
    "wavlm_base_plus": 12,
    "wavlm_large": 24,
    "xlsr_300m": 24,
}
# a clip of an hour has a row every half millisecond at the most
_Milliseconds = Annotated[Positive, Field(ge=1, le=500)]


class FunctionalsSettings(Section):
    """What classifiers without a network see: `own`, or `egemaps` (openSMILE).

    Attributes:
        speeds: of the copies that the linear classifier learns from beside each clip.
    """

    kind: Literal["own", "egemaps"]
    speeds: list[Annotated[Positive, Field(ge=0.5, le=2)]]


class LogMelSettings(Section):
    """A log-mel spectrogram; `top_db`: power more than this below a clip's loudest is cut off."""

    window_ms: _Milliseconds
    hop_ms: _Milliseconds
    n_fft: Annotated[Count, Field(le=16384)]
    n_mels: Annotated[Count, Field(ge=8, le=512)]
    fmin_hz: NonNegative
    fmax_hz: Annotated[Positive, Field(le=SAMPLE_RATE_HZ / 2)]
    top_db: Positive

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.fmin_hz >= self.fmax_hz:
            raise ValueError(f"fmin_hz ({self.fmin_hz}) must be below fmax_hz ({self.fmax_hz})")
        if self.window_ms * 16 > self.n_fft:
            raise ValueError(
                f"n_fft ({self.n_fft}) must be at least window_ms x 16 = {self.window_ms * 16}"
            )
        return self


class MfccSettings(LogMelSettings):
    """The same, and the number of coefficients before deltas and delta-deltas."""

    n_mfcc: Count

    @model_validator(mode="after")
    def _not_more_than_bands(self) -> Self:
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc ({self.n_mfcc}) must not be above n_mels ({self.n_mels})")
        return self


class WaveformSettings(Section):
    """The filterbank that a network learns on samples."""

    window_ms: _Milliseconds
    hop_ms: _Milliseconds
    n_mels: Annotated[Count, Field(ge=8, le=512)]


class EncoderSettings(Section):
    """A frozen pretrained encoder; it gives a row every 20 ms, averaged over `frame_ms`."""

    name: EncoderName
    frame_ms: Annotated[Positive, Field(ge=20, le=1000)]


class MeanMfccSettings(Section):
    """MFCCs averaged over a clip: one row."""

    n_mfcc: Annotated[Count, Field(ge=8, le=128)]


FrontEndSettings = (
    LogMelSettings | MfccSettings | WaveformSettings | EncoderSettings | MeanMfccSettings
)
FRONT_ENDS: dict[str, type[FrontEndSettings]] = {
    "log_mel": LogMelSettings,
    "mfcc": MfccSettings,
    "pcen": LogMelSettings,
    "waveform": WaveformSettings,
    "encoder": EncoderSettings,
    "mean_mfcc": MeanMfccSettings,
}


class Features(Section):
    """What the network sees; the row of `front_ends` that it names has the rest."""

    front_end: Name
    trim_db: Positive | None
    trim_margin_ms: Annotated[NonNegative, Field(le=10_000)]


def load_features(values: Values) -> tuple[Features, FrontEndSettings]:
    """The features, and the settings of the chosen front end.

    Raises:
        SerError: one sentence naming the key, what was given and what is allowed.
    """
    row = values.chosen("features.front_end", "front_ends")
    features = values.section("features", Features)
    if features.front_end not in FRONT_ENDS:
        raise SerError(
            f"{values.source}: features.front_end is {features.front_end!r}, but must be one of "
            f"{', '.join(FRONT_ENDS)}."
        )
    return features, values.section(row, FRONT_ENDS[features.front_end])


class Gain(Section):
    """Dynamic value change."""

    enabled: bool
    max_gain_db: Annotated[NonNegative, Field(le=40)]
    max_compression: Annotated[Number, Field(ge=1, le=10)]


class Pitch(Section):
    """Pitch tuning."""

    enabled: bool
    max_semitones: Annotated[NonNegative, Field(le=12)]


class Noise(Section):
    """White noise."""

    enabled: bool
    min_snr_db: Annotated[Number, Field(ge=-20, le=100)]
    max_snr_db: Annotated[Number, Field(ge=-20, le=100)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_snr_db > self.max_snr_db:
            raise ValueError(
                f"min_snr_db ({self.min_snr_db}) must not be above max_snr_db ({self.max_snr_db})"
            )
        return self


class Shift(Section):
    """Shifting in time."""

    enabled: bool
    max_shift_s: Annotated[NonNegative, Field(le=10)]


class Speed(Section):
    """Tempo and pitch together."""

    enabled: bool
    max_change: Annotated[NonNegative, Field(le=0.5)]


class Augmentation(Section):
    """The effects by which copies are made."""

    gain: Gain
    pitch: Pitch
    noise: Noise
    shift: Shift
    speed: Speed
