"""AESDD (Greek): 5 emotions, 604 clips in the release that others describe."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="aesdd",
    title="AESDD",
    language="el",
    licence="none stated; non-commercial is reported",
    citation="Vryzas et al. (2018), Journal of the Audio Engineering Society 66(6), 457-467",
    archives=(
        Archive(
            "http://m3c.web.auth.gr/research/aesdd-speech-emotion-recognition/",
            "aesdd.zip",
            by_hand=True,
        ),
    ),
    pattern=r"(?:anger|disgust|fear|happiness|sadness)/"
    r"(?P<emotion>)(?P<sentence>\d\d) ?\((?P<speaker>\d+)\)",
    emotions={"a": "angry", "d": "disgust", "f": "fearful", "h": "happy", "s": "sad"},
    note="the corpus grows; others found 604 clips (sadness 122, disgust 122, anger 121, fear 120, "
    "happiness 119) of 5 or 6 speakers",
    unverified="licence; that the number in brackets is the speaker; link; citation",
)
