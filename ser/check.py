"""All of params.yaml checked at once, whether it is in use or not, and the rules across sections.

A stage checks only the sections it uses; this is for people, before a long run.
"""

from typing import Any

from ser.clips.labels import EMOTIONS
from ser.core.errors import SerError
from ser.core.settings import Values
from ser.core.workers import find_executor, find_scheduler, n_workers
from ser.evaluation.baselines import BaselineSettings
from ser.evaluation.trials import in_studies
from ser.features.front_ends import describe_layout
from ser.features.settings import FRONT_ENDS, Augmentation, FunctionalsSettings, load_features
from ser.models.network import build_network
from ser.models.settings import Linear, Prediction
from ser.predict.release import load_plan
from ser.reading.settings import load_systems
from ser.splits.protocols import find_protocol
from ser.training.fold import crop_rows
from ser.training.settings import load_recipe, load_seeds

_TOP = {
    "optimizer",
    "optimizers",
    "model_size",
    "model_sizes",
    "seeds",
    "corpora",
    "augmentation",
    "features",
    "front_ends",
    "functionals",
    "training",
    "linear",
    "prediction",
    "systems",
    "release",
    "baselines",
    "studies",
    "processes",
    "executor",
    "scheduler",
}
# width of a row that a front end's settings do not tell
_WIDTH = 64


def check_values(values: Values) -> None:
    """Check every section and row.

    Raises:
        SerError: one sentence naming the key, what was given and what is allowed.
    """
    strange = sorted(set(values.table) - _TOP)
    if strange:
        raise SerError(
            f"{values.source}: unknown key {strange[0]!r}; remove it or correct its spelling."
        )
    for system in load_systems(values).values():
        find_protocol(system.protocol)
    load_seeds(values)
    in_studies(values)
    for key, kind in (
        ("augmentation", Augmentation),
        ("functionals", FunctionalsSettings),
        ("linear", Linear),
        ("prediction", Prediction),
        ("baselines", BaselineSettings),
    ):
        values.section(key, kind)
    n_workers()
    find_executor()
    find_scheduler()
    for choice, table in (
        ("optimizer", "optimizers"),
        ("model_size", "model_sizes"),
    ):
        for row in values.section(table, dict[str, Any]):
            load_recipe(values.changed({choice: row}))
    for row in values.section("front_ends", dict[str, Any]):
        load_features(values.changed({"features.front_end": row}))
    _check_crop(values)
    load_plan(values)


def _check_crop(values: Values) -> None:
    """A crop that the network can do with, as far as settings tell."""
    recipe, (features, settings) = load_recipe(values), load_features(values)
    width = getattr(settings, "n_mels", _WIDTH) or _WIDTH
    layout = describe_layout(features, settings, width)
    if features.front_end in FRONT_ENDS and not layout.layers:
        model = recipe.model
        crop_rows(recipe, build_network(model.network, model.settings, layout, len(EMOTIONS)))
