"""Trained models on disk: weights and everything needed to use them, in safetensors (no code)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, from_numpy

from ser.errors import SerError
from ser.files import whole_file
from ser.models.cnn import Cnn, CnnConfig, count_parameters
from ser.models.linear import LinearModel
from ser.normalization import Normalizer


@dataclass(frozen=True)
class TrainedModel:
    """Networks, the emotions their outputs stand for, how input is normalised, and the origin.

    Attributes:
        networks: alike but for their random starts; their probabilities are averaged.
        linear: the classifier of functionals that answers with it, if there is one.
        linear_share: weight of that classifier's answer.
        uses: clips and copies it was made from, by purpose (see `ser.splits.guards.Purpose`).
    """

    networks: tuple[Cnn, ...]
    emotions: tuple[str, ...]
    normalizer: Normalizer
    fold: int
    seed: int
    uses: dict[str, set[str]]
    linear: LinearModel | None = None
    linear_share: float = 0.0

    @property
    def parameters(self) -> int:
        """Trained numbers of the networks and of the linear part."""
        linear = self.linear.parameters if self.linear else 0
        return sum(count_parameters(network) for network in self.networks) + linear


def model_path(folder: Path, fold: int, seed: int) -> Path:
    """Where the model of one fold and seed lies."""
    return folder / f"fold_{fold:02d}_seed_{seed}.safetensors"


def save_model(folder: Path, model: TrainedModel) -> None:
    """Write a model to its place in `folder`."""
    tensors = {
        f"{_prefix(number)}{name}": value
        for number, network in enumerate(model.networks)
        for name, value in network.state_dict().items()
    }
    tensors["normalizer.mean"] = model.normalizer.mean
    tensors["normalizer.scale"] = model.normalizer.scale
    tensors |= _linear_tensors(model.linear)
    card = {
        "config": model.networks[0].config.to_dict(),
        "emotions": list(model.emotions),
        "linear_corpora": sorted(model.linear.mean) if model.linear else [],
        "linear_share": model.linear_share,
        "networks": len(model.networks),
        "normalization": model.normalizer.kind,
        "fold": model.fold,
        "seed": model.seed,
        "uses": {purpose: sorted(items) for purpose, items in sorted(model.uses.items())},
    }
    # one entry only: the order of several is not fixed, and the file must be the same every time
    metadata = {"card": json.dumps(card, sort_keys=True)}
    contiguous = {name: value.contiguous() for name, value in sorted(tensors.items())}
    with whole_file(model_path(folder, model.fold, model.seed)) as aside:
        aside.write_bytes(save(contiguous, metadata=metadata))


def _prefix(number: int) -> str:
    return f"network.{number}."


def _linear_tensors(linear: LinearModel | None) -> dict[str, Tensor]:
    if linear is None:
        return {}
    tensors = {"linear.weight": linear.weight, "linear.bias": linear.bias}
    for corpus in linear.mean:
        tensors[f"linear.mean.{corpus}"] = linear.mean[corpus]
        tensors[f"linear.scale.{corpus}"] = linear.scale[corpus]
    return {name: from_numpy(values) for name, values in tensors.items()}


def _assemble_network(config: CnnConfig, number: int, tensors: dict[str, Tensor]) -> Cnn:
    network, prefix = Cnn(config), _prefix(number)
    network.load_state_dict(
        {
            name.removeprefix(prefix): value
            for name, value in tensors.items()
            if name.startswith(prefix)
        }
    )
    return network.eval()


def _assemble_linear(corpora: list[str], tensors: dict[str, Tensor]) -> LinearModel | None:
    if not corpora:
        return None
    return LinearModel(
        {corpus: tensors[f"linear.mean.{corpus}"].numpy() for corpus in corpora},
        {corpus: tensors[f"linear.scale.{corpus}"].numpy() for corpus in corpora},
        tensors["linear.weight"].numpy(),
        tensors["linear.bias"].numpy(),
    )


def load_model(path: Path) -> TrainedModel:
    """Read a model, ready for prediction.

    Raises:
        SerError: if the file is missing, damaged, or not a model of this project.
    """
    try:
        with safe_open(path, framework="pt") as file:
            card: dict[str, Any] = json.loads((file.metadata() or {})["card"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return _assemble(card, tensors)
    except FileNotFoundError:
        raise SerError(f"The model {path} is missing; run `dvc repro`.") from None
    # RuntimeError is how torch says that the weights do not fit the network
    except (
        SafetensorError,
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        RuntimeError,
    ) as error:
        reason = " ".join(str(error).split())
        raise SerError(
            f"{path} is not a model of this project or of another version of it ({reason}); "
            "run `dvc repro`."
        ) from None


def _assemble(card: dict[str, Any], tensors: dict[str, Tensor]) -> TrainedModel:
    config = CnnConfig.from_dict(card["config"])
    networks = [_assemble_network(config, number, tensors) for number in range(card["networks"])]
    normalizer = Normalizer(
        card["normalization"], tensors["normalizer.mean"], tensors["normalizer.scale"]
    )
    uses = {str(purpose): set(items) for purpose, items in card["uses"].items()}
    emotions = tuple(card["emotions"])
    return TrainedModel(
        tuple(networks),
        emotions,
        normalizer,
        int(card["fold"]),
        int(card["seed"]),
        uses,
        _assemble_linear(card["linear_corpora"], tensors),
        float(card["linear_share"]),
    )
