"""What each choice is worth, on validation speakers: `python -m benchmarks.ablation`.

Every row of `docs/ablation.yaml` is a change of `params.yaml`, trained with the same seeds and the
same budget; what is common to all rows, the reference among them, is changed first. Scores are
those of validation speakers, pooled over folds: test clips are not read. Results go to
`docs/ablation.csv`; rows that are there already are not run again.
"""

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
import yaml

from ser.augmentation import augment_corpus
from ser.clips import MANIFEST, read_manifest
from ser.dataset import SystemData, load_system
from ser.evaluation.out_of_fold import predict_validation
from ser.features import featurize_corpus
from ser.files import write_csv
from ser.params import PARAMS_FILE, Params, parse_params
from ser.processes import spread
from ser.scoring import unweighted_average_recall
from ser.training.fold import train_fold
from ser.training.system import prepare_torch

DATA = Path("data")
SYSTEMS = ("ravdess",)
_TINY = 1e-7


def changed(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Nested values with changes by dotted key."""
    result = yaml.safe_load(yaml.safe_dump(values))
    for key, value in changes.items():
        *tables, last = key.split(".")
        table = result
        for name in tables:
            table = table[name]
        table[last] = value
    return result


def features_for(params: Params, corpora: list[str], folder: Path) -> Path:
    """Features of corpora as `params` want them, made anew in `folder`."""
    for corpus in corpora:
        built, copies = DATA / "corpora" / corpus, folder / "augmented" / corpus
        manifest = read_manifest(built / MANIFEST)
        augment_corpus(manifest, built, copies, params.augmentation, params.processes)
        out = folder / "features" / corpus
        featurize_corpus(manifest, built, copies, out, params.features, params.processes)
    return folder / "features"


def _job(
    job: tuple[int, int], params: Params, data: SystemData
) -> tuple[int, pd.DataFrame, float, int]:
    prepare_torch()
    fold, seed = job
    begun = time.perf_counter()
    model, _ = train_fold(params, data, fold, seed)
    seconds = time.perf_counter() - begun
    probabilities, targets, _ = predict_validation(model, data, fold)
    table = pd.DataFrame(
        {"target": targets, "predicted": probabilities.argmax(axis=1)},
    ).assign(
        loss=-np.log(np.maximum(probabilities[np.arange(len(targets)), targets], _TINY)),
    )
    return seed, table, seconds, model.parameters


def validation_scores(params: Params, system: str, seeds: list[int]) -> dict[str, float]:
    """Validation UAR (mean over seeds, percent) and loss (nats), seconds a fold, parameters."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = params.system(system)
        corpora = [*params.corpora_of(chosen), *params.helpers_of(chosen)]
        features = features_for(params, corpora, Path(folder))
        data = load_system(params, chosen, DATA / "splits", features, DATA / "functionals")
        jobs = [(fold, seed) for seed in seeds for fold in data.fold_numbers]
        work = partial(_job, params=params, data=data)
        results = spread(work, jobs, params.processes, f"{system}: training", "fold")
    scores = []
    for seed in seeds:
        rows = pd.concat([table for found, table, *_ in results if found == seed])
        scores.append(
            unweighted_average_recall(rows["target"].tolist(), rows["predicted"].tolist())
        )
    losses = pd.concat([table["loss"] for _, table, *_ in results])
    return {
        "validation_uar": float(np.mean(scores)),
        "deviation": float(np.std(scores, ddof=1)) if len(scores) > 1 else float("nan"),
        "validation_loss": float(losses.mean()),
        "seconds_per_fold": float(np.mean([seconds for *_, seconds, _ in results])),
        "parameters": results[0][3],
    }


def main(
    rows: Path = typer.Argument(
        Path("docs/ablation.yaml"), help="What is common; rows: name, changes."
    ),
    out: Path = typer.Argument(Path("docs/ablation.csv"), help="Table of results."),
    seeds: str = typer.Option("0,1", help="Seeds, the same for every row."),
) -> None:
    """Train every row on its system and write validation scores."""
    plan = yaml.safe_load(rows.read_text(encoding="utf-8"))
    values = changed(yaml.safe_load(PARAMS_FILE.read_text(encoding="utf-8")), plan["common"])
    numbers = [int(seed) for seed in seeds.split(",")]
    known = pd.read_csv(out) if out.is_file() else pd.DataFrame(columns=["system", "change"])
    done = set(zip(known["system"], known["change"], strict=True))
    for row in plan["rows"]:
        for system in row.get("systems", SYSTEMS):
            if (system, row["name"]) in done:
                continue
            params = parse_params(changed(values, row["changes"]), row["name"])
            scores = validation_scores(params, system, numbers)
            line = pd.DataFrame([{"system": system, "change": row["name"], **scores}])
            known = pd.concat([known, line.assign(seeds=len(numbers))], ignore_index=True)
            write_csv(out, known, decimals=3)
            print(line.to_string(index=False))


if __name__ == "__main__":
    typer.run(main)
