"""Everything a system reads: its clips and folds, and where features and functionals lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ser.clips.labels import ordered
from ser.core.errors import SerError
from ser.guards.checks import Purpose, check_reading
from ser.guards.crossings import Crossing
from ser.guards.selection import SystemClips, load_clips
from ser.reading.settings import System
from ser.store.features import PACK, Layout, check_pack, read_index, read_layout
from ser.store.functionals import Functionals

# what training and prediction read of a clip
_READ = ("clip", "corpus", "language", "speaker", "gender", "emotion", "intensity")


@dataclass(frozen=True)
class SystemData(SystemClips):
    """Everything a system reads.

    Attributes:
        index: features of clips and copies, with the `corpus` whose pack holds them.
        packs: feature packs by corpus.
        layout: what a row of features is.
        functional_folders: where functionals lie, by corpus; empty if none were asked for.
    """

    index: pd.DataFrame
    packs: dict[str, Path]
    layout: Layout
    functional_folders: dict[str, Path]

    @property
    def functionals(self) -> dict[str, Functionals]:
        """Functionals by corpus; empty if none were asked for.

        Raises:
            SerError: if a file is missing or damaged, or corpora have other functionals.
        """
        return _functionals(tuple(self.functional_folders.items()))

    @property
    def functional_names(self) -> list[str]:
        """Names of the functionals, in order."""
        return next(iter(self.functionals.values())).names.tolist()


@lru_cache(maxsize=4)
def _functionals(folders: tuple[tuple[str, Path], ...]) -> dict[str, Functionals]:
    """Opened once a process."""
    found = {name: Functionals(folder) for name, folder in folders}
    for name, folder in folders:
        if not found[name].names.equals(found[folders[0][0]].names):
            raise SerError(
                f"The functionals in {folder} are not those in {folders[0][1]}; run `dvc repro`."
            )
    return found


def load_system(
    system: System,
    data: Path,
    *,
    features: Path | None = None,
    with_functionals: bool = True,
    with_details: bool = True,
) -> SystemData:
    """Read the tables of a system and check its folds.

    Args:
        data: folder with `splits`, `features` and `functionals`, each with a folder per corpus.
        features: features that lie elsewhere.
        with_functionals: whether functionals will be read.
        with_details: whether clips keep what is read no more once folds are checked, such as the
            hashes of their samples.

    Raises:
        LeakError: if folds leak what their protocol does not declare.
        SerError: if a table is missing or damaged, or clips have no features.
    """
    features = features or data / "features"
    chosen = load_clips(
        data / "splits", system.corpora, system.protocol, system.gender, system.helpers
    )
    clips = chosen.clips if with_details else chosen.clips[list(_READ)]
    corpora = system.all_corpora
    tables = [read_index(features / name).assign(corpus=name) for name in corpora]
    layouts = {name: read_layout(features / name) for name in corpora}
    found = SystemData(
        clips,
        chosen.folds,
        chosen.protocol,
        pd.concat(tables, ignore_index=True),
        {name: features / name / PACK for name in corpora},
        layouts[corpora[0]],
        {name: data / "functionals" / name for name in corpora if with_functionals},
    )
    for name, layout in layouts.items():
        if layout != found.layout:
            raise SerError(
                f"The features of {name} are not laid out as those of {corpora[0]}; run "
                "`dvc repro`."
            )
    _check_features(found, features)
    for name, table in zip(corpora, tables, strict=True):
        check_pack(features / name, table, found.layout)
    return found


def _check_features(data: SystemData, features: Path) -> None:
    doubled = data.index.loc[data.index["item"].duplicated(), "item"]
    if not doubled.empty:
        raise SerError(f"{doubled.iloc[0]} has features twice in {features}; run `dvc repro`.")
    featured = data.index.loc[data.index["effect"] == "", "item"]
    missing = data.clips.loc[~data.clips["clip"].isin(featured), "clip"]
    if not missing.empty:
        raise SerError(f"Clip {missing.iloc[0]} has no features in {features}; run `dvc repro`.")
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


def at_most(clips: pd.DataFrame, most: int) -> pd.DataFrame:
    """The clips, or if there are more than `most`, a draw: of every corpus and emotion alike."""
    if len(clips) <= most:
        return clips
    drawn = clips.sample(frac=1, random_state=0)
    kinds = drawn.groupby(["corpus", "emotion"])
    each = max(1, most // kinds.ngroups)
    return drawn[kinds.cumcount() < each].sort_index()


def check_uses(data: SystemData, fold: int, uses: dict[str, set[str]]) -> None:
    """Check what a model says it was made from against the folds as they are now.

    Raises:
        LeakError: if it was made from something that is held out in this fold.
        SerError: if it was made from nothing, from something that is not among the features, or for
            a use that is unknown.
    """
    if not uses.get(Purpose.TRAIN.value):
        raise SerError("A model does not say what trained it; run `dvc repro`.")
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
    """Class of every item as an index into `emotions`, shape (items,); -1 for none of them."""
    number = {emotion: place for place, emotion in enumerate(emotions)}
    numbers = np.array([number.get(emotion, -1) for emotion in clips["emotion"]], dtype=np.int64)
    places = pd.Index(clips["clip"]).get_indexer(items["clip"])
    if (places < 0).any():
        raise KeyError(items["clip"].iloc[int((places < 0).argmax())])
    return torch.from_numpy(numbers[places])


def trained_emotions(data: SystemData, fold: int) -> tuple[str, ...]:
    """Emotions of the training clips of a fold, in order: those that its model can answer.

    An emotion that only the fold's other speakers show has the probability 0 there.

    Raises:
        SerError: if there are not two of them.
    """
    emotions = tuple(ordered(data.with_role(fold, "train")["emotion"]))
    if len(emotions) < 2:
        raise SerError(
            f"Only {' and '.join(emotions) or 'nothing'} is shown by the speakers who train in "
            f"fold {fold} of protocol {data.protocol.name}; choose another protocol in params.yaml."
        )
    return emotions
