"""CREMA-D (American English): 91 actors, 6 emotions, 7442 clips."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="crema_d",
    title="CREMA-D",
    language="en",
    licence="ODbL 1.0 (database) and DbCL 1.0 (contents): name the authors, share the database "
    "alike",
    citation="Cao et al. (2014), IEEE Transactions on Affective Computing 5(4), 377-390",
    # sound lies in Git LFS: an archive of the repository holds pointers only
    archives=(
        Archive("https://github.com/CheyneyComputerScience/CREMA-D", "crema_d.zip", by_hand=True),
    ),
    pattern=r"(?P<speaker>\d{4})_(?P<sentence>[A-Z]{3})_(?P<emotion>)_(?P<intensity>[A-Z]{2})",
    emotions={
        "ANG": ("angry", 1271),
        "DIS": ("disgust", 1271),
        "FEA": ("fearful", 1271),
        "HAP": ("happy", 1271),
        "NEU": ("neutral", 1087),
        "SAD": ("sad", 1271),
    },
    clips=7442,
    n_speakers=91,
    note="fetch it with Git LFS; 43 women and 48 men, who is who stands in its tables only; 2443 "
    "people rated it, and votes on sound alone are there",
    unverified="four clips are left out by others; citation",
)
