"""TESS (Canadian English): 2 women, 200 words in 7 emotions, 2800 clips."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="tess",
    title="TESS",
    language="en",
    licence="CC BY-NC-ND 4.0",
    citation="Pichora-Fuller & Dupuis (2020), Borealis, doi:10.5683/SP2/E8H2MF",
    archives=(
        Archive(
            "https://borealisdata.ca/api/access/dataset/:persistentId/?persistentId=doi:10.5683/SP2/E8H2MF",
            "tess.zip",
        ),
    ),
    # one name begins with OA
    pattern=r"(?P<speaker>)_(?P<sentence>[a-z]+)_(?P<emotion>)",
    codes={"speaker": {"OAF": "OAF", "OA": "OAF", "YAF": "YAF"}},
    emotions={
        "angry": "angry",
        "disgust": "disgust",
        "fear": "fearful",
        "happy": "happy",
        "neutral": "neutral",
        "ps": "pleasant_surprise",
        "sad": "sad",
    },
    clips=2800,
    of_each=400,
    female="OAF YAF",
    note="two speakers cannot be held out and validated on at once: protocol two_speakers is for "
    "it",
    unverified="whether the link is alive; wording of the licence; checksum; citation",
)
