"""The three original notebooks, run again: under their own random split, and under ours.

In: data/corpora and data/splits of a corpus. Params: augmentation, front_ends.mean_mfcc, the sizes
of the network `notebook`, studies.training.seeds, training.
Out: plots/studies/notebooks/<corpus>.csv and <corpus>_history.csv.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from ser.clips.manifest import GENDERS
from ser.core.settings import Values
from ser.evaluation.trials import Trial, run_with_history, scores
from ser.reading.data import load_system
from ser.reading.settings import System
from ser.training.settings import load_recipe, load_seeds
from studies.copies import featurize_with_copies
from studies.reference import PROTOCOL
from studies.study import DATA, Tables, run_study

# the notebooks' own copies: dynamic value change, pitch tuning, white noise, shifting
EFFECTS = ("gain", "pitch", "noise", "shift")
EPOCHS = 30
# mean MFCCs of whole clips
_FEATURES = {"features.front_end": "mean_mfcc", "features.trim_db": None}
# they trained plainly
_TRAINING: dict[str, Any] = {
    "min_steps": 0,
    "batch_size": 32,
    "normalization": "train",
    "schedule": "constant",
    "label_smoothing": 0.0,
    "class_weight": 0.0,
    "mixup_probability": 0.0,
    "time_warp": 0.0,
    "frequency_warp": 0.0,
    "frequency_masks": 0,
    "time_masks": 0,
    "weight_average": 0.0,
    "checkpoint": "last",
}


@dataclass(frozen=True)
class Notebook:
    """One of the three.

    Attributes:
        size: of the network, a row of `model_sizes`.
        optimizer: a class of torch.optim, and its arguments.
        copies: whether it trains on augmented copies too.
    """

    name: str
    size: str
    optimizer: dict[str, Any]
    copies: bool = False

    @property
    def splits(self) -> dict[str, str]:
        """Protocols: the notebook's own, and ours."""
        own = "leaky_augment_before_split" if self.copies else "leaky_random"
        return {"own": own, "ours": PROTOCOL}

    @property
    def passes(self) -> int:
        """Our epochs in one of the notebook's, in which each clip and each copy is seen once."""
        return 1 + len(EFFECTS) if self.copies else 1

    def settings(self, values: Values, epochs: int) -> Values:
        """Parameters that train as the notebook did, for so many of its epochs."""
        training = {
            **_TRAINING,
            "epochs": epochs * self.passes,
            "score_every": self.passes,
            "copy_probability": 1 - 1 / self.passes,
        }
        return values.changed(
            {
                **{f"training.{key}": value for key, value in training.items()},
                "model_size": self.size,
                "optimizer": "notebook",
                "optimizers.notebook": self.optimizer,
            }
        )


_RMSPROP = {"class": "RMSprop", "lr": 0.0001, "alpha": 0.9}
NOTEBOOKS = (
    Notebook("1: larger, SGD", "notebook_large", {"class": "SGD", "lr": 0.01, "momentum": 0.9}),
    Notebook("2: simplified, RMSprop", "notebook_small", _RMSPROP),
    Notebook("3: the same with augmentation", "notebook_small", _RMSPROP, copies=True),
)


def study_notebooks(values: Values, corpus: str, epochs: int = EPOCHS) -> Tables:
    """Train each notebook's network on women and on men, as the notebooks did, once, and test it.

    Under their own split clips are dealt at random, so that every speaker is on all sides, and
    copies are made before; under ours, nobody who trains is tested, and only copies of clips that
    train do so too.

    Returns:
        The main table, one row a notebook and split: `name`, `split` (own or ours), `scores`, and
        `training_accuracy` after the last epoch, in percent; `_history`, one row a notebook, split,
        epoch and part (train or validation): `loss` (nats) and `accuracy` (percent), mean over
        genders and folds.
    """
    # as the notebooks had; ten models of each tell enough
    seeds = (load_seeds(values, "studies.training.seeds")[0],)
    with TemporaryDirectory() as folder:
        features = {copies: Path(folder) / str(copies) for copies in (False, True)}
        for copies, out in features.items():
            effects = EFFECTS if copies else ()
            built = DATA / "corpora" / corpus
            featurize_with_copies(values.changed(_FEATURES), built, effects, out / corpus)
        trials, identity = [], {}
        for notebook in NOTEBOOKS:
            recipe = load_recipe(notebook.settings(values, epochs))
            for split, protocol in notebook.splits.items():
                for gender in GENDERS:
                    name = f"{notebook.name}, {split}, {gender}"
                    about = {"corpora": [corpus], "gender": gender, "protocol": protocol}
                    system = System.model_validate(about)
                    data = load_system(
                        system, DATA, features=features[notebook.copies], with_functionals=False
                    )
                    trials.append(Trial(name, recipe, data, seeds))
                    own = {"name": notebook.name, "split": split, "passes": notebook.passes}
                    identity[name] = own
        found = run_with_history(trials, f"{corpus}: notebooks")
    return describe(
        *(
            pd.concat([table.assign(**identity[name]) for name, table in tables.items()])
            for tables in found
        )
    )


def describe(predictions: pd.DataFrame, histories: pd.DataFrame) -> Tables:
    """Scores and mean histories of every notebook under both splits.

    Args:
        predictions, histories: with the columns `name`, `split` and `passes`.
    """
    keys = ["name", "split"]
    histories = histories.assign(epoch=histories["epoch"] // histories["passes"])
    history = histories.groupby([*keys, "epoch", "part"], sort=False)[["loss", "accuracy"]].mean()
    last = history["accuracy"].xs((histories["epoch"].max(), "train"), level=("epoch", "part"))
    rows = [
        {"name": name, "split": split, **scores(own), "training_accuracy": last[name, split]}
        for (name, split), own in predictions.groupby(keys, sort=False)
    ]
    return {"": pd.DataFrame(rows), "_history": history.reset_index()}


if __name__ == "__main__":
    run_study("notebooks", study_notebooks)
