"""Fold tables of known corpora, pinned by hash: nobody's folds change without notice."""

from importlib.resources import files
from pathlib import Path

import pandas as pd

from ser.core.errors import SerError
from ser.core.files import write_csv
from ser.core.tables import Table

PINS = "pins.csv"
_TABLE = Table(
    "The table of pins",
    {"protocol": str, "corpus": str, "sha256": str},
    remedy="restore it from git",
)


def read_pins() -> dict[tuple[str, str], str]:
    """SHA-256 of the fold table of each corpus and protocol that is pinned."""
    return _by_key(_TABLE.parse((files("ser.splits") / PINS).read_text(encoding="utf-8"), PINS))


def _by_key(table: pd.DataFrame) -> dict[tuple[str, str], str]:
    return {(row.corpus, row.protocol): row.sha256 for row in table.itertuples()}


def check_pin(found: str, protocol: str, corpus: str) -> None:
    """Check that a fold table is the one that was pinned; a corpus without pins passes.

    Args:
        found: its hash, as of `hash_folds`.

    Raises:
        SerError: if it differs.
    """
    pinned = read_pins().get((corpus, protocol))
    if pinned not in (None, found):
        raise SerError(
            f"The folds of protocol {protocol} on {corpus} differ from the pinned ones (SHA-256 "
            f"{found[:12]}..., not {pinned[:12]}...): results would not compare with earlier ones; "
            "give a changed protocol another name."
        )


def add_pins(hashes: dict[tuple[str, str], str], path: Path) -> tuple[int, int]:
    """Add hashes, by corpus and protocol, to a file of pins; those it has stay as they are.

    Returns:
        How many were added, and how many were there before.

    Raises:
        SerError: if one that is pinned differs.
    """
    pinned = _by_key(_TABLE.read(path)) if path.is_file() else {}
    for (corpus, protocol), found in hashes.items():
        if pinned.get((corpus, protocol), found) != found:
            raise SerError(
                f"The folds of protocol {protocol} on {corpus} differ from those pinned in {path}, "
                "which do not change; give a changed protocol another name."
            )
    together = pinned | hashes
    rows = [(protocol, corpus, together[corpus, protocol]) for corpus, protocol in sorted(together)]
    write_csv(path, pd.DataFrame(rows, columns=["protocol", "corpus", "sha256"]))
    return len(together) - len(pinned), len(pinned)
