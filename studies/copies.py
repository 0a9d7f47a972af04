"""Augmented copies of a corpus for studies, whatever params.yaml switches on.

In: data/corpora/<corpus>. Params: augmentation, features.
Out: data/studies/<corpus>, features of clips and of copies by every effect.
"""

from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

from ser.clips.listing import ClipFiles
from ser.core.entry import run
from ser.core.settings import Values, load_values
from ser.features.augmentation import augment_corpus
from ser.features.front_ends import featurize_corpus
from ser.features.settings import Augmentation, load_features
from studies.study import COPIES, DATA

# the original project's four (dynamic value change, pitch tuning, white noise, shifting), and speed
EFFECTS = tuple(Augmentation.model_fields)


def with_effects(values: Values, effects: Collection[str]) -> Augmentation:
    """The settings of augmentation with these effects switched on, and no others."""
    switches = {f"augmentation.{name}.enabled": name in effects for name in EFFECTS}
    settings: Augmentation = values.changed(switches).section("augmentation", Augmentation)
    return settings


def featurize_with_copies(
    values: Values, corpus: Path, effects: Collection[str], out: Path
) -> None:
    """Write features of a built corpus and of copies by some effects to the folder `out`."""
    files = ClipFiles.read(corpus)
    with TemporaryDirectory() as folder:
        copies = Path(folder) / corpus.name
        augment_corpus(files, copies, with_effects(values, effects))
        featurize_corpus(files, copies, out, *load_features(values))


def main(corpus: str) -> None:
    """Make copies of CORPUS."""
    featurize_with_copies(load_values(), DATA / "corpora" / corpus, EFFECTS, COPIES / corpus)


if __name__ == "__main__":
    run(main)
