"""SAVEE (British English): 4 men, 7 emotions, 480 clips."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="savee",
    title="SAVEE",
    language="en",
    licence="free for research, on request",
    citation="Haq & Jackson (2010), Machine Audition, 398-423",
    archives=(
        Archive(
            "http://kahlan.eps.surrey.ac.uk/savee/Database.html", "AudioData.zip", on_request=True
        ),
    ),
    pattern=r"(?P<speaker>)/(?P<emotion>)(?P<sentence>\d\d)",
    emotions={
        "a": ("angry", 60),
        "d": ("disgust", 60),
        "f": ("fearful", 60),
        "h": ("happy", 60),
        "n": ("neutral", 120),
        "sa": ("sad", 60),
        "su": ("surprised", 60),
    },
    clips=480,
    male="DC JE JK KL",
    unverified="citation",
)
