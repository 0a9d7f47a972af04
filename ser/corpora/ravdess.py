"""RAVDESS speech (English, North American): 24 actors, 8 emotions, 1440 clips.

Livingstone, S. R. & Russo, F. A. (2018). The Ryerson Audio-Visual Database of Emotional Speech
and Song. PLoS ONE 13(5): e0196391.
"""

import re
from pathlib import PurePosixPath

from ser.clips.manifest import ClipName, Expected
from ser.download.corpus import Archive, Corpus

EMOTION_CODES = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
INTENSITY_CODES = {"01": "normal", "02": "strong"}
SENTENCE_CODES = {"01": "kids", "02": "dogs"}

# modality-channel-emotion-intensity-statement-repetition-actor
_NAME = re.compile(r"03-01-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)")
_ACTORS = [f"{actor:02d}" for actor in range(1, 25)]


def actor_gender(actor: str) -> str:
    """Odd numbers are male, even ones female."""
    return "male" if int(actor) % 2 else "female"


def parse(path: PurePosixPath) -> ClipName:
    """Read `Actor_XX/03-01-EE-II-SS-RR-AA`."""
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise ValueError("speech clips are named 03-01-EE-II-SS-RR-AA")
    emotion, intensity, sentence, repetition, actor = match.groups()
    if actor not in _ACTORS or path.parent.name != f"Actor_{actor}":
        raise ValueError(f"actor {actor} lies in folder {path.parent.name}")
    if (emotion, intensity) == ("01", "02"):
        raise ValueError("neutral has normal intensity only")
    return ClipName(
        clip=f"{path.parent.name}/{path.stem}",
        speaker=actor,
        gender=actor_gender(actor),
        emotion=EMOTION_CODES[emotion],
        intensity=INTENSITY_CODES[intensity],
        sentence=SENTENCE_CODES[sentence],
        take=repetition,
    )


CORPUS = Corpus(
    name="ravdess",
    title="RAVDESS speech",
    language="en",
    licence="CC BY-NC-SA 4.0",
    citation="Livingstone & Russo (2018), PLoS ONE 13(5): e0196391",
    expected=Expected(
        n_clips=1440,
        emotions={
            emotion: 96 if emotion == "neutral" else 192 for emotion in EMOTION_CODES.values()
        },
        genders={actor: actor_gender(actor) for actor in _ACTORS},
    ),
    parse=parse,
    archives=(
        Archive(
            url="https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip",
            file_name="Audio_Speech_Actors_01-24.zip",
            size_bytes=208_468_073,
            sha256="5d208e01632cc3e5242106fa2af3273e6dc5239fb8143131979ac74c4aa40657",
        ),
    ),
    checksums_of="source",
)
