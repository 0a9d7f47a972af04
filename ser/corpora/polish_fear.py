"""Emotions in Polish speech recordings: 5 speakers, 6 words in 3 emotions, 450 clips."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="polish_fear",
    title="Emotions in Polish speech recordings",
    language="pl",
    licence="not seen; ask its authors",
    citation="doi:10.34808/h46c-hb44",
    archives=(
        Archive(
            "https://mostwiedzy.pl/en/open-research-data/emotions-in-polish-speech-recordings,11190523461146169-0/download",
            "polish_fear.zip",
        ),
    ),
    pattern=r"(?P<speaker>(?P<gender>)\d)\.(?P<emotion>)_(?P<sentence>[^/_]+)_(?P<take>\d+)",
    emotions={"a": "angry", "n": "neutral", "s": "fearful"},
    clips=450,
    of_each=150,
    n_speakers=5,
    unverified="licence; checksum; that a is anger and n neutral; that the first letter is the "
    "gender",
)
