"""JL-Corpus (New Zealand English): 4 speakers, 10 emotions, 2400 clips."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="jl_corpus",
    title="JL-Corpus",
    language="en",
    licence="CC0 1.0",
    citation="James et al. (2018), Interspeech, 2768-2772",
    archives=(
        Archive("https://www.kaggle.com/datasets/tli725/jl-corpus", "jl_corpus.zip", by_hand=True),
    ),
    pattern=r"(?P<speaker>)_(?P<emotion>)_(?P<sentence>\d+[ab])_(?P<take>\d)",
    emotions={
        "angry": "angry",
        "sad": "sad",
        "neutral": "neutral",
        "happy": "happy",
        "excited": "excited",
        "anxious": "anxious",
        "apologetic": "apologetic",
        "assertive": "assertive",
        "concerned": "concerned",
        "encouraging": "encouraging",
    },
    clips=2400,
    of_each=240,
    female="female1 female2",
    male="male1 male2",
    note="its page asks for an account",
    unverified="content of a mirror elsewhere; checksum; citation",
)
