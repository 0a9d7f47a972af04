"""A corpus on one page: how many clips of what, how long, how loud, how much of it silence.

In: data/corpora and data/functionals of a corpus.
Out: plots/studies/card/<corpus>.csv, <corpus>_boxes.csv and <corpus>_examples.csv.
"""

import pandas as pd

from ser.clips.labels import ordered
from ser.clips.manifest import MANIFEST, read_manifest
from ser.core.settings import Values
from ser.store.functionals import Functionals
from studies.study import DATA, Tables, run_study

# functionals that the card shows
_SPEECH, _LEVEL = "duration.speech_s", "loudness.0.mean"
_MEASURES = ("speech_s", "silence_percent", "level_db")
_GROUP = ["emotion", "gender"]
_PERCENTILES = (5, 25, 50, 75, 95)


def study_corpus(_: Values, corpus: str) -> Tables:
    """Describe a corpus.

    Returns:
        The main table, one row an emotion and gender: `n_clips`, `n_speakers`, means of
        `duration_s`, `speech_s`, `silence_percent` and `level_db`, and `level_deviation_db`;
        `_boxes`, one row a `measure`, emotion and gender: percentiles `p5` to `p95`; `_examples`,
        one row an emotion: `clip` and `speaker` of a clip to look at.
    """
    manifest = read_manifest(DATA / "corpora" / corpus / MANIFEST)
    clips = describe_clips(manifest, Functionals(DATA / "functionals" / corpus).table())
    examples = choose_examples(clips)[["emotion", "clip", "speaker"]]
    return {"": card_table(clips), "_boxes": boxes_table(clips), "_examples": examples}


def describe_clips(manifest: pd.DataFrame, functionals: pd.DataFrame) -> pd.DataFrame:
    """One row a clip: the manifest, and `speech_s`, the length in seconds of what is not silence at
    either end; `silence_percent`, the share of the clip that is; `level_db`, the mean level of the
    speech in dB of full scale.
    """
    rows = functionals.loc[manifest["clip"]]
    speech = rows[_SPEECH].to_numpy(dtype=float)
    length = manifest["duration_s"].to_numpy(dtype=float)
    return manifest.assign(
        speech_s=speech,
        silence_percent=100 * (1 - speech / length),
        level_db=rows[_LEVEL].to_numpy(dtype=float),
    )


def card_table(clips: pd.DataFrame) -> pd.DataFrame:
    """The main table of `study_corpus`."""
    table = clips.groupby(_GROUP, as_index=False).agg(
        n_clips=("clip", "size"),
        n_speakers=("speaker", "nunique"),
        **{name: (name, "mean") for name in ("duration_s", *_MEASURES)},
        level_deviation_db=("level_db", "std"),
    )
    return _in_order(table)


def boxes_table(clips: pd.DataFrame) -> pd.DataFrame:
    """The table `_boxes` of `study_corpus`."""
    groups = clips.groupby(_GROUP)
    tables = []
    for measure in _MEASURES:
        columns = {f"p{p}": groups[measure].quantile(p / 100) for p in _PERCENTILES}
        tables.append(_in_order(pd.DataFrame(columns).reset_index()).assign(measure=measure))
    return pd.concat(tables, ignore_index=True)[["measure", *tables[0].columns[:-1]]]


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    place = {name: number for number, name in enumerate(ordered(table["emotion"]))}
    key = table["emotion"].map(place)
    return table.iloc[key.argsort(kind="stable")].reset_index(drop=True)


def choose_examples(clips: pd.DataFrame) -> pd.DataFrame:
    """One clip of every emotion, in order: of one speaker, and of one sentence as far as there is.

    The speaker and sentence that show most emotions, the first of them by name; what is missing is
    taken from the same speaker's other sentences. Strong intensity is easier to see.
    """
    shown = clips.groupby(["speaker", "sentence"])["emotion"].nunique()
    whole = clips.groupby("speaker")["emotion"].nunique()
    best = max(
        shown.index,
        key=lambda pair: (whole[pair[0]], shown[pair], [-ord(letter) for letter in pair[0]]),
    )
    own = clips[clips["speaker"] == best[0]]
    ranked = own.assign(
        other=(own["sentence"] != best[1]).astype(int),
        weak=(own["intensity"] != "strong").astype(int),
    ).sort_values(["other", "weak", "clip"])
    first = ranked.drop_duplicates("emotion").set_index("emotion")
    return first.loc[ordered(first.index)].reset_index()


if __name__ == "__main__":
    run_study("card", study_corpus)
