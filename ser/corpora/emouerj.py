"""emoUERJ (Brazilian Portuguese): 8 speakers, 4 emotions, 377 clips."""

from ser.download.corpus import zenodo
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="emouerj",
    title="emoUERJ",
    language="pt",
    licence="CC BY 4.0",
    citation="Bastos Germano, Pompeu Tcheou, da Rocha Henriques & Pinto Gomes Junior, "
    "Zenodo record 5427549",
    archives=(zenodo(5427549, "emoUERJ.zip"),),
    # numbers repeat across genders: women are w01 to w04
    pattern=r"(?P<speaker>)(?P<emotion>)(?P<take>\d\d)",
    emotions={"h": ("happy", 91), "a": ("angry", 94), "s": ("sad", 100), "n": ("neutral", 92)},
    clips=377,
    female="w01 w02 w03 w04",
    male="m01 m02 m03 m04",
    unverified="MD5",
)
