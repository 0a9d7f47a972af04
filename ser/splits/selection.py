"""The clips of a system, and the role of each in every fold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ser.clips import GENDERS, read_manifest, write_manifest
from ser.errors import SerError
from ser.files import whole_folder
from ser.splits.folds import in_order, mix_folds, read_folds, select_gender, write_folds
from ser.splits.guards import check_crossings, check_folds
from ser.splits.mismatch import ProtocolMismatchError
from ser.splits.pins import check_pin
from ser.splits.protocols import PROTOCOLS, Protocol, assign_folds, find_protocol

FOLDS = "folds"


@dataclass(frozen=True)
class SystemClips:
    """What a system is trained and tested on.

    Attributes:
        clips: the manifest of the system's clips, sorted by clip.
        folds: their fold table.
        protocol: the protocol that the folds follow.

    Clips of helping corpora train in every fold and are in no other role.
    """

    clips: pd.DataFrame
    folds: pd.DataFrame
    protocol: Protocol

    @property
    def fold_numbers(self) -> list[int]:
        """Numbers of the folds, in order."""
        return sorted(int(number) for number in self.folds["fold"].unique())

    def roles(self, fold: int) -> dict[str, str]:
        """Role of every clip that takes part in a fold."""
        rows = self.folds[self.folds["fold"] == fold]
        return dict(zip(rows["clip"], rows["role"], strict=True))

    @property
    def tested(self) -> pd.DataFrame:
        """The clips that are tested: all but those of helping corpora."""
        return self.clips[
            self.clips["clip"].isin(self.folds.loc[self.folds["role"] == "test", "clip"])
        ]

    def with_role(self, fold: int, role: str) -> pd.DataFrame:
        """Clips that have `role` in `fold`, in the order of the manifest."""
        rows = self.folds[(self.folds["fold"] == fold) & (self.folds["role"] == role)]
        return self.clips[self.clips["clip"].isin(rows["clip"])]


def split_corpus(manifest: pd.DataFrame, out: Path) -> list[str]:
    """Write a manifest for each gender, and the fold table of every protocol that fits.

    Args:
        manifest: clips of one corpus, with a column `take_group`.
        out: gets `female.csv`, `male.csv` and `folds/<protocol>.csv`, whole or not at all.

    Returns:
        Names of the protocols.

    Raises:
        LeakError: if folds leak what their protocol does not declare.
        SerError: if no protocol fits, or folds differ from the pinned ones.
    """
    corpus = str(manifest["corpus"].iloc[0])
    fitting = []
    with whole_folder(out) as aside:
        for gender in GENDERS:
            write_manifest(aside / f"{gender}.csv", manifest[manifest["gender"] == gender])
        for name, protocol in PROTOCOLS.items():
            try:
                folds = assign_folds(manifest, name)
                check_folds(manifest, folds, protocol)
            except ProtocolMismatchError:
                continue
            check_pin(folds, name, corpus)
            write_folds(aside / FOLDS / f"{name}.csv", folds)
            fitting.append(name)
        if not fitting:
            raise SerError(f"No protocol fits {corpus}: it has too few speakers and statements.")
    return fitting


def load_clips(
    splits: Path,
    corpora: Sequence[str],
    protocol: str,
    gender: str,
    helpers: Sequence[str] = (),
) -> SystemClips:
    """Read the tables of a system and check its folds.

    Args:
        splits: folder with a folder per corpus, as the split stage writes them.
        corpora: names of the corpora that are tested.
        protocol: name of the protocol.
        gender: female, male or all.
        helpers: names of corpora whose clips train in every fold, as far as their emotions are
            among those of the tested corpora.

    Raises:
        LeakError: if folds leak what their protocol does not declare.
        SerError: if a table is missing or damaged, or the protocol does not fit.
    """
    found = find_protocol(protocol)
    manifest = _read_manifests(splits, corpora)
    folds = mix_folds([_read_protocol(splits / name, protocol) for name in corpora])
    clips, folds = select_gender(manifest, folds, gender)
    check_folds(clips, folds, found)
    if helpers:
        clips, folds = _with_helpers(clips, folds, _read_manifests(splits, helpers))
        check_crossings(clips, folds, found)
    return SystemClips(clips, folds, found)


def _read_manifests(splits: Path, corpora: Sequence[str]) -> pd.DataFrame:
    return pd.concat(
        [read_manifest(splits / name / f"{each}.csv") for name in corpora for each in GENDERS],
        ignore_index=True,
    ).sort_values("clip", ignore_index=True)


def _with_helpers(
    clips: pd.DataFrame, folds: pd.DataFrame, helping: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Clips and folds with those of other corpora, which train in every fold."""
    helping = helping[helping["emotion"].isin(clips["emotion"])]
    rows = [
        pd.DataFrame({"fold": fold, "clip": helping["clip"], "role": "train"})
        for fold in sorted(folds["fold"].unique())
    ]
    everyone = pd.concat([clips, helping]).sort_values("clip", ignore_index=True)
    return everyone, in_order(pd.concat([folds, *rows]))


def _read_protocol(corpus: Path, protocol: str) -> pd.DataFrame:
    tables = corpus / FOLDS
    if tables.is_dir() and not (tables / f"{protocol}.csv").is_file():
        fitting = ", ".join(sorted(path.stem for path in tables.glob("*.csv")))
        raise SerError(
            f"Protocol {protocol} does not fit {corpus.name}; these do: {fitting}. Choose one in "
            "params.yaml."
        )
    return read_folds(tables / f"{protocol}.csv")
