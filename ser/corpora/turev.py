"""TurEV-DB (Turkish): 6 speakers, single words in 4 emotions, 1735 clips."""

from ser.download.corpus import github
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="turev",
    title="TurEV-DB",
    language="tr",
    licence="CC BY-NC-ND",
    citation="Canpolat et al. (2020), SLTU, 368-375",
    archives=(github("Xeonen/TurEV-DB", "be9873eccbc40538acbeb5e67c718bda96763cf3"),),
    # the original is 44.1 kHz; only the canonical form was at hand when the checksums were taken
    checksums_of="canonical",
    pattern=r"(?:Angry|Calm|Happy|Sad)/(?P<speaker>\d+)_(?P<emotion>)_(?P<sentence>[^/]+)",
    emotions={"kz": ("angry", 487), "hl": ("sad", 483), "sk": ("calm", 408), "mt": ("happy", 357)},
    clips=1735,
    n_speakers=6,
    note="genders are not published; a hum near 128 Hz makes some different words look alike",
    unverified="text of the licence; SHA-256 of the archive; citation",
)
