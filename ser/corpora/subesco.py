"""SUBESCO (Bangla): 20 speakers, 7 emotions, 7000 clips."""

from ser.download.corpus import zenodo
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="subesco",
    title="SUBESCO",
    language="bn",
    licence="CC BY 4.0",
    citation="Sultana et al. (2021), PLoS ONE 16(4): e0250173",
    archives=(
        zenodo(
            4526477,
            "SUBESCO.zip",
            size_bytes=1_664_512_929,
            sha256="7505111bc864193d1906c05f83ca50d950250c65b62ae9b1740dee44f5cdb113",
            md5="13d702cf944bf54d70d66bffc036ed7a",
        ),
    ),
    # one published name has a stray bracket: F_02_MONIKA_S_2_SURPRISE_3]
    pattern=r"(?P<speaker>(?P<gender>[FM])_\d\d)_[A-Z]+_S_(?P<sentence>\d+)_(?P<emotion>)_"
    r"(?P<take>\d)\]?",
    emotions={
        "ANGRY": "angry",
        "DISGUST": "disgust",
        "FEAR": "fearful",
        "HAPPY": "happy",
        "NEUTRAL": "neutral",
        "SAD": "sad",
        "SURPRISE": "surprised",
    },
    clips=7000,
    of_each=1000,
    n_speakers=20,
    unverified="hashes and size are a third party's; a mirror says CC BY-NC-SA; citation",
)
