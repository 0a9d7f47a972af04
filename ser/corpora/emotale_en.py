"""EmoTale in English: 14 speakers, 5 emotions, 350 clips."""

from ser.download.corpus import github
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="emotale_en",
    title="EmoTale, English",
    language="en",
    licence="none for passing it on; ask its authors",
    citation="github.com/snehadas/EmoTale",
    archives=(github("snehadas/EmoTale", "41e7d00f0949d4e7c8d1ae5101a344037ae056de"),),
    pattern=r"EN_(?P<speaker>\d{3})_(?P<emotion>)_(?P<sentence>\d+)",
    no_clips=r"(^|/)DK_[^/]*$",
    emotions={"A": "angry", "B": "bored", "H": "happy", "N": "neutral", "S": "sad"},
    clips=350,
    n_speakers=14,
    note="18 speakers in all, of whom 014, 015, 018 and 019 speak Danish only",
    unverified="licence; letters of the language in names of English clips; clips of each emotion",
)
