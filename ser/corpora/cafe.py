"""CaFE (Canadian French): 12 actors, 7 emotions in two intensities, 936 clips."""

from ser.download.corpus import zenodo
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="cafe",
    title="CaFE",
    language="fr",
    licence="CC BY-NC-SA 4.0",
    citation="Gournay et al. (2018), A Canadian French emotional speech dataset",
    archives=(zenodo(1478765, "CaFE_48k.zip"),),
    pattern=r"(?P<speaker>)-(?P<emotion>)-(?P<intensity>)-(?P<sentence>[1-6])",
    codes={"intensity": {"1": "weak", "2": "strong"}},
    emotions={
        "C": ("angry", 144),
        "D": ("disgust", 144),
        "J": ("happy", 144),
        "N": ("neutral", 72),
        "P": ("fearful", 144),
        "S": ("surprised", 144),
        "T": ("sad", 144),
    },
    clips=936,
    female="02 04 06 08 10 12",
    male="01 03 05 07 09 11",
    unverified="MD5; the letters of emotions and who is which gender are read from scripts of "
    "others",
)
