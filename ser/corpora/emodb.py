"""EMO-DB, the Berlin Database of Emotional Speech (German): 10 actors, 7 emotions, 535 clips.

Burkhardt, F., Paeschke, A., Rolfes, M., Sendlmeier, W. & Weiss, B. (2005). A database of German
emotional speech. Interspeech 2005, 1517-1520.
"""

import re
from pathlib import PurePosixPath

from ser.clips.manifest import ClipName, Expected
from ser.download.corpus import Archive, Corpus

EMOTION_CODES = {
    "W": "angry",
    "L": "bored",
    "E": "disgust",
    "A": "fearful",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
_MALE = ("03", "10", "11", "12", "15")
_FEMALE = ("08", "09", "13", "14", "16")
GENDERS = {**dict.fromkeys(_MALE, "male"), **dict.fromkeys(_FEMALE, "female")}

# speaker, text code, emotion, version
_NAME = re.compile(r"(\d\d)([ab]\d\d)([A-Z])([a-z])", re.ASCII)


def parse(path: PurePosixPath) -> ClipName | None:
    """Read `wav/SSTTTEV`; the archive's label and glottogram folders hold no clips."""
    if path.parent.name != "wav":
        return None
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise ValueError("clips are named SSTTTEV")
    speaker, sentence, emotion, version = match.groups()
    if speaker not in GENDERS:
        raise ValueError(f"there is no speaker {speaker}")
    if emotion not in EMOTION_CODES:
        raise ValueError(f"there is no emotion code {emotion}")
    return ClipName(
        clip=f"wav/{path.stem}",
        speaker=speaker,
        gender=GENDERS[speaker],
        emotion=EMOTION_CODES[emotion],
        intensity="",
        sentence=sentence,
        take=version,
    )


CORPUS = Corpus(
    name="emodb",
    title="EMO-DB",
    language="de",
    licence="CC0 (as published through audEERING)",
    citation="Burkhardt et al. (2005), Interspeech, 1517-1520",
    expected=Expected(
        n_clips=535,
        emotions={
            "angry": 127,
            "bored": 81,
            "neutral": 79,
            "happy": 71,
            "fearful": 69,
            "sad": 62,
            "disgust": 46,
        },
        genders=GENDERS,
    ),
    parse=parse,
    archives=(
        Archive(url="http://emodb.bilderbar.info/download/download.zip", file_name="emodb.zip"),
    ),
    checksums_of="source",
)
