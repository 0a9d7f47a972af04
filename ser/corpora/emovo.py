"""EMOVO (Italian): 6 actors, 14 sentences, 7 emotions, 588 clips.

Costantini, G., Iaderola, I., Paoloni, A. & Todisco, M. (2014). EMOVO corpus: an Italian emotional
speech database. LREC 2014, 3501-3504.
"""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="emovo",
    title="EMOVO",
    language="it",
    licence="no written licence; non-commercial re-use with acknowledgment is reported",
    citation="Costantini et al. (2014), LREC, 3501-3504",
    # the publisher links the archive from this page only; there is no lasting direct address
    archives=(
        Archive(
            url="http://voice.fub.it/activities/corpora/emovo/index.html",
            file_name="emovo.zip",
            by_hand=True,
        ),
    ),
    # only the canonical form was at hand when the checksums were taken
    checksums_of="canonical",
    pattern=r"(?P<speaker>)/(?P<emotion>)-(?P=speaker)-(?P<sentence>b[1-3]|l[1-4]|n[1-5]|d[12])",
    emotions={
        "neu": "neutral",
        "dis": "disgust",
        "gio": "happy",
        "pau": "fearful",
        "rab": "angry",
        "sor": "surprised",
        "tri": "sad",
    },
    clips=588,
    of_each=84,
    female="f1 f2 f3",
    male="m1 m2 m3",
    note="f3/tri-f3-n1 and f3/tri-f3-n2 are one recording filed as two sentences: it does no harm "
    "when speakers are held out, but would if sentences were",
    unverified="licence; whether the publisher's page is still there",
)
