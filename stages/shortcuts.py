"""Measure what a corpus gives away that is no emotion: length, level, silence, words, speaker.

In: data/corpora/<corpus>.
Out: metrics/shortcuts/<corpus>.csv, one row a cue.
"""

from pathlib import Path

from ser.core.entry import run
from ser.shortcuts.cues import cues_of
from ser.shortcuts.measure import measure_shortcuts
from ser.shortcuts.verdicts import sentences, write_shortcuts


def main(corpus: str) -> None:
    """Measure the shortcuts of CORPUS."""
    table = measure_shortcuts(cues_of(Path("data/corpora") / corpus))
    write_shortcuts(Path("metrics/shortcuts") / f"{corpus}.csv", table)
    for sentence in sentences(table):
        print(f"{corpus}: {sentence}")


if __name__ == "__main__":
    run(main)
