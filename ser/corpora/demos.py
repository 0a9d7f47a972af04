"""DEMoS (Italian): 68 speakers, 8 emotions, 9697 clips."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="demos",
    title="DEMoS",
    language="it",
    licence="an agreement that a professor signs",
    citation="Parada-Cabaleiro et al. (2020), Language Resources and Evaluation 54, 341-383",
    archives=(Archive("https://zenodo.org/records/2544829", "wav_DEMoS.zip", on_request=True),),
    pattern=r"(?:PR_|NP_)?(?P<speaker>(?P<gender>[fm])_\d\d)_(?P<emotion>)(?P<take>\w+)?",
    emotions={
        "col": "guilt",
        "dis": "disgust",
        "gio": "happy",
        "neu": ("neutral", 332),
        "pau": "fearful",
        "rab": "angry",
        "sor": "surprised",
        "tri": "sad",
    },
    clips=9697,
    n_speakers=68,
    note="PR are prototypical clips, NP are not; neutral clips have neither",
    unverified="the names of neutral clips; citation",
)
