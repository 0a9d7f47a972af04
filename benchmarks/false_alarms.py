"""How often corpora without a shortcut are warned of, and those with one are not.

`python -m benchmarks.false_alarms --corpora 200` makes small corpora of sound files whose length,
level, silence and format have nothing to do with emotions, and as many for every shortcut in which
one of them has; it prints how many are warned of.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import pandas as pd
import soundfile as sf
import typer

from ser.clips.audio import read_sound
from ser.core.entry import run
from ser.core.processes import spread
from ser.shortcuts.cues import format_of, measure
from ser.shortcuts.measure import measure_shortcuts
from ser.shortcuts.verdicts import sentences

PLANTED = ("none", "duration", "loudness", "silence", "format", "words", "speaker")
EMOTIONS = ("angry", "happy", "neutral", "sad")
SPEAKERS, CLIPS_EACH = 6, 5
_RATES_HZ = (8_000, 16_000)


def make_clips(folder: Path, planted: str, seed: int) -> pd.DataFrame:
    """A corpus of noises in a folder, and what is measured of them.

    Speakers differ in level and pace, and each shows every emotion about as often: what varies from
    clip to clip tells nothing, but for the planted cue.
    """
    rng = np.random.default_rng([seed, PLANTED.index(planted)])
    rows = []
    for speaker in range(SPEAKERS):
        pace, level_db = rng.uniform(0.8, 1.25), rng.uniform(-45, -30)
        for number in range(len(EMOTIONS) * CLIPS_EACH):
            place = number % len(EMOTIONS)
            if planted == "speaker" and rng.random() < 0.9:
                place = speaker % len(EMOTIONS)
            shift = {planted: place}
            seconds = 0.3 * pace * np.exp(rng.normal(0, 0.2) + 0.3 * shift.get("duration", 0))
            gain_db = level_db + rng.normal(0, 2) + 7 * shift.get("loudness", 0)
            lead = 0.05 + rng.exponential(0.05) + 0.1 * shift.get("silence", 0)
            trail = 0.05 + rng.exponential(0.05)
            odds = (0.9 if place % 2 else 0.1) if planted == "format" else 0.5
            rate_hz = _RATES_HZ[int(rng.random() < odds)]
            words = place if planted == "words" else int(rng.integers(CLIPS_EACH))
            path = folder / f"{speaker}-{number}.wav"
            sf.write(path, _noise(rng, rate_hz, seconds, gain_db, lead, trail), rate_hz)
            cues = measure(read_sound(path).samples, format_of(path))
            rows.append(
                {
                    "corpus": "made",
                    "speaker": str(speaker),
                    "emotion": EMOTIONS[place],
                    "sentence": str(words),
                    **vars(cues),
                }
            )
    return pd.DataFrame(rows)


def _noise(
    rng: np.random.Generator,
    rate_hz: int,
    seconds: float,
    level_db: float,
    lead: float,
    trail: float,
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    speech = rng.normal(0, 10 ** (level_db / 20), int(seconds * rate_hz))
    ends = [rng.normal(0, 1e-5, int(part * rate_hz)) for part in (lead, trail)]
    return np.clip(np.concatenate([ends[0], speech, ends[1]]), -1, 1)


def warned(job: tuple[str, int]) -> tuple[str, set[str]]:
    """Which shortcut is planted in a corpus, and which cues are warned of."""
    planted, seed = job
    with TemporaryDirectory() as folder:
        table = measure_shortcuts(make_clips(Path(folder), planted, seed))
    said = sentences(table)
    cues = set(table.loc[table["warns"], "cue"])
    assert bool(said) == bool(cues)
    return planted, cues


def main(
    corpora: Annotated[int, typer.Option(help="how many clean ones")] = 200,
    each: Annotated[int, typer.Option(help="how many with each shortcut")] = 20,
) -> None:
    """Count false alarms over clean corpora, and what is found where a shortcut is."""
    jobs = [("none", seed) for seed in range(corpora)]
    jobs += [(planted, seed) for planted in PLANTED[1:] for seed in range(each)]
    found = spread(warned, jobs, "corpora", "corpus")
    alarms = sum(bool(cues) for planted, cues in found if planted == "none")
    print(f"clean: {alarms} of {corpora} are warned of ({100 * alarms / corpora:.1f} %)")
    for name in PLANTED[1:]:
        own = [cues for planted, cues in found if planted == name]
        other = sum(bool(cues - {name}) for cues in own)
        print(f"{name}: found in {sum(name in cues for cues in own)} of {each}, else in {other}")


if __name__ == "__main__":
    run(main)
