"""ASED (Amharic): 65 speakers, 5 emotions, 2474 clips."""

from ser.download.corpus import github
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="ased",
    title="ASED",
    language="am",
    licence="none stated; ask its authors",
    citation="arXiv 2201.02710",
    archives=(github("Ethio2021/ASED_V1", "30fee0345cbd37e12dd725fbe69f90522cffb046"),),
    pattern=r"(?P<emotion>)\d-(?P<sentence>\d\d)-(?P<take>\d\d)-(?P<gender>)-(?P<speaker>\d\d)",
    codes={"gender": {"01": "female", "02": "male"}},
    emotions={
        "n": ("neutral", 522),
        "f": ("fearful", 510),
        "h": ("happy", 486),
        "s": ("sad", 470),
        "a": ("angry", 486),
    },
    clips=2474,
    n_speakers=65,
    note="the length of a clip tells its emotion: length alone scores 74 UAR where chance is 20",
    unverified="licence; fields of the name are read from scripts of others",
)
