"""EMOVO (Italian): 6 actors, 14 sentences, 7 emotions, 588 clips.

Costantini, G., Iaderola, I., Paoloni, A. & Todisco, M. (2014). EMOVO corpus: an Italian emotional
speech database. LREC 2014, 3501-3504.

`f3/tri-f3-n1` and `f3/tri-f3-n2` are one recording filed as two sentences (see `ser.splits.takes`):
it does no harm when speakers are held out, but would if sentences were.
"""

import re
from pathlib import PurePosixPath

from ser.clips.manifest import ClipName, Expected
from ser.download.corpus import Archive, Corpus

EMOTION_CODES = {
    "neu": "neutral",
    "dis": "disgust",
    "gio": "happy",
    "pau": "fearful",
    "rab": "angry",
    "sor": "surprised",
    "tri": "sad",
}
GENDERS = {
    "f1": "female",
    "f2": "female",
    "f3": "female",
    "m1": "male",
    "m2": "male",
    "m3": "male",
}

# emotion, actor, sentence
_NAME = re.compile(r"([a-z]{3})-([fm][123])-(b[1-3]|l[1-4]|n[1-5]|d[12])")


def parse(path: PurePosixPath) -> ClipName:
    """Read `<actor>/EEE-A#-SS`."""
    match = _NAME.fullmatch(path.stem)
    if match is None or match[1] not in EMOTION_CODES:
        raise ValueError("clips are named EEE-A#-SS")
    emotion, actor, sentence = match.groups()
    if path.parent.name != actor:
        raise ValueError(f"actor {actor} lies in folder {path.parent.name}")
    return ClipName(
        clip=f"{actor}/{path.stem}",
        speaker=actor,
        gender=GENDERS[actor],
        emotion=EMOTION_CODES[emotion],
        intensity="",
        sentence=sentence,
        take="1",
    )


CORPUS = Corpus(
    name="emovo",
    title="EMOVO",
    language="it",
    licence="no written licence; non-commercial re-use with acknowledgment is reported",
    citation="Costantini et al. (2014), LREC, 3501-3504",
    expected=Expected(
        n_clips=588,
        emotions=dict.fromkeys(EMOTION_CODES.values(), 84),
        genders=GENDERS,
    ),
    parse=parse,
    # the publisher links the archive from this page only; there is no lasting direct address
    archives=(
        Archive(
            url="http://voice.fub.it/activities/corpora/emovo/index.html",
            file_name="emovo.zip",
            by_hand=True,
        ),
    ),
    # only the canonical form was at hand when the checksums were taken
    checksums_of="canonical",
)
