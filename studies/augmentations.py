"""What does augmentation buy? Each effect alone, all together, none.

In: data/splits, data/features, data/studies (copies) and models/studies (the reference) of a
corpus. Params: studies.training and all that training reads.
Out: plots/studies/augmentations/<corpus>.csv.
"""

from dataclasses import dataclass, replace
from typing import Any

from ser.core.settings import Values
from ser.evaluation.trials import Trial, compared, run_trials
from ser.reading.data import SystemData
from studies.copies import EFFECTS
from studies.reference import load, reference_predictions
from studies.study import Tables, run_study

# what training changes in the features of a clip, switched off
_UNCHANGED: dict[str, Any] = {
    "training.mixup_probability": 0.0,
    "training.time_warp": 0.0,
    "training.frequency_warp": 0.0,
    "training.frequency_masks": 0,
    "training.time_masks": 0,
}
NONE, ON_FEATURES = "none", "on features only"


@dataclass(frozen=True)
class Way:
    """One way to augment.

    Attributes:
        effects: copies of training clips, made from the waveform, that train too.
        on_features: whether features are warped, masked and mixed, as `training` in params.yaml
            says.
    """

    name: str
    effects: tuple[str, ...] = ()
    on_features: bool = False


WAYS = (
    Way(NONE),
    Way("dynamic value change", ("gain",)),
    Way("pitch tuning", ("pitch",)),
    Way("white noise", ("noise",)),
    Way("shifting", ("shift",)),
    Way("speed", ("speed",)),
    Way("all five", EFFECTS),
    Way(ON_FEATURES, on_features=True),
    Way("all five, and on features", EFFECTS, on_features=True),
)


def study_augmentations(values: Values, corpus: str) -> Tables:
    """Train the network of studies in every way.

    The network answers alone, for copies do not train the linear part beside it. Clips are replaced
    by copies as `training.copy_probability` says, so every way takes the same number of steps. On
    features only is how the reference is trained.

    Returns:
        One row a way, as `compared` gives it, with none as the reference.
    """
    every = load(corpus, copies=True, with_functionals=False)
    plain = values.changed(_UNCHANGED)
    trials = []
    for way in WAYS:
        settings, data = values if way.on_features else plain, only_effects(every, way.effects)
        trials.append(Trial.of(way.name, settings, data, with_linear=False))
    trained = [trial for trial in trials if trial.name != ON_FEATURES]
    found = run_trials(trained, f"{corpus}: augmentations")
    found[ON_FEATURES] = reference_predictions(values, corpus, with_linear=False)
    return {"": compared({way.name: found[way.name] for way in WAYS}, NONE)}


def only_effects(data: SystemData, effects: tuple[str, ...]) -> SystemData:
    """The same clips, with copies by these effects only."""
    kept = data.index["effect"].isin(["", *effects])
    return replace(data, index=data.index[kept].reset_index(drop=True))


if __name__ == "__main__":
    run_study("augmentations", study_augmentations)
