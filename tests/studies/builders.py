"""What tests of several studies make."""

from pathlib import Path

import numpy as np
import pandas as pd

from ser.reading.data import SystemData
from ser.core.files import write_csv
from ser.store.functionals import CLIPS, NAMES, PACK
from ser.store.packs import write_pack
from ser.guards.folds import mix_folds
from ser.splits.protocols import PROTOCOLS, assign_folds
from tests.builders import make_manifest


def write_silent_functionals(manifest: pd.DataFrame, folder: Path) -> None:
    """Functionals that say nothing of emotions, as the functionals stage writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(0).standard_normal((len(manifest), 3)).astype(np.float32)
    write_pack(folder / PACK, [values])
    write_csv(folder / CLIPS, manifest[["clip"]])
    write_csv(folder / NAMES, pd.DataFrame({"name": ["a", "b", "c"]}))


def several_corpora(**emotions: tuple[str, ...]) -> SystemData:
    """Clips and folds of several corpora by name, with the emotions of each; without features."""
    manifests = [
        make_manifest(speakers=7, corpus=name, emotions=shown, clips_each=1)
        for name, shown in emotions.items()
    ]
    folds = mix_folds([assign_folds(one, "speaker_independent") for one in manifests])
    clips = pd.concat(manifests).sort_values("clip", ignore_index=True)
    protocol = PROTOCOLS["speaker_independent"]
    return SystemData(clips, folds, protocol, pd.DataFrame(), {}, pd.DataFrame())
