"""Kannada emotional speech: 13 speakers, 6 sentences in 6 emotions, 468 clips."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="kannada",
    title="Kannada",
    language="kn",
    licence="CC BY 4.0",
    citation="Agrawal, Zenodo record 6345107",
    archives=(Archive("https://zenodo.org/api/records/6345107/files-archive", "kannada.zip"),),
    pattern=r"(?P<speaker>)-(?P<emotion>)-(?P<sentence>0[1-6])",
    emotions={
        "01": "angry",
        "02": "sad",
        "03": "surprised",
        "04": "happy",
        "05": "fearful",
        "06": "neutral",
    },
    clips=468,
    female="01 02 03 05 07 08 09 10 11",
    male="04 06 12 13",
    unverified="MD5; clips of each emotion (78 if it is complete); genders are read from a script "
    "of "
    "others",
)
