"""What tests of several studies make."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ser.core.settings import Values
from ser.guards.folds import mix_folds
from ser.reading.data import SystemData
from ser.splits.protocols import PROTOCOLS, assign_folds
from studies.copies import EFFECTS
from studies.reference import PROTOCOL, reference, train_trial
from studies.study import COPIES, DATA, MODELS
from tests.builders import (
    CORPUS,
    LAYOUT,
    make_manifest,
    make_predictions,
    make_values,
    separable_features,
    write_corpus,
    write_features,
    write_splits,
)


def study_values(**changes: Any) -> Values:
    """Quick parameters of studies with two seeds and a linear part; changes by dotted key."""
    return make_values({"studies.training.seeds": [0, 3], "linear.share": 0.4, **changes})


def write_study(
    *protocols: str, manifest: pd.DataFrame | None = None, copies: bool = False, **more: Any
) -> pd.DataFrame:
    """All that studies read of one corpus, in this folder.

    Args:
        protocols: whose folds are there, besides the one of the reference.
        copies: whether there are augmented copies, as the stage `copies` makes them.
        more: goes to `write_corpus`.
    """
    manifest = make_manifest(speakers=6) if manifest is None else manifest
    corpus = str(manifest["corpus"].iloc[0])
    write_corpus(DATA, manifest, protocol=PROTOCOL, **more)
    for protocol in protocols:
        write_splits(manifest, DATA / "splits" / corpus, protocol)
    if copies:
        made = {
            f"{clip}+{effect}": values
            for number, effect in enumerate(EFFECTS)
            for clip, values in separable_features(manifest, seed=1 + number).items()
        }
        write_features(COPIES / corpus, separable_features(manifest), made, LAYOUT)
    return manifest


def train_reference(values: Values) -> None:
    """What the stage `reference` makes of `write_study`'s corpus."""
    train_trial(reference(values, CORPUS), MODELS / CORPUS)


def answers(share: float, protocol: str = PROTOCOL, seeds: Sequence[int] = (0, 1)) -> pd.DataFrame:
    """Predictions of which about a share is right, with the mark of their protocol."""
    table = make_predictions(accuracy=lambda _: share, seeds=seeds, clips_each=10)
    return table.assign(**PROTOCOLS[protocol].fields)


def several_corpora(**emotions: tuple[str, ...]) -> SystemData:
    """Clips and folds of several corpora by name, with the emotions of each; without features."""
    manifests = [
        make_manifest(speakers=7, corpus=name, emotions=shown, clips_each=1)
        for name, shown in emotions.items()
    ]
    folds = mix_folds([assign_folds(one, PROTOCOL) for one in manifests])
    clips = pd.concat(manifests).sort_values("clip", ignore_index=True)
    return SystemData(clips, folds, PROTOCOLS[PROTOCOL], pd.DataFrame(), {}, LAYOUT, {})


def noise_functionals(manifest: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Functionals that say nothing of emotions: one row a clip (its index)."""
    values = np.random.default_rng(0).standard_normal((len(manifest), len(names)))
    return pd.DataFrame(values, index=manifest["clip"].tolist(), columns=list(names))
