"""The table of a corpus and its folds, as they are handed over.

They are those of the split stage where it has run, else made from the names of clips alone; folds
of known corpora are pinned either way, so that both are the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from ser.clips.manifest import UNKNOWN, read_genders
from ser.core.errors import SerError
from ser.corpora import corpus_names, find_corpus
from ser.download.build import load_checksums
from ser.download.corpus import Corpus
from ser.guards.folds import hash_folds, in_order, read_folds
from ser.guards.mismatch import ProtocolMismatchError
from ser.guards.selection import FOLDS
from ser.splits.pins import check_pin
from ser.splits.protocols import PROTOCOLS, assign_folds, find_protocol

SPLITS = Path("data/splits")
# what the field calls our roles
PARTS = {"train": "train", "validation": "dev", "test": "test"}
_COLUMNS = ["speaker", "gender", "emotion", "intensity", "sentence", "take", "language"]
# kinds whose folds are to be compared with others' folds
_HONEST = ("speaker-independent", "speaker-dependent")


@dataclass(frozen=True)
class Handed:
    """What is handed over of a corpus.

    Attributes:
        clips: one row a clip: `clip`, `file` (path within the corpus), `speaker`, `gender` (empty
            where it is not published), `emotion`, `intensity`, `sentence`, `take`, `language` and,
            where the corpus was built, `duration_s`.
        folds: fold tables by protocol.
    """

    corpus: Corpus
    clips: pd.DataFrame
    folds: Mapping[str, pd.DataFrame]

    def parts(self) -> Iterator[tuple[str, int, str, pd.DataFrame]]:
        """Protocol, fold, part (train, dev or test) and its clips, sorted by file."""
        for protocol, folds in self.folds.items():
            for (fold, role), rows in folds.groupby(["fold", "role"]):
                clips = self.clips[self.clips["clip"].isin(rows["clip"])]
                yield protocol, int(fold), PARTS[role], clips.reset_index(drop=True)

    def tested_in(self) -> pd.DataFrame:
        """A column a protocol: the fold in which each clip is tested."""
        columns = {}
        for protocol, folds in self.folds.items():
            tests = folds[folds["role"] == "test"].set_index("clip")["fold"]
            columns[protocol] = self.clips["clip"].map(tests)
        return pd.DataFrame(columns, index=self.clips.index)


def known_corpus(name: str) -> Corpus:
    """The corpus called `name`.

    Raises:
        SerError: if there is none.
    """
    if name not in corpus_names():
        raise SerError(f"There is no corpus {name!r}; known are {', '.join(corpus_names())}.")
    return find_corpus(name)


def named_manifest(corpus: Corpus) -> pd.DataFrame:
    """The manifest of a known corpus from the names of its clips alone; empty if none are listed.

    Empty, too, where names do not tell all, and a file beside each sound does.

    Columns as in a manifest but for `duration_s`; `pcm_sha256` is the published checksum, and
    `take_group` is shared by clips whose checksums are the same.
    """
    checksums = {} if corpus.sidecar else load_checksums(corpus)
    rows = []
    for clip, digest in checksums.items():
        relative = clip.partition("/")[2]
        name = corpus.parse(PurePosixPath(f"{relative}.wav"))
        if name is not None and relative not in corpus.defects:
            rows.append({**vars(name), "clip": clip, "pcm_sha256": digest})
    if not rows:
        return pd.DataFrame()
    table = pd.DataFrame(rows).assign(corpus=corpus.name, language=corpus.language)
    table = table.sort_values("clip", ignore_index=True)
    first = table.groupby("pcm_sha256")["clip"].transform("first")
    return table.assign(take_group=first)


def named_folds(manifest: pd.DataFrame, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Fold tables of those protocols that fit a manifest from names alone.

    A protocol is left out whose pinned folds need the sound: takes that are the same recording
    cannot be found by names.
    """
    found, corpus = {}, str(manifest["corpus"].iloc[0])
    for name in names:
        try:
            folds = assign_folds(manifest, name)
            check_pin(hash_folds(folds), name, corpus)
        except ProtocolMismatchError:
            continue
        except SerError:  # another table than the pinned one
            continue
        found[name] = in_order(folds)
    return found


def hand_over(
    corpus: Corpus, protocols: Sequence[str] = (), ending: str = ".wav", splits: Path = SPLITS
) -> Handed:
    """The table and the folds of a corpus.

    Args:
        protocols: names; without any, all that fit and neither leak nor use test clips unlabelled.
        ending: of the names of files.
        splits: folder of the split stage's output.

    Raises:
        SerError: if a protocol is unknown or does not fit, or neither the split stage has run nor
            the names of the corpus's clips are listed.
    """
    for name in protocols:
        find_protocol(name)
    wanted = list(protocols) or [name for name, one in PROTOCOLS.items() if one.kind in _HONEST]
    built = splits / corpus.name
    if (built / FOLDS).is_dir():
        clips = read_genders(built)
        paths = {name: built / FOLDS / f"{name}.csv" for name in wanted}
        folds = {name: in_order(read_folds(path)) for name, path in paths.items() if path.is_file()}
    else:
        clips = named_manifest(corpus)
        if clips.empty:
            raise SerError(
                f"The clips of {corpus.title} are not listed here; run `dvc repro "
                f"split@{corpus.name}` first."
            )
        folds = named_folds(clips, wanted)
    lacking = [name for name in protocols if name not in folds]
    if lacking or not folds:
        raise SerError(
            f"Protocol {', '.join(lacking) or 'of any name'} cannot be handed over for "
            f"{corpus.title}: it does not fit, or needs its sound; run `dvc repro "
            f"split@{corpus.name}`, or choose among {', '.join(folds) or 'none'}."
        )
    files = clips["clip"].str.partition("/")[2] + ending
    gender = clips["gender"].replace(UNKNOWN, "")
    kept = [name for name in (*_COLUMNS, "duration_s") if name in clips]
    table = clips.assign(file=files, gender=gender)[["clip", "file", *kept]]
    return Handed(corpus, table.sort_values("file", ignore_index=True), folds)
