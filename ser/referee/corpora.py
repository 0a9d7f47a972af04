"""Which known corpora somebody's clips are of, and what their names then tell."""

from collections.abc import Sequence
from functools import cache
from pathlib import PurePosixPath

import pandas as pd

from ser.corpora import corpus_names, find_corpus
from ser.export.table import known_corpus, named_manifest

# so many of the files must be clips of a corpus, before it is taken for theirs
_SHARE_OF_LIST, _SHARE_OF_SCHEME, _FEWEST = 0.05, 0.8, 5
_COLUMNS = ["clip", "corpus", "speaker", "gender", "emotion", "sentence", "take_group", "sure"]


@cache
def published(name: str) -> pd.DataFrame:
    """A whole corpus by names (`named_manifest`), not to be changed; empty if it is not listed."""
    return named_manifest(find_corpus(name))


@cache
def _listed(name: str) -> dict[str, dict[str, str]]:
    """What names tell of a corpus's clips, by the last part of each; empty if not unique."""
    table = published(name)
    if table.empty:
        return {}
    short = table["clip"].str.rpartition("/")[2]
    rows = table.assign(sure="yes")[_COLUMNS].to_dict("records")
    return dict(zip(short, rows, strict=True)) if short.is_unique else {}


def match_clips(clips: Sequence[str], only: str = "") -> pd.DataFrame:
    """What names tell of clips of known corpora: one row a clip, empty where it is of none.

    Columns: `clip` as the corpus has it, `corpus`, `speaker`, `gender`, `emotion`, `sentence`;
    `take_group`, shared by clips whose published samples are the same (empty where they are not
    published); `sure`, "yes" where the name is in the corpus's list or the corpus was named: names
    of another corpus may be made alike.

    Args:
        clips: paths without endings.
        only: name of the corpus that they are of; by default all are tried.

    Raises:
        SerError: if there is no such corpus.
    """
    if only:
        known_corpus(only)
    names = [only] if only else [n for n in corpus_names() if find_corpus(n).generate is None]
    found = {name: _of_corpus(clips, name) for name in names}
    counts = {name: sum(row is not None for row in rows) for name, rows in found.items()}
    table: list[dict[str, str] | None] = [None] * len(clips)
    for name in sorted(names, key=lambda one: -counts[one]):
        share = _SHARE_OF_LIST if _listed(name) else _SHARE_OF_SCHEME
        if only or counts[name] >= max(share * len(clips), min(_FEWEST, len(clips))):
            table = [old or new for old, new in zip(table, found[name], strict=True)]
    nothing = dict.fromkeys(_COLUMNS, "")
    rows = pd.DataFrame([row or nothing for row in table], columns=_COLUMNS)
    return rows.assign(sure="yes") if only else rows


def _of_corpus(clips: Sequence[str], name: str) -> list[dict[str, str] | None]:
    listed, corpus = _listed(name), find_corpus(name)
    if listed:
        # a segment of a clip is no clip
        return [listed.get(clip.rpartition("/")[2]) for clip in clips]
    found: list[dict[str, str] | None] = []
    for clip in clips:
        try:
            row = corpus.parse(PurePosixPath(f"{clip}.wav"))
        except (ValueError, LookupError):
            row = None
        kept = None if row is None else {**vars(row), "clip": f"{name}/{row.clip}", "corpus": name}
        found.append(kept and {**kept, "take_group": "", "sure": ""})
    return found
