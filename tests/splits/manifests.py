"""Manifests of the known corpora without their sound, and damage that makes folds leak."""

from collections.abc import Collection, Sequence
from functools import cache
from pathlib import PurePosixPath
from types import MappingProxyType

import pandas as pd

from ser.clips.manifest import speaker_keys
from ser.corpora import find_corpus
from ser.download.build import load_checksums
from ser.download.synthetic import N_SPEAKERS, N_TAKES
from ser.download.synthetic_voice import utterances
from ser.guards.crossings import Crossing
from ser.guards.folds import ROLES
from ser.splits.pins import read_pins
from ser.splits.protocols import assign_folds
from ser.splits.takes import SAME
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
# those whose folds are pinned, and those of them that a protocol fits
CORPORA = tuple(sorted({corpus for corpus, _ in read_pins()}))
# As published: test actors of Luna-Jimenez et al. (2021), validation actors of Krasnoproshin &
# Vashkevich (2026).
FIVE_FOLDS = (
    ([2, 5, 14, 15, 16], [3, 6]),
    ([3, 6, 7, 13, 18], [10, 11]),
    ([10, 11, 12, 19, 20], [8, 17]),
    ([8, 17, 21, 23, 24], [1, 14]),
    ([1, 4, 9, 22], [2, 5]),
)
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
    assert manifest["speaker"].nunique() == corpus.speakers
    manifest = manifest.assign(corpus=name, clip=f"{name}/" + manifest["clip"])
    manifest["pcm_sha256"] = manifest["clip"]
    manifest["take_group"] = manifest["clip"]
    if name in TWINS:
        first, second = TWINS[name]
        manifest.loc[manifest["clip"] == second, "take_group"] = first
    return manifest


def corpora_of(protocol: str) -> list[str]:
    """Pinned corpora that a protocol fits."""
    return [corpus for corpus, name in read_pins() if name == protocol]


def known_manifest(name: str) -> pd.DataFrame:
    """The manifest of a known corpus, from the names of its clips alone."""
    return _named(name).copy()


@cache
def known_folds(name: str, protocol: str) -> pd.DataFrame:
    """Folds of a known corpus; not to be changed."""
    return assign_folds(_named(name), protocol)


def fitting_manifest(protocol: str) -> pd.DataFrame:
    """Few clips: of the 24 actors of RAVDESS, whom most protocols fit, or of two speakers."""
    return make_manifest(speakers=2 if protocol == "two_speakers" else 24, clips_each=2)


def folds_of(protocol: str) -> pd.DataFrame:
    """Folds of `fitting_manifest`, which a test may change."""
    return _folds_of(protocol).copy()


@cache
def _folds_of(protocol: str) -> pd.DataFrame:
    return assign_folds(fitting_manifest(protocol), protocol)


def no_pairs() -> pd.DataFrame:
    """What `find_pairs` gives of a corpus in which no recording is there twice."""
    return pairs_of([])


def pairs_of(pairs: Sequence[tuple[str, str]], what: str = SAME) -> pd.DataFrame:
    """What `find_pairs` gives where these pairs of clips are one recording."""
    columns = ["clip_a", "clip_b", "similarity", "correlation", "what", "note"]
    return pd.DataFrame([(a, b, 0.95, 0.9, what, "") for a, b in pairs], columns=columns)


def check_by_hand(
    manifest: pd.DataFrame, folds: pd.DataFrame, declared: Collection[Crossing]
) -> None:
    """What the guard of folds promises, counted in another way."""
    assert not folds.duplicated(["fold", "clip"]).any(), "a clip has two roles"
    for number, fold in folds.groupby("fold"):
        assert set(fold["role"]) >= {"train", "test"}, f"fold {number} lacks a role"
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
    unit = dict(zip(manifest["clip"].tolist(), keys.tolist(), strict=True))
    sides: dict[int, dict[str, set[str]]] = {}
    columns = (folds[name].tolist() for name in ("fold", "clip", "role"))
    for fold, clip, role in zip(*columns, strict=True):
        sides.setdefault(fold, {name: set() for name in ROLES})[role].add(unit[clip])
    found = []
    for number, held in sides.items():
        shared = (held["train"] | held["validation"]) & held["test"]
        if column != "sentence":
            shared |= held["train"] & held["validation"]
        found += [(number, str(each)) for each in sorted(shared)]
    return found


def share(manifest: pd.DataFrame, kind: Crossing, clip: str, other: str) -> pd.DataFrame:
    """The manifest with `clip` given the speaker, statement, take or sound of `other`."""
    column = UNITS[kind]
    value = manifest.loc[manifest["clip"] == other, column].iloc[0]
    return manifest.assign(**{column: manifest[column].mask(manifest["clip"] == clip, value)})
