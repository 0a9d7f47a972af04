"""A small corpus made by code, in two "languages", for smoke tests and machines without corpora.

Its voices are source-filter models with prosody per emotion: nothing measured on it says anything
about people.
"""

from collections import Counter
from pathlib import Path, PurePosixPath

from ser.clips.audio import write_wav
from ser.clips.manifest import ClipName, Expected
from ser.download.corpus import Corpus
from ser.download.synthetic_voice import speak, utterances

N_SPEAKERS = 6
N_TAKES = 2
# the codes of RAVDESS, after which the clips are named
_EMOTIONS = {"01": "neutral", "03": "happy", "04": "sad", "05": "angry", "06": "fearful"}
_INTENSITIES = {"01": "normal", "02": "strong"}
_SENTENCES = {"01": "kids", "02": "dogs"}


def _generate(folder: Path, dialect: str) -> None:
    for utterance in utterances(N_SPEAKERS, N_TAKES):
        actor = folder / f"Actor_{utterance.speaker:02d}"
        actor.mkdir(exist_ok=True)
        write_wav(actor / utterance.file_name, speak(utterance, dialect))


def _gender(speaker: str) -> str:
    return "male" if int(speaker) % 2 else "female"


def _parse(path: PurePosixPath) -> ClipName:
    """Read `Actor_XX/03-01-EE-II-SS-TT-XX`, as `Utterance.file_name` writes it."""
    _, _, emotion, intensity, sentence, take, speaker = path.stem.split("-")
    return ClipName(
        clip=f"{path.parent.name}/{path.stem}",
        speaker=speaker,
        gender=_gender(speaker),
        emotion=_EMOTIONS[emotion],
        intensity=_INTENSITIES[intensity],
        sentence=_SENTENCES[sentence],
        take=take,
    )


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
            emotions=Counter(_EMOTIONS[utterance.emotion] for utterance in said),
            genders={speaker: _gender(speaker) for speaker in speakers},
        ),
        parse=_parse,
        generate=lambda folder: _generate(folder, dialect),
    )
