"""Models that answer for anybody: those of a system's folds, and the one that is released."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ser.clips.audio import Float32
from ser.core.errors import SerError
from ser.core.settings import PARAMS_FILE, Values, load_values
from ser.core.tables import Table
from ser.evaluation.out_of_fold import Model, load_answering, load_model
from ser.models.linear import LinearModel
from ser.models.storage import TrainedLinear
from ser.predict.recogniser import ANYBODY

_PREDICTIONS = Table(
    "The table of predictions",
    {"fold": int, "seed": int, "temperature": float, "protocol": str},
)


@dataclass(frozen=True)
class Voice:
    """A trained model, and how its answers are to be understood.

    Attributes:
        temperature: at which its confidences are right.
        id: what it is called.
        protocol: by which it was trained.
    """

    model: Model
    temperature: float
    id: str
    protocol: str

    @property
    def emotions(self) -> tuple[str, ...]:
        """What it can answer."""
        return self.model.network.emotions

    def knows(self, clip: str) -> bool:
        """Whether a clip of a corpus, or a copy of it, had any part in making it."""
        return clip in self._used

    @cached_property
    def _used(self) -> set[str]:
        parts = [part for part in (self.model.network, self.model.linear) if part]
        items = [item for part in parts for used in part.uses.values() for item in used]
        return {item.partition("+")[0] for item in items}


def for_anybody(trained: TrainedLinear) -> TrainedLinear:
    """The linear part, able to standardise voices of no corpus, too: as `ANYBODY`'s.

    It does so by all training clips together, whatever their corpus.
    """
    model = trained.model
    clips = Counter(clip.partition("/")[0] for clip in trained.uses["fitting statistics"])
    mean, scale = pooled(model, clips)
    wider = replace(
        model, mean={**model.mean, ANYBODY: mean}, scale={**model.scale, ANYBODY: scale}
    )
    return replace(trained, model=wider)


def pooled(linear: LinearModel, clips: Mapping[str, int]) -> tuple[Float32, Float32]:
    """Mean and deviation of all training clips, from those of each corpus.

    Args:
        clips: how many of each corpus trained.
    """
    corpora = sorted(linear.mean)
    weight = np.array([clips[corpus] for corpus in corpora], np.float64)
    weight /= weight.sum()
    means = np.stack([linear.mean[corpus].astype(np.float64) for corpus in corpora])
    scales = np.stack([linear.scale[corpus].astype(np.float64) for corpus in corpora])
    mean = weight @ means
    variance = weight @ (np.square(scales) + np.square(means - mean))
    return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)


def find_voices(path: Path) -> list[Voice]:
    """The models of a system's folds: of its folder, of one seed's, or of one fold's file.

    Of several seeds, the first answers.

    Args:
        path: such as `models/ravdess`, `models/ravdess/seed_1` or a file in it.

    Raises:
        SerError: if there are none, or one is damaged.
    """
    if path.is_file():
        folds, folder = [path], path.parent
    else:
        seeds = sorted(path.glob("seed_*"), key=lambda each: (len(each.name), each.name))
        folder = seeds[0] if seeds else path
        folds = sorted(folder.glob("fold_*.safetensors"))
    if not folds:
        raise SerError(
            f"There are no models in {path}; name a system that was trained (`dvc repro train`), a "
            "folder of folds, or the file of one."
        )
    return _load(folder, folds)


def _load(folder: Path, folds: list[Path]) -> list[Voice]:
    system = folder.parent
    values = load_parameters(folder)
    settings = values.section("systems", dict[str, dict[str, Any]]).get(system.name, {})
    answering = load_answering(values, helped=bool(settings.get("helpers")))
    temperatures, protocol = _temperatures(system)
    voices = []
    for path in folds:
        seed, fold = _number(folder), _number(path)
        model = load_model(system, fold, seed, answering)
        if model.linear:
            model = replace(model, linear=for_anybody(model.linear))
        name = f"{system.name}/{folder.name}/{path.stem}"
        voices.append(Voice(model, temperatures.get((fold, seed), 1.0), name, protocol))
    if len({voice.emotions for voice in voices}) > 1:
        raise SerError(f"The models in {folder} know different emotions; choose one of them.")
    return voices


def _number(path: Path) -> int:
    number = path.stem.partition("_")[2]
    if not number.isdigit():
        raise SerError(
            f"{path} is not where a training puts a model, which is "
            "models/<system>/seed_<seed>/fold_<fold>.safetensors."
        )
    return int(number)


def project_of(path: Path) -> Path:
    """The project that a model lies in: the nearest folder above it that has parameters.

    Raises:
        SerError: if there is none.
    """
    for folder in path.absolute().parents:
        if (folder / PARAMS_FILE).is_file():
            return folder
    raise SerError(
        f"No folder above {path} has a {PARAMS_FILE}, which says what its network sees; leave the "
        "model where it was trained."
    )


def load_parameters(path: Path) -> Values:
    """Parameters of the project that a model lies in.

    Raises:
        SerError: if there are none.
    """
    return load_values(project_of(path) / PARAMS_FILE)


def _temperatures(system: Path) -> tuple[dict[tuple[int, int], float], str]:
    """Temperature by fold and seed, as `evaluate` has fitted it, and the protocol.

    None where the system was not evaluated: confidences stay as they are.
    """
    plots = project_of(system) / "plots"
    path = plots / "systems" / system.name / "predictions.csv"
    if system.parent.name == "studies":
        path = plots / "studies/protocols" / f"{system.name}_predictions.csv"
    if not path.is_file():
        return {}, "unknown"
    table = _PREDICTIONS.read(path)
    first = table.drop_duplicates(["fold", "seed"])
    keys = zip(first["fold"].tolist(), first["seed"].tolist(), strict=True)
    found = dict(zip(keys, first["temperature"].tolist(), strict=True))
    return found, str(table["protocol"].iloc[0])
