"""JVNV (Japanese): 4 speakers, 6 emotions, speech with nonverbal sounds."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="jvnv",
    title="JVNV",
    language="ja",
    licence="CC BY-SA 4.0",
    citation="Xin et al. (2024), IEEE Access 12, 19752-19764",
    archives=(
        Archive("https://ss-takashi.sakura.ne.jp/corpus/jvnv/jvnv_ver1.zip", "jvnv_ver1.zip"),
    ),
    pattern=r"(?P<speaker>)_(?P<emotion>)_(?P<sentence>(?:regular|free)_\d+)",
    emotions={
        "anger": "angry",
        "disgust": "disgust",
        "fear": "fearful",
        "happy": "happy",
        "sad": "sad",
        "surprise": "surprised",
    },
    female="F1 F2",
    male="M1 M2",
    hours=3.94,
    unverified="clips; checksum; spelling of emotions in names; citation",
)
