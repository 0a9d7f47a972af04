"""The protocols by name: one row each. Adding one is a row here and, if need be, a function.

A protocol whose name begins with "leaky" has a fault that published scores have, on purpose;
everything made under it is marked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ser.errors import SerError
from ser.splits.crossings import Crossing, listed
from ser.splits.mismatch import ProtocolMismatchError
from ser.splits.shuffled import shuffled
from ser.splits.speakers import (
    leave_one_speaker_out,
    ravdess_emobox_six_fold,
    ravdess_five_fold,
    speaker_independent,
)
from ser.splits.statements import leave_one_statement_out, speaker_and_statement_open

Kind = Literal["speaker-independent", "speaker-dependent", "transductive", "leaky"]


@dataclass(frozen=True)
class Protocol:
    """How a corpus is divided, and what crosses from training to test by intent.

    Attributes:
        name: as `params.yaml` gives it.
        assign: makes the fold table of a corpus from its manifest; raises `ProtocolMismatchError`.
        crosses: what may stand on both sides; the guards stop everything else.
        kind: how its scores are to be read.
    """

    name: str
    assign: Callable[[pd.DataFrame], pd.DataFrame]
    crosses: frozenset[Crossing]
    kind: Kind

    @property
    def mark(self) -> str:
        """What every result says of its protocol: empty for the speaker-independent ones."""
        if self.kind == "leaky":
            return f"LEAKY: {listed(self.crosses)}"
        return "" if self.kind == "speaker-independent" else self.kind

    @property
    def summary(self) -> str:
        """The first sentence of what the assignment's documentation says."""
        return (self.assign.__doc__ or "").partition("\n")[0]


_STATEMENT = frozenset({Crossing.STATEMENT})
_RANDOM = frozenset({Crossing.SPEAKER, Crossing.STATEMENT, Crossing.TAKE, Crossing.AUDIO})

_ALL = (
    Protocol("speaker_independent", speaker_independent, _STATEMENT, "speaker-independent"),
    Protocol("ravdess_five_fold", ravdess_five_fold, _STATEMENT, "speaker-independent"),
    Protocol("ravdess_emobox_six_fold", ravdess_emobox_six_fold, _STATEMENT, "speaker-independent"),
    Protocol("leave_one_speaker_out", leave_one_speaker_out, _STATEMENT, "speaker-independent"),
    Protocol(
        "speaker_and_statement_open",
        speaker_and_statement_open,
        frozenset(),
        "speaker-independent",
    ),
    Protocol(
        "leave_one_statement_out",
        leave_one_statement_out,
        frozenset({Crossing.SPEAKER}),
        "speaker-dependent",
    ),
    # each test speaker's own unlabelled clips give the mean and scale of their features: a fair
    # question where such clips are at hand, but another one
    Protocol(
        "speaker_normalized",
        speaker_independent,
        _STATEMENT | {Crossing.STATISTIC},
        "transductive",
    ),
    Protocol("leaky_random", shuffled, _RANDOM, "leaky"),
    Protocol("leaky_augment_before_split", shuffled, _RANDOM | {Crossing.COPY}, "leaky"),
    Protocol(
        "leaky_best_epoch_on_test",
        speaker_independent,
        _STATEMENT | {Crossing.CHECKPOINT},
        "leaky",
    ),
    # the same as speaker_normalized, reported as if it were not
    Protocol(
        "leaky_undeclared_speaker_normalization",
        speaker_independent,
        _STATEMENT | {Crossing.STATISTIC},
        "leaky",
    ),
    Protocol("leaky_everything", shuffled, frozenset(Crossing), "leaky"),
)
PROTOCOLS = {protocol.name: protocol for protocol in _ALL}


def find_protocol(name: str) -> Protocol:
    """The protocol called `name`.

    Raises:
        SerError: if there is none.
    """
    if name not in PROTOCOLS:
        known = ", ".join(PROTOCOLS)
        raise SerError(f"params.yaml: unknown protocol {name!r}; it must be one of {known}.")
    return PROTOCOLS[name]


def assign_folds(manifest: pd.DataFrame, name: str) -> pd.DataFrame:
    """Fold table of one corpus under a protocol.

    Args:
        manifest: its clips, with a column `take_group` shared by takes that are (nearly) the same.

    Raises:
        ProtocolMismatchError: if the corpus lacks what the protocol needs.
        SerError: if there is no such protocol.
    """
    protocol = find_protocol(name)
    try:
        return protocol.assign(manifest)
    except ProtocolMismatchError as reason:
        corpus = manifest["corpus"].iloc[0]
        raise ProtocolMismatchError(
            f"Protocol {name} does not fit {corpus}, because {reason}; choose another in "
            "params.yaml."
        ) from None
