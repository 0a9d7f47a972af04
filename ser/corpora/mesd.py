"""MESD (Mexican Spanish): single words in three groups of voices, 6 emotions, 864 clips."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="mesd",
    title="MESD",
    language="es",
    licence="CC BY 4.0",
    citation="Duville et al. (2021), Mendeley Data, cy34mh68j9",
    archives=(
        Archive("https://data.mendeley.com/datasets/cy34mh68j9/5", "mesd.zip", by_hand=True),
    ),
    pattern=r"(?P<emotion>)_(?P<speaker>)_(?P<sentence>[AB]_[^/]+)",
    emotions={
        "Anger": "angry",
        "Disgust": "disgust",
        "Fear": "fearful",
        "Happiness": "happy",
        "Neutral": "neutral",
        "Sadness": "sad",
    },
    female="F",
    male="M",
    unknown="C",
    note="names tell the group of voices (women F, men M, children C) and not the speaker: the "
    "groups "
    "stand for the 11 speakers, and only groups can be held out",
    unverified="clips (864 on the page, 862 elsewhere); checksum; citation",
)
