"""European Portuguese (Castro & Lima): sentences and pseudo-sentences in 7 emotions."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="portuguese",
    title="European Portuguese",
    language="pt",
    licence="none stated; a supplement of its paper",
    citation="Castro & Lima (2010), Behavior Research Methods 42(1), 74-81",
    archives=(
        Archive(
            "https://static-content.springer.com/esm/art%3A10.3758%2FBRM.42.1.74/MediaObjects/Castro-BRM-2010%20Sents.zip",
            "Castro-BRM-2010 Sents.zip",
        ),
    ),
    pattern=r"(?P<sentence>\d+[sp])(?P<speaker>[AB])_(?P<emotion>)(?P<take>\d+)",
    emotions={
        "angry": "angry",
        "disgust": "disgust",
        "fear": "fearful",
        "happy": "happy",
        "neutral": "neutral",
        "sad": "sad",
        "surprise": "surprised",
    },
    n_speakers=2,
    note="pseudo-sentences are a second archive; two speakers: protocol two_speakers is for it",
    unverified="clips; speakers; licence; fields of the name are read from a script of others",
)
