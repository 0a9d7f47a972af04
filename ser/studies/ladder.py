"""The leak ladder: one model under honest folds, and under each fault of published work."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ser.clips import MANIFEST, read_manifest
from ser.dataset import load_system
from ser.evaluation.marks import protocol_fields
from ser.params import Params, System
from ser.splits.protocols import find_protocol
from ser.studies.copies import featurize_with_copies
from ser.studies.trials import Trial, difference, run_trials, scores


@dataclass(frozen=True)
class Rung:
    """One way to divide a corpus, or to go wrong.

    Attributes:
        name: in tables and figures.
        key: in metrics.
        copies: whether augmented copies train too.
    """

    name: str
    key: str
    protocol: str
    copies: bool = False


REFERENCE = Rung("new speakers", "new_speakers", "speaker_independent")
RUNGS = (
    Rung("new speakers, new words", "new_words", "speaker_and_statement_open"),
    REFERENCE,
    Rung("new speakers, copies of training clips", "copies", "speaker_independent", copies=True),
    Rung("best epoch on the test fold", "best_epoch", "leaky_best_epoch_on_test"),
    Rung(
        "speaker normalisation, undeclared",
        "speaker_normalisation",
        "leaky_undeclared_speaker_normalization",
    ),
    Rung("random split", "random_split", "leaky_random"),
    Rung(
        "augmented before a random split",
        "augmented_first",
        "leaky_augment_before_split",
        copies=True,
    ),
    Rung("all of it together", "everything", "leaky_everything", copies=True),
)


@dataclass(frozen=True)
class Ladder:
    """Scores of every rung.

    Attributes:
        table: one row a rung, from honest to hopeless: `rung`, `protocol`, `mark`, `uar`,
            `uar_low`, `uar_high`, `uar_deviation`, `accuracy`, and what the rung has gained on new
            speakers: `difference`, `difference_low`, `difference_high`, `p`.
        metrics: the same by the rung's key.
    """

    table: pd.DataFrame
    metrics: dict[str, Any]


def climb(params: Params, corpus: str, data: Path) -> Ladder:
    """Train and test the model of `studies.training` on every rung.

    Every rung tests every clip of the corpus once, so all of them are compared clip by clip.

    Args:
        data: folder with `corpora`, `splits`, `features` and `functionals`.
    """
    params = params.in_studies
    with tempfile.TemporaryDirectory() as folder:
        built = data / "corpora" / corpus
        manifest = read_manifest(built / MANIFEST)
        copied = featurize_with_copies(params, manifest, built, Path(folder))
        trials = []
        for rung in RUNGS:
            features = copied if rung.copies else data / "features"
            system = System(corpus=corpus, gender="all", protocol=rung.protocol)
            chosen = load_system(params, system, data / "splits", features, data / "functionals")
            trials.append(Trial(rung.key, params, chosen))
        predictions = run_trials(trials, f"{corpus}: ladder")
    return describe_rungs(predictions)


def describe_rungs(predictions: dict[str, pd.DataFrame]) -> Ladder:
    """Scores of every rung, from its predictions by its key."""
    rows = []
    for rung in RUNGS:
        own = predictions[rung.key]
        gained = difference(predictions[REFERENCE.key], own)
        if rung is REFERENCE:  # it has gained nothing on itself, and certainly so
            gained = dict.fromkeys(gained)
        mark = find_protocol(rung.protocol).mark
        rows.append(
            {"rung": rung.name, **protocol_fields(rung.protocol, mark), **scores(own), **gained}
        )
    named = zip((rung.key for rung in RUNGS), rows, strict=True)
    metrics = {key: {name: row[name] for name in row if name != "rung"} for key, row in named}
    return Ladder(pd.DataFrame(rows), metrics)
