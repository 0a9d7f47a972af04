"""Trained models on disk: weights and everything needed to use them, in safetensors (no code)."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, from_numpy

from ser.clips.labels import is_emotion, ordered
from ser.core.errors import SerError
from ser.core.files import regular, whole_file
from ser.models.linear import LinearModel
from ser.models.network import Network, build_network, find_network
from ser.reading.normalization import Normalization, Normalizer
from ser.store.features import Layout


@dataclass(frozen=True)
class Origin:
    """What every model says of itself.

    Attributes:
        emotions: what its outputs stand for.
        fold: the fold whose clips it may be tested on.
        uses: clips and copies it was made from, by purpose (see `ser.guards.checks.Purpose`).
    """

    emotions: tuple[str, ...]
    fold: int
    uses: dict[str, set[str]]


@dataclass(frozen=True)
class TrainedNetwork(Origin):
    """A network, how its input is normalised, and what it came from.

    Attributes:
        name: of the network's class, see `ser.models.network`.
        seed: of its training.
        arithmetic: in which it was trained; another processor's gives other last digits.
    """

    name: str
    network: Network
    normalizer: Normalizer
    seed: int
    arithmetic: str


@dataclass(frozen=True)
class TrainedLinear(Origin):
    """The linear classifier of a fold, and what it came from."""

    model: LinearModel


def network_path(folder: Path, fold: int) -> Path:
    """Where the network of one fold lies in the folder of its system and seed."""
    return folder / f"fold_{fold:02d}.safetensors"


def seed_folder(models: Path, seed: int) -> Path:
    """Where the networks of a seed lie in the folder of a system."""
    return models / f"seed_{seed}"


def linear_folder(models: Path) -> Path:
    """Where the linear classifiers lie in the folder of a system."""
    return models / "linear"


def save_network(path: Path, model: TrainedNetwork) -> None:
    """Write a trained network."""
    tensors = {f"network.{name}": value for name, value in model.network.state_dict().items()}
    tensors["normalizer.mean"] = model.normalizer.mean
    tensors["normalizer.scale"] = model.normalizer.scale
    card = {
        "network": model.name,
        "settings": model.network.settings.model_dump(),
        "layout": asdict(model.network.layout),
        "normalization": model.normalizer.kind,
        "seed": model.seed,
        "arithmetic": model.arithmetic,
    }
    _write(path, tensors, model, card)


def load_network(path: Path) -> TrainedNetwork:
    """Read a network, ready for prediction.

    Raises:
        SerError: if the file is missing, damaged, or not a model of this project.
    """
    with _in_a_sentence(path):
        card, tensors = _read(path)
        emotions, fold, uses = _origin(card)
        settings = find_network(card["network"]).Settings.model_validate(card["settings"])
        layout = Layout(**card["layout"])
        network = build_network(card["network"], settings, layout, len(emotions))
        weights = {
            name.removeprefix("network."): value
            for name, value in tensors.items()
            if name.startswith("network.")
        }
        for name, value in network.state_dict().items():
            if name in weights and weights[name].dtype != value.dtype:
                raise ValueError(f"{name} is of the type {weights[name].dtype}")
        network.load_state_dict(weights)
        if card["normalization"] not in get_args(Normalization):
            raise ValueError(f"its normalisation is {card['normalization']!r}")
        normalizer = Normalizer(
            card["normalization"], tensors["normalizer.mean"], tensors["normalizer.scale"]
        )
        return TrainedNetwork(
            emotions,
            fold,
            uses,
            str(card["network"]),
            network.eval(),
            normalizer,
            int(card["seed"]),
            str(card["arithmetic"]),
        )


def save_linear(path: Path, trained: TrainedLinear) -> None:
    """Write the linear classifier of a fold."""
    linear = trained.model
    arrays = {"weight": linear.weight, "bias": linear.bias}
    for corpus in linear.mean:
        arrays[f"mean.{corpus}"] = linear.mean[corpus]
        arrays[f"scale.{corpus}"] = linear.scale[corpus]
    tensors = {name: from_numpy(values) for name, values in arrays.items()}
    _write(path, tensors, trained, {"corpora": sorted(linear.mean)})


def load_linear(path: Path) -> TrainedLinear:
    """Read the linear classifier of a fold.

    Raises:
        SerError: if the file is missing, damaged, or not a model of this project.
    """
    with _in_a_sentence(path):
        card, tensors = _read(path)
        emotions, fold, uses = _origin(card)
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        corpora = [str(name) for name in card["corpora"]]
        model = LinearModel(
            {corpus: arrays[f"mean.{corpus}"] for corpus in corpora},
            {corpus: arrays[f"scale.{corpus}"] for corpus in corpora},
            arrays["weight"],
            arrays["bias"],
        )
        parts = (model.weight, model.bias, *model.mean.values(), *model.scale.values())
        if any(part.dtype.kind != "f" for part in parts):
            raise ValueError("weights that are whole numbers")
        if model.weight.shape[0] != len(emotions) or model.bias.shape != (len(emotions),):
            raise ValueError(f"weights of {len(model.bias)} classes, {len(emotions)} emotions")
        return TrainedLinear(emotions, fold, uses, model)


def _write(path: Path, tensors: Mapping[str, Tensor], origin: Origin, more: dict[str, Any]) -> None:
    card = {
        **more,
        "emotions": list(origin.emotions),
        "fold": origin.fold,
        "uses": {purpose: sorted(items) for purpose, items in sorted(origin.uses.items())},
    }
    # one entry only: the order of several is not fixed, and the file must be the same every time
    metadata = {"card": json.dumps(card, sort_keys=True)}
    contiguous = {name: value.contiguous() for name, value in sorted(tensors.items())}
    with whole_file(path) as aside:
        aside.write_bytes(save(contiguous, metadata=metadata))


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    with safe_open(regular(path), framework="pt") as file:
        card: dict[str, Any] = json.loads((file.metadata() or {})["card"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name, tensor in tensors.items():
        is_scale = name.startswith(("normalizer.scale", "scale."))
        if not tensor.isfinite().all() or (is_scale and not (tensor > 0).all()):
            raise ValueError(f"{name} holds what no training gives")
    return card, tensors


def _origin(card: dict[str, Any]) -> tuple[tuple[str, ...], int, dict[str, set[str]]]:
    emotions = tuple(str(name) for name in card["emotions"])
    named = all(is_emotion(name) for name in emotions)
    if not named or not emotions or list(emotions) != ordered(emotions):
        raise ValueError(f"its emotions are {', '.join(emotions)}")
    # most often the same items are used for several purposes
    known: dict[str, str] = {}
    uses = {
        str(purpose): {known.setdefault(item, item) for item in items}
        for purpose, items in card["uses"].items()
    }
    return emotions, int(card["fold"]), uses


@contextmanager
def _in_a_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise SerError(f"The model {path} is missing; run `dvc repro`.") from None
    # RuntimeError is how torch says that the weights do not fit the network
    except (
        SafetensorError,
        SerError,
        OSError,
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        RuntimeError,
    ) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SerError(
            f"{path} is not a model of this project or of another version of it ({reason}); "
            "run `dvc repro`."
        ) from None
