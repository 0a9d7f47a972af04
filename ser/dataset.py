"""The features a system sees in each fold, and the one way to them: every reading is checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from ser.clips import speaker_keys
from ser.errors import SerError
from ser.feature_store import PACK, read_index
from ser.functional_store import read_functionals
from ser.normalization import Normalizer
from ser.packs import Pack
from ser.params import Params, System
from ser.splits.crossings import Crossing
from ser.splits.guards import Purpose, check_reading
from ser.splits.selection import SystemClips, load_clips


@dataclass(frozen=True)
class SystemData(SystemClips):
    """Everything a system reads: clips, folds, and where features lie.

    Attributes:
        index: features of clips and copies, with the `corpus` whose pack holds them.
        packs: feature packs by corpus.
        functionals: one row a clip, for the linear part; without columns if none were asked for.
    """

    index: pd.DataFrame
    packs: dict[str, Path]
    functionals: pd.DataFrame


def load_system(
    params: Params,
    system: System,
    splits: Path,
    features: Path,
    functionals: Path | None = None,
) -> SystemData:
    """Read the tables of a system and check its folds.

    Args:
        splits: folder with a folder per corpus, as the split stage writes them.
        features: folder with a folder per corpus, as the featurize stage writes them.
        functionals: the same for the functionals stage; only a linear part needs them.

    Raises:
        LeakError: if folds leak what their protocol does not declare.
        SerError: if a table is missing or damaged, or clips have no features.
    """
    tested, helpers = params.corpora_of(system), params.helpers_of(system)
    corpora = [*tested, *helpers]
    chosen = load_clips(splits, tested, system.protocol, system.gender, helpers)
    tables = [read_index(features / name).assign(corpus=name) for name in corpora]
    index = pd.concat(tables, ignore_index=True)
    packs = {name: features / name / PACK for name in corpora}
    described = [read_functionals(functionals / name) for name in corpora if functionals]
    table = pd.concat(described) if described else pd.DataFrame()
    data = SystemData(chosen.clips, chosen.folds, chosen.protocol, index, packs, table)
    _check_features(data, features)
    return data


def _check_features(data: SystemData, features: Path) -> None:
    featured = set(data.index.loc[data.index["effect"] == "", "item"])
    missing = [clip for clip in data.clips["clip"] if clip not in featured]
    if missing:
        raise SerError(f"Clip {missing[0]} has no features in {features}; run `dvc repro`.")
    has_copies = (data.index["effect"] != "").any()
    if Crossing.COPY in data.protocol.crosses and not has_copies:
        raise SerError(
            f"Protocol {data.protocol.name} is about augmented copies, but there are none; enable "
            "an effect under augmentation in params.yaml."
        )


def clips_only(data: SystemData, clips: pd.DataFrame) -> pd.DataFrame:
    """Index rows of the clips themselves, without their copies: what validates and tests."""
    rows = data.index[(data.index["effect"] == "") & data.index["clip"].isin(clips["clip"])]
    return rows.sort_values("item", ignore_index=True)


def training_items(data: SystemData, fold: int) -> pd.DataFrame:
    """Index rows of the clips that train in a fold, and of the copies made from them.

    Under a protocol whose copies cross, copies are dealt to the folds by themselves, as if they
    were clips: most copies of a held-out clip then train.
    """
    training = data.with_role(fold, "train")["clip"]
    rows = data.index[data.index["clip"].isin(training)]
    if Crossing.COPY in data.protocol.crosses:
        copies = data.index[
            (data.index["effect"] != "") & data.index["clip"].isin(data.clips["clip"])
        ]
        n_folds = len(data.fold_numbers)
        dealt = copies["item"].map(lambda item: _dealt_fold(item, n_folds))
        # neither in the fold that is tested nor in the next, whose clips validate
        kept = copies[~dealt.isin([fold, (fold + 1) % n_folds])]
        rows = pd.concat([rows[rows["effect"] == ""], kept])
    return rows.sort_values("item", ignore_index=True)


def _dealt_fold(item: str, n_folds: int) -> int:
    return int(sha256(item.encode()).hexdigest(), 16) % n_folds


class FoldReader:
    """The one way to the features of a fold: a reading names its purpose, and is checked first.

    Attributes:
        uses: items that were read, by purpose; a model keeps it, and is checked by it again.
    """

    def __init__(self, data: SystemData, fold: int) -> None:
        self.data = data
        self.uses: dict[str, set[str]] = {}
        self._roles = data.roles(fold)
        self._packs: dict[str, Pack] = {}

    def read(self, items: pd.DataFrame, purpose: Purpose) -> list[Tensor]:
        """Features of index rows, each of shape (rows, bands), as 32-bit floats.

        Raises:
            LeakError: if an item is held out from this purpose.
        """
        check_reading(items, self._roles, purpose, self.data.protocol)
        self.uses.setdefault(purpose.value, set()).update(items["item"])
        return [
            torch.from_numpy(self._pack(row.corpus).rows(row.start, row.length)).float()
            for row in items.itertuples()
        ]

    def read_normalized(
        self, items: pd.DataFrame, purpose: Purpose, normalizer: Normalizer
    ) -> list[Tensor]:
        """The same, normalised; by each speaker's own clips if the normaliser is a speaker's."""
        features = self.read(items, purpose)
        if normalizer.kind != "speaker":
            return [normalizer(clip) for clip in features]
        keys = dict(zip(self.data.clips["clip"], speaker_keys(self.data.clips), strict=True))
        speakers = items["clip"].map(keys)
        own = {speaker: self._speaker_normalizer(speaker) for speaker in speakers.unique()}
        return [own[who](clip) for who, clip in zip(speakers, features, strict=True)]

    def _speaker_normalizer(self, speaker: str) -> Normalizer:
        clips = self.data.clips[speaker_keys(self.data.clips) == speaker]
        taking_part = clips[clips["clip"].isin(self._roles)]
        own = self.read(clips_only(self.data, taking_part), Purpose.STATISTICS)
        return Normalizer.fit("speaker", own)

    def _pack(self, corpus: str) -> Pack:
        if corpus not in self._packs:
            self._packs[corpus] = Pack(self.data.packs[corpus])
        return self._packs[corpus]


def check_uses(data: SystemData, fold: int, uses: dict[str, set[str]]) -> None:
    """Check what a model says it was made from against the folds as they are now.

    Raises:
        LeakError: if it was made from something that is held out in this fold.
        SerError: if it was made from something that is not among the features, or for a use that
            is unknown.
    """
    roles = data.roles(fold)
    for purpose, used in sorted(uses.items()):
        if purpose not in set(Purpose):
            raise SerError(f"A model was made for the unknown use {purpose!r}; run `dvc repro`.")
        items = data.index[data.index["item"].isin(used)]
        if len(items) < len(used):
            strange = min(used - set(items["item"]))
            raise SerError(f"A model was made from {strange}, which has no features now.")
        check_reading(items, roles, Purpose(purpose), data.protocol)


def encode(clips: pd.DataFrame, items: pd.DataFrame, emotions: Sequence[str]) -> Tensor:
    """Class of every item as an index into `emotions`, shape (items,)."""
    label = dict(zip(clips["clip"], clips["emotion"], strict=True))
    return torch.tensor([emotions.index(label[clip]) for clip in items["clip"]])
