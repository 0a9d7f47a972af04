"""ESD in English: 10 speakers, 5 emotions."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="esd_en",
    title="ESD, English",
    language="en",
    licence="academic use",
    citation="Zhou et al. (2022), Speech Communication 137, 1-18",
    archives=(
        Archive(
            "https://github.com/HLTSingapore/Emotional-Speech-Data", "esd.zip", on_request=True
        ),
    ),
    pattern=r"(?P<speaker>001[1-9]|0020)/(?P<emotion>)/(?P=speaker)_(?P<take>\d{6})",
    # the other language
    no_clips=r"(^|/)00(?:0[1-9]|10)_\d{6}\.",
    emotions={
        "Angry": "angry",
        "Happy": "happy",
        "Neutral": "neutral",
        "Sad": "sad",
        "Surprise": "surprised",
    },
    n_speakers=10,
    note="35000 clips in both languages; all speakers say the same sentences, which names do not "
    "tell",
    unverified="clips of each emotion and language (3500 by design); text of the licence; which "
    "speakers speak which language is read from a script of others; citation",
)
