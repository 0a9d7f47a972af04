"""Fold tables of known corpora, pinned by hash: nobody's folds change without notice."""

from importlib.resources import files
from io import StringIO

import pandas as pd

from ser.errors import SerError
from ser.splits.folds import hash_folds

PINS = "pins.csv"


def read_pins() -> dict[tuple[str, str], str]:
    """SHA-256 of the fold table of each protocol and corpus that is pinned."""
    text = (files("ser.splits") / PINS).read_text(encoding="utf-8")
    table = pd.read_csv(StringIO(text), dtype=str)
    return {(row.protocol, row.corpus): row.sha256 for row in table.itertuples()}


def check_pin(folds: pd.DataFrame, protocol: str, corpus: str) -> None:
    """Check that a fold table is the one that was pinned; a corpus without pins passes.

    Raises:
        SerError: if it differs.
    """
    pinned = read_pins().get((protocol, corpus))
    found = hash_folds(folds)
    if pinned not in (None, found):
        raise SerError(
            f"The folds of protocol {protocol} on {corpus} differ from the pinned ones (SHA-256 "
            f"{found[:12]}..., not {pinned[:12]}...): results would not compare with earlier ones; "
            "give a changed protocol another name."
        )
