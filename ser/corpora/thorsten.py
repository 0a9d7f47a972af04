"""Thorsten emotional (German): one man, 8 styles, 2399 clips."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="thorsten",
    title="Thorsten emotional",
    language="de",
    licence="CC0 1.0",
    citation="Müller & Kreutz (2021), Zenodo record 5525023",
    archives=(
        Archive(
            "https://www.openslr.org/resources/110/thorsten-emotional_v02.tgz",
            "thorsten-emotional_v02.tgz",
            size_bytes=399_301_812,
            sha256="ff17a96a8c11742a7798e7800386159ada2ceb682ebef6402ecc68abf8c6e9bf",
            md5="f19585f3759c6d026757c46024a37aa4",
        ),
    ),
    # one man, whom names do not tell
    pattern=r"(?P<speaker>)(?P<emotion>)/(?P<sentence>[0-9a-f]{32})",
    codes={"speaker": {"": "thorsten"}},
    emotions={
        "amused": ("amused", 300),
        "angry": ("angry", 300),
        "disgusted": ("disgust", 300),
        "drunk": ("drunk", 300),
        "neutral": ("neutral", 300),
        "sleepy": ("sleepy", 300),
        "surprised": ("surprised", 300),
        "whisper": ("whisper", 299),
    },
    clips=2399,
    male="thorsten",
    note="one speaker: nobody can be held out; it can help to train for other corpora",
    unverified="hashes are a third party's; spelling of folders; citation",
)
