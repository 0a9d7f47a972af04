"""A small corpus made by code, in two "languages", for smoke tests and machines without corpora.

Its voices are source-filter models with prosody per emotion: nothing measured on it says anything
about people.
"""

from collections import Counter
from pathlib import Path, PurePosixPath

from ser.audio import write_wav
from ser.clips import ClipName, Expected
from ser.corpora import ravdess
from ser.corpora.corpus import Corpus
from ser.corpora.synthetic_voice import speak, utterances

N_SPEAKERS = 6
N_TAKES = 2


def _generate(folder: Path, dialect: str) -> None:
    for utterance in utterances(N_SPEAKERS, N_TAKES):
        actor = folder / f"Actor_{utterance.speaker:02d}"
        actor.mkdir(exist_ok=True)
        write_wav(actor / utterance.file_name, speak(utterance, dialect))


def _parse(path: PurePosixPath) -> ClipName:
    return ravdess.parse(path)


def synthetic_corpus(dialect: str) -> Corpus:
    """The corpus of one dialect, "a" or "b"."""
    said = utterances(N_SPEAKERS, N_TAKES)
    speakers = [f"{number:02d}" for number in range(1, N_SPEAKERS + 1)]
    return Corpus(
        name=f"synthetic_{dialect}",
        title=f"Synthetic voices, dialect {dialect}",
        language=f"synthetic-{dialect}",
        licence="MIT, as the code that makes it",
        citation="made by ser/corpora/synthetic_voice.py",
        expected=Expected(
            n_clips=len(said),
            emotions=Counter(ravdess.EMOTION_CODES[utterance.emotion] for utterance in said),
            genders={speaker: ravdess.actor_gender(speaker) for speaker in speakers},
        ),
        parse=_parse,
        generate=lambda folder: _generate(folder, dialect),
    )
