"""IndoWaveSentiment (Indonesian): 10 actors, one sentence in 5 emotions, 300 clips."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="indowave",
    title="IndoWaveSentiment",
    language="id",
    licence="CC BY 4.0",
    citation="Mendeley Data, j9ytfdzy27",
    archives=(
        Archive("https://data.mendeley.com/datasets/j9ytfdzy27/1", "indowave.zip", by_hand=True),
    ),
    pattern=r"(?P<speaker>)-(?P<emotion>)-(?P<intensity>)-(?P<take>0[1-3])",
    codes={"intensity": {"01": "normal", "02": "strong"}},
    emotions={
        "01": "neutral",
        "02": "happy",
        "03": "surprised",
        "04": "disgust",
        "05": "disappointed",
    },
    clips=300,
    female="02 04 06 08 10",
    male="01 03 05 07 09",
    unverified="checksum; clips of each emotion (60 if it is complete); codes are read from a "
    "script "
    "of others",
)
