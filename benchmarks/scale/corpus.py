"""Corpora of any size: short clips, cheap to make, no two of them alike, the same every time."""

import os
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import soundfile as sf

from ser.clips.audio import Int16, pcm_sha256, read_sound, write_wav
from ser.clips.manifest import COLUMNS, MANIFEST, ClipName, Expected, clip_path, write_manifest
from ser.core.processes import spread
from ser.download.corpus import Corpus

NAME = "scale"
# of short clips, of which large corpora are made; and of those of ten million in 10,000 hours
CLIP_S, LONG_S = 0.5, 3.6
EMOTIONS = ("neutral", "happy", "sad", "angry")
# coprime with the number of emotions, so that every speaker says all in every emotion
_SENTENCES = 5
# as most corpora, it is resampled when it is converted
_SOURCE_RATE_HZ = 24_000
# one number of the slow noise that a tone is multiplied by stands for so many samples
_STRETCH = 32
_AT_ONCE = 250


def _file_name(number: int, speakers: int) -> str:
    """Path of a clip within the corpus, without its ending: it says everything of it."""
    turn, speaker = divmod(number, speakers)
    emotion, sentence = EMOTIONS[turn % len(EMOTIONS)], turn % _SENTENCES
    return f"s{speaker:04d}/{number:08d}-{emotion}-{sentence}"


def _parse(path: PurePosixPath) -> ClipName:
    speaker = path.parent.name
    number, emotion, sentence = path.stem.split("-")
    return ClipName(
        clip=f"{speaker}/{path.stem}",
        speaker=speaker,
        gender="male" if int(speaker[1:]) % 2 else "female",
        emotion=emotion,
        intensity="normal",
        sentence=sentence,
        take=number,
    )


# its files lie in a mirror folder (`write_sources`)
CORPUS = Corpus(
    name=NAME,
    title="Made clips",
    language="none",
    licence="MIT, as the code that makes it",
    citation="made by benchmarks/scale/corpus.py",
    expected=Expected(n_clips=None, emotions={}, genders={}),
    parse=_parse,
)


def sound(number: int, clip_s: float = CLIP_S) -> Int16:
    """A tone multiplied by slow noise, so that it is a band of lines that no other clip has."""
    rng = np.random.default_rng(number)
    size = round(clip_s * _SOURCE_RATE_HZ)
    times = np.arange(size) / _SOURCE_RATE_HZ
    slow = rng.standard_normal(size // _STRETCH + 2)
    swell = np.interp(np.arange(size) / _STRETCH, np.arange(len(slow)), slow)
    tone = np.sin(2 * np.pi * rng.uniform(300, 3000) * times)
    samples = 6000 * swell * tone + 100 * rng.standard_normal(size)
    return np.clip(np.rint(np.hanning(size) * samples), -32768, 32767).astype(np.int16)


def write_sources(folder: Path, clips: int, speakers: int, clip_s: float = CLIP_S) -> None:
    """Write a corpus as its publisher would, to the folder of its name in a mirror folder."""
    for speaker in range(min(speakers, clips)):
        (folder / NAME / f"s{speaker:04d}").mkdir(parents=True)
    work = partial(_write_some, folder=folder / NAME, speakers=speakers, clip_s=clip_s)
    batches = [range(begin, min(begin + _AT_ONCE, clips)) for begin in range(0, clips, _AT_ONCE)]
    spread(work, batches, f"{clips:,} clips made", "batch")


def _write_some(numbers: range, folder: Path, speakers: int, clip_s: float) -> None:
    for number in numbers:
        path = folder / f"{_file_name(number, speakers)}.wav"
        sf.write(path, sound(number, clip_s), _SOURCE_RATE_HZ, subtype="PCM_16")


def link_clips(built: Path, clips: int, speakers: int, different: int = 1000) -> None:
    """Write canonical clips and their manifest as the stage `download` leaves them.

    Only some are different, and the others are links to them: a million files then cost neither
    hours nor 16 GB.
    """
    aside = built.parent / "different"
    aside.mkdir(parents=True)
    hashes = []
    for number in range(min(different, clips)):
        sf.write(aside / "source.wav", sound(number), _SOURCE_RATE_HZ, subtype="PCM_16")
        samples = read_sound(aside / "source.wav").samples
        write_wav(aside / f"{number}.wav", samples)
        hashes.append(pcm_sha256(samples))
    rows = []
    for number in range(clips):
        name = _parse(PurePosixPath(_file_name(number, speakers)))
        row = {**vars(name), "clip": f"{NAME}/{name.clip}", "corpus": NAME, "language": "none"}
        rows.append({**row, "duration_s": CLIP_S, "pcm_sha256": hashes[number % len(hashes)]})
        path = clip_path(built, row["clip"])
        if number < speakers:
            path.parent.mkdir(parents=True)
        os.link(aside / f"{number % len(hashes)}.wav", path)
    write_manifest(built / MANIFEST, pd.DataFrame(rows, columns=list(COLUMNS)))
