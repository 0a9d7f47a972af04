"""A small project on synthetic voices, with models of folds and a released one, made once."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml

from ser.clips.audio import Int16, read_canonical
from ser.clips.manifest import clip_path
from ser.core.files import write_csv
from ser.core.settings import Values
from ser.evaluation.baselines import fit_linear_folds
from ser.evaluation.out_of_fold import load_answering, predict_out_of_fold
from ser.features.front_ends import featurize_corpus
from ser.features.functionals import write_functionals
from ser.features.settings import FunctionalsSettings, load_features
from ser.models.storage import linear_folder
from ser.predict.release import Plan, load_plan, make_release
from ser.reading.data import SystemData, load_system
from ser.reading.settings import load_system_settings
from ser.store.copies import COPIES, COPY_COLUMNS
from ser.training.settings import load_recipe
from ser.training.system import train_seed
from tests.builders import CORPUS, files_of, make_values, write_splits

SCORE = {"uar": 50.0, "uar_low": 40.0, "uar_high": 60.0}
SYSTEM = {"corpora": [CORPUS], "protocol": "leave_one_speaker_out"}
CHANGES = {
    "corpora": [CORPUS],
    "systems": {CORPUS: SYSTEM},
    "studies.protocols": {CORPUS: SYSTEM},
    "release": {"system": CORPUS, "seed": 0, "accuracy": 0.8, "unlike": 0.05},
    "seeds": [0],
    "training.crop_s": 0.4,
    "linear.share": 0.4,
    "prediction.warps": [-0.05, 0.0, 0.05],
    "front_ends.log_mel.n_mels": 32,
}


@dataclass(frozen=True)
class Project:
    """A folder in which a system was trained and evaluated, and a model released."""

    folder: Path
    values: Values
    data: SystemData
    predictions: pd.DataFrame

    @property
    def models(self) -> Path:
        return self.folder / "models"

    @property
    def released(self) -> Path:
        return self.folder / "released.safetensors"

    @property
    def plan(self) -> Plan:
        return load_plan(self.values)

    def path(self, clip: str) -> Path:
        return clip_path(self.folder / "data/corpora" / CORPUS, clip)

    def samples(self, clip: str) -> Int16:
        return read_canonical(self.path(clip))

    def release(self, out: Path) -> None:
        models = self.models / CORPUS
        make_release(self.plan, self.folder / "data", models, SCORE, out)


@pytest.fixture(scope="session")
def project(voices: tuple[Path, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Read only."""
    folder, values = tmp_path_factory.mktemp("project"), make_values(CHANGES)
    (folder / "params.yaml").write_text(yaml.safe_dump(values.table), encoding="utf-8")
    data, models = folder / "data", folder / "models" / CORPUS
    corpus, manifest = data / "corpora" / CORPUS, voices[1]
    shutil.copytree(voices[0], corpus)
    grouped = manifest.assign(take_group=manifest["clip"])
    write_splits(grouped, data / "splits" / CORPUS, "leave_one_speaker_out")
    augmented = data / "augmented" / CORPUS
    augmented.mkdir(parents=True)
    write_csv(augmented / COPIES, pd.DataFrame(columns=list(COPY_COLUMNS)))
    features = data / "features" / CORPUS
    files = files_of(manifest, corpus)
    featurize_corpus(files, augmented, features, *load_features(values))
    kind = values.section("functionals", FunctionalsSettings)
    write_functionals(files, data / "functionals" / CORPUS, kind)
    system = load_system(load_system_settings(values, CORPUS), data)
    train_seed(load_recipe(values), system, 0, models, "test")
    fit_linear_folds(system, 0.02, linear_folder(models))
    predictions = predict_out_of_fold(system, models, [0], load_answering(values))
    write_csv(folder / "plots/systems" / CORPUS / "predictions.csv", predictions)
    made = Project(folder, values, system, predictions)
    made.release(made.released)
    return made


@pytest.fixture
def inside(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project is the working directory, and its released model that of the package."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setattr("ser.predict.released.RELEASED", project.released)
    return project
