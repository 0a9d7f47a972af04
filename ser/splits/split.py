"""The division of one corpus: by gender, and into folds by every protocol that fits."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from ser.clips.manifest import (
    COLUMNS,
    GENDERS,
    MANIFEST,
    UNKNOWN,
    read_for_folds,
    read_manifest_parts,
)
from ser.core.errors import SerError
from ser.core.files import whole_folder, write_csv, write_json, write_rows
from ser.guards.checks import check_crossings, check_folds
from ser.guards.folds import write_each_fold
from ser.guards.mismatch import ProtocolMismatchError
from ser.guards.protocol import Protocol, write_protocol
from ser.guards.selection import FOLDS, NOT_FITTING
from ser.splits.pins import check_pin
from ser.splits.protocols import PROTOCOLS, each_fold
from ser.splits.takes import group_takes

# of fold tables that are looked at together
_ROWS = 50_000


def split_corpus(built: Path, pairs: pd.DataFrame, out: Path) -> list[str]:
    """Write a manifest for each gender, and the fold table of every protocol that fits.

    Args:
        built: folder of the built corpus.
        pairs: those of them that are one recording, as `find_pairs` lists them.
        out: gets `takes.csv`, a manifest for each gender, and `folds/<protocol>.csv` and `.json`,
            whole or not at all.

    Returns:
        Names of the protocols.

    Raises:
        LeakError: if folds leak what their protocol does not declare.
        SerError: if the manifest is missing or damaged, no protocol fits, or folds differ from the
            pinned ones.
    """
    manifest = read_for_folds(built / MANIFEST)
    corpus = str(manifest["corpus"].iloc[0])
    manifest = manifest.assign(take_group=group_takes(manifest, pairs))
    fitting, not_fitting = [], {}
    with whole_folder(out) as aside:
        write_csv(aside / "takes.csv", pairs, decimals=3)
        for gender in (*GENDERS, UNKNOWN):
            rows = _of_gender(gender, built / MANIFEST, manifest["take_group"])
            write_rows(aside / f"{gender}.csv", [*COLUMNS, "take_group"], rows)
        for name, protocol in PROTOCOLS.items():
            try:
                check_folds(manifest, _decisive(manifest, name), protocol)
            except ProtocolMismatchError as reason:
                not_fitting[name] = str(reason)
                continue
            found = write_each_fold(aside / FOLDS / f"{name}.csv", _uncrossed(manifest, protocol))
            check_pin(found, name, corpus)
            write_protocol(aside / FOLDS / f"{name}.json", protocol)
            fitting.append(name)
        if not fitting:
            raise SerError(f"No protocol fits {corpus}: it has too few speakers and statements.")
        write_json(aside / NOT_FITTING, not_fitting)
    return fitting


def _of_gender(gender: str, path: Path, takes: "pd.Series[str]") -> Iterator[tuple[Any, ...]]:
    """Rows of a manifest, each with its take group."""
    begin = 0
    for part in read_manifest_parts(path):
        groups = takes.iloc[begin : begin + len(part)].to_numpy()
        begin += len(part)
        own = part[list(COLUMNS)].assign(take_group=groups)[part["gender"] == gender]
        yield from own.itertuples(index=False, name=None)


def _decisive(manifest: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of a fold table that tell whether each clip is tested once, and who is in a fold.

    Those who only train, most of all folds, count once a fold.
    """
    parts = []
    for folds in _some_at_a_time(manifest, name):
        odd = ~folds["clip"].isin(manifest["clip"]) | folds.duplicated(["fold", "clip"], keep=False)
        first = ~folds.duplicated(["fold", "role"])
        parts.append(folds[odd | first | (folds["role"] == "test")])
    return pd.concat(parts, ignore_index=True)


def _uncrossed(manifest: pd.DataFrame, protocol: Protocol) -> Iterator[pd.DataFrame]:
    """Folds that were looked at for what crosses, some at a time."""
    for folds in _some_at_a_time(manifest, protocol.name):
        check_crossings(manifest, folds, protocol)
        yield folds


def _some_at_a_time(manifest: pd.DataFrame, name: str) -> Iterator[pd.DataFrame]:
    """Folds that are few rows together, or one that is many: all of a small corpus at once."""
    folds, at_once = each_fold(manifest, name), max(1, _ROWS // len(manifest))
    while some := list(islice(folds, at_once)):
        yield pd.concat(some, ignore_index=True)
