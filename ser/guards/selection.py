"""The clips of a system, and the role of each in every fold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ser.clips.manifest import read_genders
from ser.core.errors import SerError
from ser.core.tables import read_json
from ser.guards.checks import check_crossings, check_folds
from ser.guards.folds import in_order, mix_folds, read_folds, select_gender
from ser.guards.protocol import Protocol, read_protocol

FOLDS = "folds"
# why each of the other protocols does not fit a corpus
NOT_FITTING = "not_fitting.json"


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
    manifest = _read_manifests(splits, corpora)
    tables = [_read_folds(splits / name, protocol) for name in corpora]
    found, *others = [read_protocol(splits / name / FOLDS / f"{protocol}.json") for name in corpora]
    if any(other != found for other in others):
        raise SerError(
            f"Protocol {protocol} differs between {', '.join(corpora)}; run `dvc repro`."
        )
    folds = mix_folds(tables)
    clips, folds = select_gender(manifest, folds, gender)
    check_folds(clips, folds, found)
    if helpers:
        clips, folds = _with_helpers(clips, folds, _read_manifests(splits, helpers))
        check_crossings(clips, folds, found)
    return SystemClips(clips, folds, found)


def _read_manifests(splits: Path, corpora: Sequence[str]) -> pd.DataFrame:
    return pd.concat(
        [read_genders(splits / name) for name in corpora], ignore_index=True
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


def _read_folds(corpus: Path, protocol: str) -> pd.DataFrame:
    tables = corpus / FOLDS
    if tables.is_dir() and not (tables / f"{protocol}.csv").is_file():
        names = sorted(path.stem for path in tables.glob("*.csv"))
        honest = sorted(names, key=lambda name: name.startswith("leaky"))  # those come last
        why = read_json(corpus / NOT_FITTING, "The list of protocols").get(protocol, "")
        reason = f" ({why.rstrip('.')})" if why else ""
        raise SerError(
            f"Protocol {protocol} does not fit {corpus.name}{reason}; these do: "
            f"{', '.join(honest)}."
        )
    return read_folds(tables / f"{protocol}.csv")
