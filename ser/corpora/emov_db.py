"""EmoV-DB (English): 4 speakers, 5 emotions, 6887 clips."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="emov_db",
    title="EmoV-DB",
    language="en",
    licence="its own, non-commercial",
    citation="Adigwe et al. (2018), arXiv 1806.09514",
    # one archive for each speaker and emotion
    archives=(Archive("https://www.openslr.org/115/", "emov_db.zip", by_hand=True),),
    pattern=r"(?P<speaker>[a-z]+)_(?P<emotion>)/[^/]*_(?P<sentence>\d{4})",
    emotions={
        "Amused": ("amused", 1315),
        "Angry": ("angry", 1267),
        "Disgusted": ("disgust", 1019),
        "Neutral": ("neutral", 1566),
        "Sleepy": ("sleepy", 1720),
    },
    clips=6887,
    n_speakers=4,
    note="made for speech synthesis; the release has French too, which is not read here",
    unverified="text of the licence; checksum; spelling of folders; citation",
)
