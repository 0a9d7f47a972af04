"""The division of one corpus: by gender, and into folds by every protocol that fits."""

from pathlib import Path

import pandas as pd

from ser.clips.manifest import GENDERS, UNKNOWN, write_manifest
from ser.core.errors import SerError
from ser.core.files import whole_folder, write_csv, write_json
from ser.guards.checks import check_folds
from ser.guards.folds import write_folds
from ser.guards.mismatch import ProtocolMismatchError
from ser.guards.protocol import write_protocol
from ser.guards.selection import FOLDS, NOT_FITTING
from ser.splits.pins import check_pin
from ser.splits.protocols import PROTOCOLS, assign_folds
from ser.splits.takes import group_takes


def split_corpus(manifest: pd.DataFrame, pairs: pd.DataFrame, out: Path) -> list[str]:
    """Write a manifest for each gender, and the fold table of every protocol that fits.

    Args:
        manifest: clips of one corpus.
        pairs: those of them that are one recording, as `find_pairs` lists them.
        out: gets `takes.csv`, a manifest for each gender, and `folds/<protocol>.csv` and `.json`,
            whole or not at all.

    Returns:
        Names of the protocols.

    Raises:
        LeakError: if folds leak what their protocol does not declare.
        SerError: if no protocol fits, or folds differ from the pinned ones.
    """
    corpus = str(manifest["corpus"].iloc[0])
    manifest = manifest.assign(take_group=group_takes(manifest, pairs))
    fitting, not_fitting = [], {}
    with whole_folder(out) as aside:
        write_csv(aside / "takes.csv", pairs, decimals=3)
        for gender in (*GENDERS, UNKNOWN):
            write_manifest(aside / f"{gender}.csv", manifest[manifest["gender"] == gender])
        for name, protocol in PROTOCOLS.items():
            try:
                folds = assign_folds(manifest, name)
                check_folds(manifest, folds, protocol)
            except ProtocolMismatchError as reason:
                not_fitting[name] = str(reason)
                continue
            check_pin(folds, name, corpus)
            write_folds(aside / FOLDS / f"{name}.csv", folds)
            write_protocol(aside / FOLDS / f"{name}.json", protocol)
            fitting.append(name)
        if not fitting:
            raise SerError(f"No protocol fits {corpus}: it has too few speakers and statements.")
        write_json(aside / NOT_FITTING, not_fitting)
    return fitting
