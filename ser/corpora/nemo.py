"""nEMO (Polish): 9 actors, 6 emotions, 4481 clips."""

from ser.download.corpus import github
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="nemo",
    title="nEMO",
    language="pl",
    licence="CC BY-NC-SA 4.0",
    citation="Christop (2024), LREC-COLING",
    archives=(github("amu-cai/nEMO", "66de9999a8f2f605eb5f64841790aa5cb0877782"),),
    pattern=r"(?P<speaker>)_(?P<emotion>)_(?P<sentence>\d+)",
    emotions={
        "anger": ("angry", 749),
        "fear": ("fearful", 736),
        "happiness": ("happy", 749),
        "neutral": ("neutral", 809),
        "sadness": ("sad", 769),
        "surprised": ("surprised", 669),
    },
    clips=4481,
    female="EB0 IC0 KD0 SM0",
    male="KS0 MK0 MP0 TP0 WR0",
    note="MK0 never shows surprise",
    unverified="SHA-256 of the archive",
)
