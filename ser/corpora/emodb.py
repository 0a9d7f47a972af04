"""EMO-DB, the Berlin Database of Emotional Speech (German): 10 actors, 7 emotions, 535 clips.

Burkhardt, F., Paeschke, A., Rolfes, M., Sendlmeier, W. & Weiss, B. (2005). A database of German
emotional speech. Interspeech 2005, 1517-1520.
"""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="emodb",
    title="EMO-DB",
    language="de",
    licence="CC0 (as published through audEERING)",
    citation="Burkhardt et al. (2005), Interspeech, 1517-1520",
    archives=(
        Archive(url="http://emodb.bilderbar.info/download/download.zip", file_name="emodb.zip"),
    ),
    checksums_of="source",
    pattern=r"wav/(?P<speaker>)(?P<sentence>[ab]\d\d)(?P<emotion>)(?P<take>[a-z])",
    # the archive's folders of labels and glottograms hold no clips
    no_clips=r"^(?!(.*/)?wav/[^/]*$)",
    emotions={
        "W": ("angry", 127),
        "L": ("bored", 81),
        "E": ("disgust", 46),
        "A": ("fearful", 69),
        "F": ("happy", 71),
        "T": ("sad", 62),
        "N": ("neutral", 79),
    },
    clips=535,
    female="08 09 13 14 16",
    male="03 10 11 12 15",
    unverified="licence; version 2.0 (Zenodo record 17651657), its licence and number of clips",
)
