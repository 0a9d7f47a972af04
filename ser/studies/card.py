"""A corpus on one page: how many clips of what, how long, how loud, how much of it silence."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ser.audio import INT16_SCALE, Float32, read_canonical
from ser.clips import GENDERS, clip_path
from ser.labels import ordered

# functionals that the card shows
_SPEECH, _LEVEL = "duration.speech_s", "loudness.0.mean"


@dataclass(frozen=True)
class Sound:
    """One clip to be looked at: its emotion, name and samples at 16 kHz."""

    emotion: str
    clip: str
    samples: Float32


def describe_clips(manifest: pd.DataFrame, functionals: pd.DataFrame) -> pd.DataFrame:
    """One row a clip: the manifest, and `speech_s`, the length in seconds of what is not silence at
    either end; `silence_percent`, the share of the clip that is; `level_db`, the mean level of the
    speech in dB of full scale.
    """
    rows = functionals.loc[manifest["clip"]]
    speech = rows[_SPEECH].to_numpy(dtype=float)
    length = manifest["duration_s"].to_numpy(dtype=float)
    return manifest.assign(
        speech_s=speech,
        silence_percent=100 * (1 - speech / length),
        level_db=rows[_LEVEL].to_numpy(dtype=float),
    )


def card_table(clips: pd.DataFrame) -> pd.DataFrame:
    """One row an emotion and gender: `n_clips`, `n_speakers`, and means of `duration_s`,
    `speech_s`, `silence_percent` and `level_db`, with the deviation of the last.
    """
    rows = []
    for emotion in ordered(clips["emotion"]):
        for gender in GENDERS:
            some = clips[(clips["emotion"] == emotion) & (clips["gender"] == gender)]
            if some.empty:
                continue
            rows.append(
                {
                    "emotion": emotion,
                    "gender": gender,
                    "n_clips": len(some),
                    "n_speakers": some["speaker"].nunique(),
                    "duration_s": some["duration_s"].mean(),
                    "speech_s": some["speech_s"].mean(),
                    "silence_percent": some["silence_percent"].mean(),
                    "level_db": some["level_db"].mean(),
                    "level_deviation_db": some["level_db"].std(ddof=1),
                }
            )
    return pd.DataFrame(rows)


def choose_examples(clips: pd.DataFrame) -> pd.DataFrame:
    """One clip of every emotion, in order: of one speaker, and of one sentence as far as there is.

    The speaker and sentence that show most emotions, the first of them by name; what is missing is
    taken from the same speaker's other sentences. Strong intensity is easier to see.
    """
    shown = clips.groupby(["speaker", "sentence"])["emotion"].nunique()
    whole = clips.groupby("speaker")["emotion"].nunique()
    best = max(
        shown.index,
        key=lambda pair: (whole[pair[0]], shown[pair], [-ord(letter) for letter in pair[0]]),
    )
    own = clips[clips["speaker"] == best[0]]
    ranked = own.assign(
        other=(own["sentence"] != best[1]).astype(int),
        weak=(own["intensity"] != "strong").astype(int),
    ).sort_values(["other", "weak", "clip"])
    first = ranked.drop_duplicates("emotion").set_index("emotion")
    return first.loc[ordered(first.index)].reset_index()


def load_sounds(examples: pd.DataFrame, corpus: Path) -> list[Sound]:
    """Samples of example clips of a built corpus."""
    return [
        Sound(str(row.emotion), str(row.clip), _read(clip_path(corpus, str(row.clip))))
        for row in examples.itertuples()
    ]


def _read(path: Path) -> Float32:
    return read_canonical(path).astype(np.float32) / np.float32(INT16_SCALE)
