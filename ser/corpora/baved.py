"""BAVED (Arabic): single words at three levels of emotion, 1935 clips."""

from ser.download.corpus import github
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="baved",
    title="BAVED",
    language="ar",
    licence="none stated; ask its authors",
    citation="github.com/40uf411/Basic-Arabic-Vocal-Emotions-Dataset",
    archives=(
        github(
            "40uf411/Basic-Arabic-Vocal-Emotions-Dataset",
            "6e3d51261a15ec4d6f68ee082b1488147b706f2f",
        ),
    ),
    pattern=r"(?P<speaker>\d+)-(?P<gender>)-\d+-(?P<sentence>[0-6])-(?P<emotion>)-(?P<take>\d+)",
    # levels of emotion, and no emotions: classes of its own
    emotions={"0": ("level_low", 585), "1": ("level_normal", 672), "2": ("level_high", 678)},
    clips=1935,
    n_speakers=60,
    note="its classes are levels of emotion and no emotions; it shares none with another corpus",
    unverified="licence (a third party says CC BY 4.0); 61 speakers are stated and 60 are in "
    "names; "
    "names of the levels are read from a script of others",
)
