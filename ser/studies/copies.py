"""Augmented copies of a corpus for studies that need them whatever `params.yaml` switches on."""

from pathlib import Path

import pandas as pd

from ser.augmentation import augment_corpus
from ser.features import featurize_corpus
from ser.params import Augmentation, Params

# the original project's four (dynamic value change, pitch tuning, white noise, shifting), and speed
EFFECTS = ("gain", "pitch", "noise", "shift", "speed")


def with_effects(settings: Augmentation, effects: tuple[str, ...] = EFFECTS) -> Augmentation:
    """The same settings with these effects switched on, and no others."""
    changes = {
        name: getattr(settings, name).model_copy(update={"enabled": name in effects})
        for name in EFFECTS
    }
    return settings.model_copy(update=changes)


def featurize_with_copies(
    params: Params, manifest: pd.DataFrame, corpus: Path, folder: Path
) -> Path:
    """Features of a built corpus and of copies by every effect, in `folder/features/<corpus>`.

    Returns:
        The folder `folder/features`.
    """
    copies, features = folder / "augmented" / corpus.name, folder / "features"
    augment_corpus(manifest, corpus, copies, with_effects(params.augmentation), params.processes)
    out = features / corpus.name
    featurize_corpus(manifest, corpus, copies, out, params.features, params.processes)
    return features
