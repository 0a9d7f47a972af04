"""URDU (Urdu): 29 speakers, 4 emotions, 400 clips."""

from ser.download.corpus import github
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="urdu",
    title="URDU",
    language="ur",
    licence="research only, as its repository says",
    citation="Latif et al. (2018), FIT, 88-93",
    archives=(github("siddiquelatif/URDU-Dataset", "4b546d4e0fa36d1c86c53a281631b2ab7ce2fdec"),),
    # the original is 44.1 kHz; only the canonical form was at hand when the checksums were taken
    checksums_of="canonical",
    pattern=r"(?:Angry|Happy|Neutral|Sad)/(?P<speaker>S(?P<gender>)\d+)_F\d+_(?P<emotion>)\d+",
    emotions={"A": "angry", "H": "happy", "N": "neutral", "S": "sad"},
    clips=400,
    of_each=100,
    n_speakers=29,
    note="26 of the 29 speakers show one emotion only, and who speaks tells the emotion: good to "
    "test models of other corpora on, never for a score within it",
    unverified="SHA-256 of the archive; a third party says MIT; the paper says 38 speakers; "
    "citation",
)
