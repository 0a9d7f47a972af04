"""AI4SER (Italian): 7 emotions, 10 phrases, 70 clips a speaker."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="ai4ser",
    title="AI4SER",
    language="it",
    licence="CC BY 4.0",
    citation="huggingface.co/datasets/sirsalvo72/AI4SER",
    archives=(
        Archive("https://huggingface.co/datasets/sirsalvo72/AI4SER", "ai4ser.zip", on_request=True),
    ),
    pattern=r"(?P<emotion>)_(?P<sentence>\d\d)_(?P<speaker>\d\d)",
    emotions={
        "dis": "disgust",
        "hap": "happy",
        "fea": "fearful",
        "ang": "angry",
        "sur": "surprised",
        "sad": "sad",
        "neu": "neutral",
    },
    note="its page asks for an account; it has what listeners heard in each clip",
    unverified="speakers; clips",
)
