"""Manifests of the known corpora without their sound, and damage that makes folds leak."""

from functools import cache
from pathlib import PurePosixPath
from types import MappingProxyType

import pandas as pd

from ser.clips import speaker_keys
from ser.corpora import corpus_names, find_corpus
from ser.corpora.build import load_checksums
from ser.corpora.synthetic import N_SPEAKERS, N_TAKES
from ser.corpora.synthetic_voice import utterances
from ser.splits.crossings import Crossing
from ser.splits.folds import ROLES
from tests.builders import make_manifest

# one recording under two names, as tests/test_takes.py finds them in the sound
TWINS = MappingProxyType(
    {
        "emovo": ("emovo/f3/tri-f3-n1", "emovo/f3/tri-f3-n2"),
        "ravdess": (
            "ravdess/Actor_07/03-01-03-01-02-01-07",
            "ravdess/Actor_07/03-01-03-01-02-02-07",
        ),
    }
)
CORPORA = tuple(corpus_names())
# which column says that two clips share something
UNITS = MappingProxyType(
    {
        Crossing.SPEAKER: "speaker",
        Crossing.STATEMENT: "sentence",
        Crossing.TAKE: "take_group",
        Crossing.AUDIO: "pcm_sha256",
    }
)


def paths_of(name: str) -> list[PurePosixPath]:
    """Paths of all clips of a corpus, within it and without their endings."""
    corpus = find_corpus(name)
    if corpus.generate is None:
        return [PurePosixPath(clip.partition("/")[2]) for clip in load_checksums(corpus)]
    return [
        PurePosixPath(f"Actor_{said.speaker:02d}", said.file_name).with_suffix("")
        for said in utterances(N_SPEAKERS, N_TAKES)
    ]


@cache
def _named(name: str) -> pd.DataFrame:
    corpus = find_corpus(name)
    rows = [vars(corpus.parse(path.with_suffix(".wav"))) for path in paths_of(name)]
    manifest = pd.DataFrame(rows).sort_values("clip", ignore_index=True)
    assert len(manifest) == corpus.expected.n_clips, f"{name} is not complete"
    assert set(manifest["speaker"]) == set(corpus.expected.genders)
    manifest = manifest.assign(corpus=name, clip=f"{name}/" + manifest["clip"])
    manifest["pcm_sha256"] = manifest["clip"]
    manifest["take_group"] = manifest["clip"]
    if name in TWINS:
        first, second = TWINS[name]
        manifest.loc[manifest["clip"] == second, "take_group"] = first
    return manifest


def known_manifest(name: str) -> pd.DataFrame:
    """The manifest of a known corpus, from the names of its clips alone."""
    return _named(name).copy()


def ravdess_like() -> pd.DataFrame:
    """Few clips of the 24 actors of RAVDESS: every protocol fits them."""
    return make_manifest(speakers=24, clips_each=2)


def check_by_hand(manifest: pd.DataFrame, folds: pd.DataFrame, declared: set[Crossing]) -> None:
    """What the guard of folds promises, counted in another way."""
    tested = folds.loc[folds["role"] == "test", "clip"]
    assert sorted(tested) == sorted(manifest["clip"]), "a clip is not tested exactly once"
    for kind, column in UNITS.items():
        if kind not in declared:
            crossing = crossings(manifest, folds, column)
            assert not crossing, f"{kind} crosses: {crossing[0]}"


def crossings(manifest: pd.DataFrame, folds: pd.DataFrame, column: str) -> list[tuple[int, str]]:
    """Folds, and what of a column stands on two sides of them.

    The same statement may train and validate.
    """
    keys = speaker_keys(manifest) if column == "speaker" else manifest[column]
    unit = dict(zip(manifest["clip"], keys, strict=True))
    found = []
    for number in folds["fold"].unique():
        fold = folds[folds["fold"] == number]
        assert not fold.duplicated("clip").any(), f"fold {number}: a clip has two roles"
        train, validation, test = (
            {unit[clip] for clip in fold.loc[fold["role"] == role, "clip"]} for role in ROLES
        )
        assert train, f"fold {number} trains on nothing"
        assert validation, f"fold {number} validates on nothing"
        assert test, f"fold {number} tests nothing"
        shared = (train | validation) & test
        if column != "sentence":
            shared |= train & validation
        found += [(int(number), str(each)) for each in sorted(shared)]
    return found


def share(manifest: pd.DataFrame, kind: Crossing, clip: str, other: str) -> pd.DataFrame:
    """The manifest with `clip` given the speaker, statement, take or sound of `other`."""
    column = UNITS[kind]
    value = manifest.loc[manifest["clip"] == other, column].iloc[0]
    return manifest.assign(**{column: manifest[column].mask(manifest["clip"] == clip, value)})
