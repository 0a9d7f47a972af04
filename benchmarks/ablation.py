"""What each choice is worth, on validation speakers: `python -m benchmarks.ablation`.

Every row of `docs/ablation.yaml` is a change of `params.yaml`, trained with the same seeds and the
same budget. Scores are those of validation speakers, pooled over folds: test clips are not read.
Results go to `docs/ablation.csv`; rows that are there already are not run again.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import typer
import yaml

from ser.clips.listing import ClipFiles
from ser.core.entry import run
from ser.core.files import write_csv
from ser.core.scoring import unweighted_average_recall
from ser.core.settings import Values, load_values
from ser.evaluation.out_of_fold import load_answering, predict_validation
from ser.evaluation.trials import Job, Trial, of_every_fold
from ser.features.augmentation import augment_corpus
from ser.features.front_ends import featurize_corpus
from ser.features.settings import Augmentation, load_features
from ser.models.settings import Linear
from ser.reading.data import load_system
from ser.reading.settings import load_system_settings
from ser.training.settings import load_recipe

DATA = Path("data")
SYSTEMS = ("ravdess",)
_TINY = 1e-7


@dataclass(frozen=True)
class Answers:
    """Answers of one model to its validation clips.

    Attributes:
        loss: of each clip, in nats.
        seconds: that its network took to train.
        parameters: trained numbers.
    """

    seed: int
    actual: list[str]
    predicted: list[str]
    loss: list[float]
    seconds: float
    parameters: int


def features_for(values: Values, corpora: list[str], folder: Path) -> Path:
    """Features of corpora as `values` want them, made anew in `folder`."""
    augmentation, settings = values.section("augmentation", Augmentation), load_features(values)
    for corpus in corpora:
        built, copies = DATA / "corpora" / corpus, folder / "augmented" / corpus
        files = ClipFiles.read(built)
        augment_corpus(files, copies, augmentation)
        featurize_corpus(files, copies, folder / "features" / corpus, *settings)
    return folder / "features"


def _answer(job: Job) -> Answers:
    begun = time.process_time()
    model, _ = job.train()
    seconds = time.process_time() - begun
    probabilities, targets, _ = predict_validation(model, job.trial.data)
    true, names = probabilities[np.arange(len(targets)), targets], model.network.emotions
    return Answers(
        job.seed,
        [names[number] for number in targets],
        [names[number] for number in probabilities.argmax(axis=1)],
        (-np.log(np.maximum(true, _TINY))).tolist(),
        seconds,
        model.parameters,
    )


def validation_scores(values: Values, name: str, seeds: list[int]) -> dict[str, float]:
    """Validation UAR (mean over seeds, percent) and loss (nats), seconds a fold, parameters."""
    system = load_system_settings(values, name)
    with tempfile.TemporaryDirectory() as folder:
        features = features_for(values, system.all_corpora, Path(folder))
        data = load_system(system, DATA, features=features)
        linear, warps = values.section("linear", Linear), load_answering(values).warps
        trial = Trial(name, load_recipe(values), data, tuple(seeds), linear, warps)
        answers = of_every_fold([trial], _answer, name)[name]
    scores = [_uar([part for part in answers if part.seed == seed]) for seed in seeds]
    return {
        "validation_uar": float(np.mean(scores)),
        "deviation": float(np.std(scores, ddof=1)) if len(scores) > 1 else float("nan"),
        "validation_loss": float(np.mean([loss for part in answers for loss in part.loss])),
        "seconds_per_fold": float(np.mean([part.seconds for part in answers])),
        "parameters": answers[0].parameters,
    }


def _uar(parts: list[Answers]) -> float:
    actual = [one for part in parts for one in part.actual]
    return unweighted_average_recall(actual, [one for part in parts for one in part.predicted])


def main(
    rows: Path = typer.Argument(Path("docs/ablation.yaml"), help="Rows: name, changes."),
    out: Path = typer.Argument(Path("docs/ablation.csv"), help="Table of results."),
    seeds: str = typer.Option("0,1", help="Seeds, the same for every row."),
) -> None:
    """Train every row on its system and write validation scores."""
    values = load_values()
    numbers = [int(seed) for seed in seeds.split(",")]
    known = pd.read_csv(out) if out.is_file() else pd.DataFrame(columns=["system", "change"])
    done = set(zip(known["system"], known["change"], strict=True))
    for row in yaml.safe_load(rows.read_text(encoding="utf-8")):
        for system in row.get("systems", SYSTEMS):
            if (system, row["name"]) in done:
                continue
            scores = validation_scores(values.changed(row["changes"]), system, numbers)
            line = pd.DataFrame([{"system": system, "change": row["name"], **scores}])
            known = pd.concat([known, line.assign(seeds=len(numbers))], ignore_index=True)
            write_csv(out, known, decimals=3)
            print(line.to_string(index=False))


if __name__ == "__main__":
    run(main)
