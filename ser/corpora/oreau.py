"""Oréau v2 (French): 32 speakers, 7 emotions, 434 clips."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="oreau",
    title="Oréau",
    language="fr",
    licence="CC BY 4.0",
    citation="Zenodo record 4405783",
    # the archives are RAR, which needs a program of its own
    archives=(Archive("https://zenodo.org/records/4405783", "OreauFR_02.zip", by_hand=True),),
    pattern=r"(?P<gender>)/\w+/"
    r"(?P<speaker>\d\d)(?P<sentence>[a-z0-9]{3})(?P<emotion>)(?P<take>[a-z])",
    emotions={
        "C": "angry",
        "D": ("disgust", 67),
        "J": "happy",
        "N": ("neutral", 70),
        "P": "fearful",
        "S": "surprised",
        "T": "sad",
    },
    clips=434,
    n_speakers=32,
    unverified="MD5; the letters of emotions are read from scripts of others, and counts of T and "
    "P "
    "differ; citation",
)
