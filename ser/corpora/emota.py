"""EmoTa (Sri Lankan Tamil): 22 speakers, 5 emotions, 936 clips."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="emota",
    title="EmoTa",
    language="ta",
    licence="CC BY-NC 4.0, and EACL 1.0 (academic use, not to be passed on)",
    citation="huggingface.co/datasets/aaivu-labs/EmoTa",
    archives=(
        Archive("https://huggingface.co/datasets/aaivu-labs/EmoTa", "emota.zip", on_request=True),
    ),
    pattern=r"(?P<speaker>\d+)_(?P<sentence>\d+)_(?P<emotion>)",
    emotions={"ang": "angry", "fea": "fearful", "hap": "happy", "neu": "neutral", "sad": "sad"},
    clips=936,
    n_speakers=22,
    note="its page asks for an account and gives the corpus at once",
    unverified="clips of each emotion; letters of emotions and numbers in names",
)
