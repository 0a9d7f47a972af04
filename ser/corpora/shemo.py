"""ShEMO (Persian): 87 speakers of radio plays, 6 emotions, 3000 clips."""

from ser.download.corpus import Archive
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="shemo",
    title="ShEMO",
    language="fa",
    licence="free for academic use",
    citation="Mohamad Nezami et al. (2019), Language Resources and Evaluation 53, 1-16",
    # those in the repository are broken; it names another place, which has changed over time
    archives=(Archive("https://github.com/mansourehk/ShEMO", "shemo.zip", by_hand=True),),
    pattern=r"(?P<speaker>(?P<gender>[FM])\d\d)(?P<emotion>)(?P<take>\d+)",
    emotions={
        "A": "angry",
        "F": "fearful",
        "H": "happy",
        "N": "neutral",
        "S": "sad",
        "W": "surprised",
    },
    clips=3000,
    n_speakers=87,
    unverified="whether links are alive; genders (31 women, 56 men); checksum; 2838 clips "
    "elsewhere; "
    "letters of emotions are read from scripts of others; citation",
)
