"""What does augmentation buy? Each effect alone, all together, none."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ser.clips import MANIFEST, read_manifest
from ser.dataset import SystemData, load_system
from ser.evaluation.marks import protocol_fields
from ser.params import Params, System
from ser.studies.copies import EFFECTS, featurize_with_copies
from ser.studies.trials import Trial, difference, run_trials, scores

PROTOCOL = "speaker_independent"
# what training changes in the features of a clip, switched off
_UNCHANGED: dict[str, Any] = {
    "mixup_probability": 0.0,
    "time_warp": 0.0,
    "frequency_warp": 0.0,
    "frequency_masks": 0,
    "time_masks": 0,
}


@dataclass(frozen=True)
class Recipe:
    """One way to augment.

    Attributes:
        name: in tables and figures.
        key: in metrics.
        effects: copies of training clips, made from the waveform, that train too.
        on_features: whether features are warped, masked and mixed, as `training` in `params.yaml`
            says.
    """

    name: str
    key: str
    effects: tuple[str, ...] = ()
    on_features: bool = False


NONE = Recipe("none", "none")
RECIPES = (
    NONE,
    Recipe("dynamic value change", "gain", ("gain",)),
    Recipe("pitch tuning", "pitch", ("pitch",)),
    Recipe("white noise", "noise", ("noise",)),
    Recipe("shifting", "shift", ("shift",)),
    Recipe("speed", "speed", ("speed",)),
    Recipe("all five", "all", EFFECTS),
    Recipe("on features only", "features", (), on_features=True),
    Recipe("all five, and on features", "everything", EFFECTS, on_features=True),
)


@dataclass(frozen=True)
class AugmentationStudy:
    """Scores of the recipes.

    Attributes:
        table: one row a recipe: `augmentation`, `uar`, `uar_low`, `uar_high`, `uar_deviation`,
            `accuracy`, and what it has gained on none: `difference`, `difference_low`,
            `difference_high`, `p`.
        metrics: the same by the recipe's key.
    """

    table: pd.DataFrame
    metrics: dict[str, Any]


def study_augmentations(params: Params, corpus: str, data: Path) -> AugmentationStudy:
    """Train the network of `studies.training` by every recipe, with the seeds of `training`.

    The network answers alone, for copies do not train the linear part beside it. Half of a fold's
    training clips are replaced by copies in each epoch (`augmentation.probability`), so that every
    recipe takes the same number of steps.

    Args:
        data: folder with `corpora` and `splits`.
    """
    seeds = params.training.seeds
    params = params.in_studies.with_training(seeds=seeds, linear_share=0.0)
    plain = params.with_training(**_UNCHANGED)
    system = System(corpus=corpus, gender="all", protocol=PROTOCOL)
    with tempfile.TemporaryDirectory() as folder:
        built = data / "corpora" / corpus
        manifest = read_manifest(built / MANIFEST)
        features = featurize_with_copies(params, manifest, built, Path(folder))
        every = load_system(params, system, data / "splits", features)
        trials = [
            Trial(
                recipe.key,
                params if recipe.on_features else plain,
                only_effects(every, recipe.effects),
            )
            for recipe in RECIPES
        ]
        predictions = run_trials(trials, f"{corpus}: augmentations")
    return describe_recipes(predictions)


def only_effects(data: SystemData, effects: tuple[str, ...]) -> SystemData:
    """The same clips, with copies by these effects only."""
    kept = data.index["effect"].isin(["", *effects])
    return replace(data, index=data.index[kept].reset_index(drop=True))


def describe_recipes(predictions: dict[str, pd.DataFrame]) -> AugmentationStudy:
    """Scores of every recipe, from its predictions by its key."""
    rows, metrics = [], {}
    for recipe in RECIPES:
        own = predictions[recipe.key]
        gained = difference(predictions[NONE.key], own)
        if recipe is NONE:  # it has gained nothing on itself, and certainly so
            gained = dict.fromkeys(gained)
        found = {**scores(own), **gained}
        rows.append({"augmentation": recipe.name, **found})
        metrics[recipe.key] = {**protocol_fields(PROTOCOL, ""), **found}
    return AugmentationStudy(pd.DataFrame(rows), metrics)
