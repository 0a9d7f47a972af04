"""BanglaSER (Bangla): 34 actors, 5 emotions, 1467 clips recorded by telephones."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="banglaser",
    title="BanglaSER",
    language="bn",
    licence="CC BY 4.0",
    citation="Data in Brief (2022), doi:10.1016/j.dib.2022.108091",
    archives=(
        Archive(
            "https://prod-dcd-datasets-cache-zipfiles.s3.eu-west-1.amazonaws.com/t9h6p943xy-5.zip",
            "t9h6p943xy-5.zip",
        ),
    ),
    pattern=r"03-01-(?P<emotion>)-(?P<intensity>)-(?P<sentence>0[1-3])-(?P<take>\d\d)-"
    r"(?P<speaker>)",
    codes={"intensity": {"01": "normal", "02": "strong"}},
    emotions={
        "01": ("happy", 306),
        "02": ("sad", 306),
        "03": ("angry", 306),
        "04": ("surprised", 306),
        "05": "neutral",
    },
    clips=1467,
    female="02 04 06 08 10 12 14 16 18 20 22 24 26 28 30 32 34",
    male="01 03 05 07 09 11 13 15 17 19 21 23 25 27 29 31 33",
    note="recorded by telephones, with some noise",
    unverified="clips of neutral (243 would make the sum); checksum; codes are read from a script "
    "of "
    "others",
)
