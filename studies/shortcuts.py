"""What a corpus gives away that is no emotion: length, level, silence, words, speaker.

In: data/corpora of a corpus.
Out: plots/studies/shortcuts/<corpus>.csv, one row a cue.
"""

from ser.core.settings import Values
from ser.shortcuts.cues import cues_of
from ser.shortcuts.measure import measure_shortcuts
from ser.shortcuts.verdicts import as_written, sentences
from studies.study import DATA, Tables, run_study


def study_shortcuts(_: Values, corpus: str) -> Tables:
    """Measure the shortcuts of a corpus, and say those that a model may take.

    Returns:
        One row a cue, as `measure_shortcuts` gives them.
    """
    table = measure_shortcuts(cues_of(DATA / "corpora" / corpus))
    for sentence in sentences(table):
        print(f"{corpus}: {sentence}")
    return {"": as_written(table)}


if __name__ == "__main__":
    run_study("shortcuts", study_shortcuts)
