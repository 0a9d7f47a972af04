"""RAVDESS speech (English, North American): 24 actors, 8 emotions, 1440 clips.

Livingstone, S. R. & Russo, F. A. (2018). The Ryerson Audio-Visual Database of Emotional Speech
and Song. PLoS ONE 13(5): e0196391.
"""

from ser.download.corpus import zenodo
from ser.download.names import named_corpus

CORPUS = named_corpus(
    name="ravdess",
    title="RAVDESS speech",
    language="en",
    licence="CC BY-NC-SA 4.0",
    citation="Livingstone & Russo (2018), PLoS ONE 13(5): e0196391",
    archives=(
        zenodo(
            1188976,
            "Audio_Speech_Actors_01-24.zip",
            size_bytes=208_468_073,
            sha256="5d208e01632cc3e5242106fa2af3273e6dc5239fb8143131979ac74c4aa40657",
            md5="bc696df654c87fed845eb13823edef8a",
        ),
    ),
    checksums_of="source",
    # neutral (01) has normal intensity (01) only
    pattern=r"Actor_(?P<speaker>)/03-01-(?!01-02)(?P<emotion>)-(?P<intensity>)-(?P<sentence>)-"
    r"(?P<take>0[12])-(?P=speaker)",
    codes={
        "intensity": {"01": "normal", "02": "strong"},
        "sentence": {"01": "kids", "02": "dogs"},
    },
    emotions={
        "01": ("neutral", 96),
        "02": ("calm", 192),
        "03": ("happy", 192),
        "04": ("sad", 192),
        "05": ("angry", 192),
        "06": ("fearful", 192),
        "07": ("disgust", 192),
        "08": ("surprised", 192),
    },
    clips=1440,
    female="02 04 06 08 10 12 14 16 18 20 22 24",
    male="01 03 05 07 09 11 13 15 17 19 21 23",
    hours=1.48,
    note="one recording of actor 07 is there twice, under two repetitions",
)
