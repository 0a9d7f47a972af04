"""The clips a system sees in each role of a fold, and the guards that keep all others out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from ser.clips import read_manifest
from ser.errors import LeakError, SerError
from ser.feature_store import PACK, read_index
from ser.packs import Pack
from ser.params import Params, System
from ser.splits import check_folds, mix_folds, read_folds, select_gender

GENDER_FILES = ("female.csv", "male.csv")
FOLDS = "folds.csv"


@dataclass(frozen=True)
class SystemData:
    """Everything a system reads: clips, folds, and where features lie.

    Attributes:
        clips: the manifest of the system's clips, sorted by clip.
        folds: their fold table.
        index: features of clips and copies, with the `corpus` whose pack holds them.
        packs: feature packs by corpus.
    """

    clips: pd.DataFrame
    folds: pd.DataFrame
    index: pd.DataFrame
    packs: dict[str, Path]

    def with_role(self, fold: int, role: str) -> pd.DataFrame:
        """Clips that have `role` in `fold`, in the order of the manifest."""
        rows = self.folds[(self.folds["fold"] == fold) & (self.folds["role"] == role)]
        return self.clips[self.clips["clip"].isin(rows["clip"])]


def load_system(params: Params, system: System, splits: Path, features: Path) -> SystemData:
    """Read the tables of a system and check its folds.

    Args:
        splits: folder with a folder per corpus, as the split stage writes them.
        features: folder with a folder per corpus, as the featurize stage writes them.

    Raises:
        LeakError: if a speaker or take stands on two sides of a fold.
        SerError: if a table is missing or damaged, or clips have no features.
    """
    corpora = params.corpora_of(system)
    manifest = pd.concat(
        [read_manifest(splits / name / file) for name in corpora for file in GENDER_FILES],
        ignore_index=True,
    ).sort_values("clip", ignore_index=True)
    folds = mix_folds([read_folds(splits / name / FOLDS) for name in corpora])
    clips, folds = select_gender(manifest, folds, system.gender)
    check_folds(clips, folds)
    tables = [read_index(features / name).assign(corpus=name) for name in corpora]
    index = pd.concat(tables, ignore_index=True)
    packs = {name: features / name / PACK for name in corpora}
    data = SystemData(clips, folds, index, packs)
    _check_features(data, features)
    return data


def _check_features(data: SystemData, features: Path) -> None:
    featured = set(data.index.loc[data.index["effect"] == "", "item"])
    missing = [clip for clip in data.clips["clip"] if clip not in featured]
    if missing:
        raise SerError(f"Clip {missing[0]} has no features in {features}; run `dvc repro`.")


def clips_only(data: SystemData, clips: pd.DataFrame) -> pd.DataFrame:
    """Index rows of the clips themselves, without their copies: what validates and tests."""
    rows = data.index[(data.index["effect"] == "") & data.index["clip"].isin(clips["clip"])]
    return rows.sort_values("item", ignore_index=True)


def with_copies(data: SystemData, clips: pd.DataFrame) -> pd.DataFrame:
    """Index rows of clips and of all copies made from them: what trains."""
    rows = data.index[data.index["clip"].isin(clips["clip"])]
    return rows.sort_values("item", ignore_index=True)


def check_training_items(items: pd.DataFrame, training: pd.DataFrame) -> None:
    """The guard before every fold: what trains, and what it was made from, has the role "train".

    Args:
        items: index rows about to be trained on.
        training: clips that train in this fold.

    Raises:
        LeakError: naming the clip or copy that has no business there.
    """
    allowed = set(training["clip"])
    for row in items.itertuples():
        if row.clip not in allowed:
            what = "an augmented copy of" if row.effect else "clip"
            raise LeakError(f"Training would see {what} {row.clip}, which is held out.")
        source = str(row.item).partition("+")[0]
        if source != row.clip:
            raise LeakError(f"{row.item} claims to come from {row.clip}, but its name differs.")


def check_held_out_items(items: pd.DataFrame) -> None:
    """The guard before validation and test: no augmented copy is scored.

    Raises:
        LeakError: naming the copy.
    """
    copies = items[(items["effect"] != "") | (items["item"] != items["clip"])]
    if not copies.empty:
        raise LeakError(f"Augmented copy {copies.iloc[0]['item']} must not be scored.")


def read_features(data: SystemData, items: pd.DataFrame) -> list[Tensor]:
    """Features of index rows, each of shape (rows, bands), as 32-bit floats."""
    packs = {corpus: Pack(data.packs[corpus]) for corpus in items["corpus"].unique()}
    return [
        torch.from_numpy(packs[row.corpus].rows(row.start, row.length)).float()
        for row in items.itertuples()
    ]


def encode(clips: pd.DataFrame, items: pd.DataFrame, emotions: Sequence[str]) -> Tensor:
    """Class of every item as an index into `emotions`, shape (items,)."""
    label = dict(zip(clips["clip"], clips["emotion"], strict=True))
    return torch.tensor([emotions.index(label[clip]) for clip in items["clip"]])
