"""The protocols by name: one row each. Adding one is a row here and, if need be, a function.

A protocol whose name begins with "leaky" has a fault that published scores have, on purpose;
everything made under it is marked.
"""

from collections.abc import Callable, Iterator

import pandas as pd

from ser.core.errors import SerError
from ser.guards.crossings import Crossing
from ser.guards.mismatch import ProtocolMismatchError
from ser.guards.protocol import Kind, Protocol
from ser.splits.shuffled import shuffled
from ser.splits.speakers import (
    leave_one_speaker_out,
    ravdess_emobox_six_fold,
    ravdess_five_fold,
    speaker_independent,
    two_speakers,
)
from ser.splits.statements import leave_one_statement_out, speaker_and_statement_open

Assign = Callable[[pd.DataFrame], Iterator[pd.DataFrame]]
_STATEMENT = frozenset({Crossing.STATEMENT})
_STATISTIC = _STATEMENT | {Crossing.STATISTIC}
_RANDOM = frozenset({Crossing.SPEAKER, Crossing.STATEMENT, Crossing.TAKE, Crossing.AUDIO})

# name, assignment, what crosses by intent, kind
_ALL: tuple[tuple[str, Assign, frozenset[Crossing], Kind], ...] = (
    ("speaker_independent", speaker_independent, _STATEMENT, "speaker-independent"),
    ("ravdess_five_fold", ravdess_five_fold, _STATEMENT, "speaker-independent"),
    ("ravdess_emobox_six_fold", ravdess_emobox_six_fold, _STATEMENT, "speaker-independent"),
    ("leave_one_speaker_out", leave_one_speaker_out, _STATEMENT, "speaker-independent"),
    ("two_speakers", two_speakers, _STATEMENT, "speaker-independent"),
    (
        "speaker_and_statement_open",
        speaker_and_statement_open,
        frozenset(),
        "speaker-independent",
    ),
    (
        "leave_one_statement_out",
        leave_one_statement_out,
        frozenset({Crossing.SPEAKER}),
        "speaker-dependent",
    ),
    # each test speaker's own unlabelled clips give the mean and scale of their features: a fair
    # question where such clips are at hand, but another one
    ("speaker_normalized", speaker_independent, _STATISTIC, "transductive"),
    ("leaky_random", shuffled, _RANDOM, "leaky"),
    ("leaky_augment_before_split", shuffled, _RANDOM | {Crossing.COPY}, "leaky"),
    (
        "leaky_best_epoch_on_test",
        speaker_independent,
        _STATEMENT | {Crossing.CHECKPOINT},
        "leaky",
    ),
    # the same as speaker_normalized, reported as if it were not
    ("leaky_undeclared_speaker_normalization", speaker_independent, _STATISTIC, "leaky"),
    ("leaky_everything", shuffled, frozenset(Crossing), "leaky"),
)
# nobody is left to validate
_WITHOUT_VALIDATION = ("two_speakers",)
PROTOCOLS = {
    name: Protocol(name, crosses, kind, name not in _WITHOUT_VALIDATION)
    for name, _, crosses, kind in _ALL
}
_ASSIGN = {name: assign for name, assign, *_ in _ALL}


def find_protocol(name: str) -> Protocol:
    """The protocol called `name`.

    Raises:
        SerError: if there is none.
    """
    if name not in PROTOCOLS:
        known = ", ".join(PROTOCOLS)
        raise SerError(f"params.yaml: unknown protocol {name!r}; it must be one of {known}.")
    return PROTOCOLS[name]


def summary(name: str) -> str:
    """What a protocol does: the first sentence of its assignment's documentation."""
    return (_ASSIGN[name].__doc__ or "").partition("\n")[0]


def assign_folds(manifest: pd.DataFrame, name: str) -> pd.DataFrame:
    """Fold table of one corpus under a protocol: all that `each_fold` yields."""
    return pd.concat(each_fold(manifest, name), ignore_index=True)


def each_fold(manifest: pd.DataFrame, name: str) -> Iterator[pd.DataFrame]:
    """The fold table one fold at a time, in the order of their numbers.

    Together they have a row for each fold and clip: of many speakers that is a lot.

    Args:
        manifest: its clips, with a column `take_group` shared by takes that are (nearly) the same.

    Raises:
        ProtocolMismatchError: if the corpus lacks what the protocol needs.
        SerError: if there is no such protocol.
    """
    find_protocol(name)
    try:
        yield from _ASSIGN[name](manifest)
    except ProtocolMismatchError as reason:
        corpus = manifest["corpus"].iloc[0]
        raise ProtocolMismatchError(
            f"Protocol {name} does not fit {corpus}, because {reason}; choose another in "
            "params.yaml."
        ) from None
