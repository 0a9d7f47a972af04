"""The work of every stage, each in a process of its own: `python -m benchmarks.scale.stages`.

What a stage imports is imported when it is prepared, before the clock starts: its memory counts,
and that of other stages does not. Settings are those of params.yaml, but for what is said here.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.scale.corpus import CORPUS, NAME
from ser.clips.listing import ClipFiles
from ser.clips.manifest import DECISIONS, read_decisions
from ser.core.entry import run
from ser.core.files import write_csv, write_json
from ser.core.settings import Values, load_values

MEASURED = "measured.json"
_PROTOCOL = "leave_one_speaker_out"
_SEED = 0
_CHANGES: dict[str, Any] = {
    "augmentation.noise.enabled": True,
    "functionals.speeds": [1.04],
    "training.epochs": 2,
    "training.min_steps": 0,
    "seeds": [_SEED],
}

Work = Callable[[], Any]


@dataclass(frozen=True)
class Folder:
    """Where the corpus of one size and all that stages make of it lie."""

    path: Path

    @property
    def data(self) -> Path:
        """As the folder `data` of a project."""
        return self.path / "data"

    @property
    def built(self) -> Path:
        """What the stage `download` makes."""
        return self.data / "corpora" / NAME

    def of(self, stage: str) -> Path:
        """What another stage makes of the corpus."""
        return self.data / stage / NAME

    @property
    def pairs(self) -> Path:
        """Takes that are alike, which the stage `split` finds first."""
        return self.path / "pairs.csv"

    @property
    def models(self) -> Path:
        """As the folder of a system in `models`."""
        return self.path / "models"

    @property
    def no_copies(self) -> Path:
        """Copies of a corpus that has none, as without any effect."""
        return self.path / "no_copies"


@dataclass(frozen=True)
class Stage:
    """A stage, or a step of one.

    Attributes:
        prepare: reads nothing of the corpus; gives the work.
        makes: its outputs, below the folder of its corpus.
        needs: stages that come before it.
    """

    prepare: Callable[[Folder, Values], Work]
    makes: tuple[str, ...]
    needs: tuple[str, ...] = ()


def _convert(folder: Folder, _: Values) -> Work:
    from ser.download.build import build_corpus

    return partial(build_corpus, CORPUS, folder.built)


def _pairs(folder: Folder, _: Values) -> Work:
    from ser.splits.takes import find_pairs

    def work() -> None:
        decisions = read_decisions(folder.built / DECISIONS)
        write_csv(folder.pairs, find_pairs(ClipFiles.read(folder.built), decisions))

    return work


def _folds(folder: Folder, _: Values) -> Work:
    from ser.splits.split import split_corpus

    def work() -> None:
        pairs = pd.read_csv(folder.pairs)
        split_corpus(folder.built, pairs, folder.of("splits"))

    return work


def _augment(folder: Folder, values: Values) -> Work:
    from ser.features.augmentation import augment_corpus
    from ser.features.settings import Augmentation

    settings = values.section("augmentation", Augmentation)

    def work() -> None:
        files = ClipFiles.read_genders(folder.of("splits"), folder.built)
        augment_corpus(files, folder.of("augmented"), settings)

    return work


def _featurize(folder: Folder, values: Values) -> Work:
    from ser.features.front_ends import featurize_corpus
    from ser.features.settings import load_features
    from ser.store.copies import COPIES, COPY_COLUMNS

    write_csv(folder.no_copies / COPIES, pd.DataFrame(columns=list(COPY_COLUMNS)))
    settings = load_features(values)

    def work() -> None:
        files = ClipFiles.read(folder.built)
        featurize_corpus(files, folder.no_copies, folder.of("features"), *settings)

    return work


def _functionals(folder: Folder, values: Values) -> Work:
    from ser.features.functionals import write_functionals
    from ser.features.settings import FunctionalsSettings

    settings = values.section("functionals", FunctionalsSettings)

    def work() -> None:
        write_functionals(ClipFiles.read(folder.built), folder.of("functionals"), settings)

    return work


def _one_fold(folder: Folder, *, with_functionals: bool) -> Any:
    """The corpus as a system that has its first fold only."""
    from dataclasses import replace

    from ser.reading.data import load_system
    from ser.reading.settings import System

    system = System(corpora=[NAME], protocol=_PROTOCOL)
    data = load_system(system, folder.data, with_functionals=with_functionals, with_details=False)
    return replace(data, folds=data.folds[data.folds["fold"] == 0])


def _train(folder: Folder, values: Values) -> Work:
    from ser.training.settings import load_recipe
    from ser.training.system import train_seed

    recipe = load_recipe(values)

    def work() -> None:
        data = _one_fold(folder, with_functionals=False)
        train_seed(recipe, data, _SEED, folder.models, "training")

    return work


def _linear(folder: Folder, values: Values) -> Work:
    import sklearn.linear_model  # noqa: F401 (what it takes to import is not the work)

    from ser.core.files import whole_folder
    from ser.evaluation.baselines import fit_linear_folds
    from ser.models.settings import Linear
    from ser.models.storage import linear_folder

    cost = values.section("linear", Linear).c

    def work() -> None:
        data = _one_fold(folder, with_functionals=True)
        with whole_folder(linear_folder(folder.models)) as out:
            fit_linear_folds(data, cost, out)

    return work


def _svm(folder: Folder, values: Values) -> Work:
    from ser.evaluation.baselines import BaselineSettings, predict_svm

    cost = values.section("baselines", BaselineSettings).svm_c
    return lambda: predict_svm(_one_fold(folder, with_functionals=True), 0, cost)


def _predict(folder: Folder, values: Values) -> Work:
    from ser.evaluation.out_of_fold import load_answering, predict_out_of_fold

    answering = load_answering(values)

    def work() -> None:
        data = _one_fold(folder, with_functionals=True)
        predictions = predict_out_of_fold(data, folder.models, [_SEED], answering)
        write_csv(folder.path / "predictions.csv", predictions)

    return work


def _dvc(folder: Folder, _: Values, outputs: tuple[str, ...]) -> Work:
    """What `dvc repro` does with outputs: their hashes, and copies or links in its cache."""
    os.environ["DVC_NO_ANALYTICS"] = "true"
    os.environ["DVC_SITE_CACHE_DIR"] = str(folder.path.resolve() / "site")
    from dvc.repo import Repo

    os.chdir(folder.path)
    repo = Repo() if Path(".dvc").is_dir() else Repo.init(no_scm=True)
    return partial(repo.add, list(outputs))


def _dvc_stage(needs: tuple[str, ...], folders: tuple[str, ...]) -> Stage:
    outputs = tuple(f"data/{folder}" for folder in folders)
    return Stage(partial(_dvc, outputs=outputs), (".dvc",), needs)


STAGES = {
    "convert": Stage(_convert, ("data/corpora",)),
    "pairs": Stage(_pairs, ("pairs.csv",), ("convert",)),
    "folds": Stage(_folds, ("data/splits",), ("pairs",)),
    "augment": Stage(_augment, ("data/augmented",), ("folds",)),
    "featurize": Stage(_featurize, ("data/features",), ("convert",)),
    "functionals": Stage(_functionals, ("data/functionals",), ("convert",)),
    "train": Stage(_train, ("models/seed_0",), ("folds", "featurize")),
    "linear": Stage(_linear, ("models/linear",), ("folds", "featurize", "functionals")),
    "svm": Stage(_svm, (), ("folds", "featurize", "functionals")),
    "predict": Stage(_predict, ("predictions.csv",), ("train", "linear")),
    "DVC, clips": _dvc_stage(("convert",), ("corpora",)),
    "DVC, features": _dvc_stage(("augment", "featurize"), ("augmented", "features")),
    "DVC, functionals": _dvc_stage(("folds", "functionals"), ("splits", "functionals")),
}


def _peak_mb() -> float:
    """The largest resident set that this process has had (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1e6


def main(name: str, folder: Path) -> None:
    """Do the work of the stage NAME in FOLDER, and write what it took beside it."""
    folder = folder.resolve()
    work = STAGES[name].prepare(Folder(folder), load_values().changed(_CHANGES))
    before = os.times()
    work()
    own, workers, seconds = (
        sum(after - begun for after, begun in zip(now, then, strict=True))
        for now, then in _parts(before, os.times())
    )
    measured = {"seconds": seconds, "cpu_seconds": own + workers, "serial_seconds": own}
    write_json(folder / MEASURED, {**measured, "peak_mb": _peak_mb()})


def _parts(before: os.times_result, after: os.times_result) -> Any:
    """Own time of the processor, that of workers, and time of the clock: now and then."""
    for places in ((0, 1), (2, 3), (4,)):
        yield [after[place] for place in places], [before[place] for place in places]


if __name__ == "__main__":
    run(main)
