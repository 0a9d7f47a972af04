"""Folds in which nobody is tested on words that the model heard."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser.guards.folds import ROLES
from ser.guards.mismatch import ProtocolMismatchError
from ser.splits.speakers import RAVDESS_FIVE_FOLDS, Fold, is_ravdess

Numbers = npt.NDArray[np.int64]

_GROUPS = 5


def leave_one_statement_out(manifest: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """One fold a statement; speakers are heard in training.

    The next statement validates. Where there are but two, every fifth speaker's clips of the
    statement that trains validate instead.
    """
    statements = sorted(manifest["sentence"].unique())
    if len(statements) < 2:
        raise ProtocolMismatchError("it needs at least two statements")
    speakers = sorted(manifest["speaker"].unique())
    if len(statements) == 2 and len(speakers) < 2:
        raise ProtocolMismatchError("of two statements, it needs at least two speakers")
    said, speaker = manifest["sentence"], manifest["speaker"]
    takes = _takes(manifest)
    for number, statement in enumerate(statements):
        if len(statements) > 2:
            validates = said == statements[(number + 1) % len(statements)]
        else:
            validates = (said != statement) & speaker.isin(speakers[number::_GROUPS])
        roles = pd.Series("train", index=manifest.index)
        roles = roles.mask(validates, "validation").mask(said == statement, "test")
        fold = pd.DataFrame({"fold": number, "clip": manifest["clip"], "role": roles})
        yield _without_shared_takes(fold, takes)


def speaker_and_statement_open(manifest: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """New speakers say new words: a fifth of the speakers is tested on half of the statements.

    Others train, on the other statements only; the validation speakers say those too. RAVDESS
    keeps its published groups of actors. Clips that are neither have no part in a fold.
    """
    statements = sorted(manifest["sentence"].unique())
    if len(statements) < 2:
        raise ProtocolMismatchError("it needs at least two statements")
    half = manifest["sentence"].astype(str).map(statements.index) % 2
    takes = _takes(manifest)
    for number, (fold, tested_half) in enumerate(
        (fold, part) for fold in _speaker_groups(manifest) for part in (0, 1)
    ):
        new_words = half == tested_half
        tests, validates = (manifest["speaker"].isin(who) for who in (fold.test, fold.validation))
        roles = pd.Series("train", index=manifest.index)
        roles = roles.mask(validates, "validation").mask(tests, "test")
        kept = new_words == tests
        table = pd.DataFrame({"fold": number, "clip": manifest["clip"], "role": roles})
        yield _without_shared_takes(table[kept], takes[kept])


def _speaker_groups(manifest: pd.DataFrame) -> list[Fold]:
    if is_ravdess(manifest):
        return list(RAVDESS_FIVE_FOLDS)
    speakers = sorted(manifest["speaker"].unique())
    if len(speakers) < 3:
        raise ProtocolMismatchError("it needs at least three speakers")
    groups = [tuple(speakers[start::_GROUPS]) for start in range(min(_GROUPS, len(speakers)))]
    following = groups[1:] + groups[:1]
    return [Fold(test, after[:1]) for test, after in zip(groups, following, strict=True)]


def _takes(manifest: pd.DataFrame) -> Numbers:
    """A number for every clip, which those that are the same take share."""
    return pd.factorize(manifest["take_group"])[0]


def _without_shared_takes(fold: pd.DataFrame, takes: Numbers) -> pd.DataFrame:
    """Leave out of a fold what trains or validates and is the same take as what tests there.

    EMOVO has one recording under the names of two statements.
    """
    rank = fold["role"].map(ROLES.index).to_numpy(np.int8)
    strongest = np.zeros(takes.max(initial=0) + 1, np.int8)
    np.maximum.at(strongest, takes, rank)
    return fold[rank == strongest[takes]]
