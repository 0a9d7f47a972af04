"""The released model on disk: one safetensors file that the package carries.

It is what `ser.models.storage` writes of a network and of a linear part, in one file, and beside it
what is needed where there are neither parameters nor a corpus: settings of the front end, the
temperature, thresholds of warnings, and the beginnings of the hashes of the clips that trained.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, from_numpy

from ser.core.errors import SerError
from ser.core.files import whole_file
from ser.core.settings import Fraction, Positive, Section
from ser.evaluation.out_of_fold import Model
from ser.features.settings import FRONT_ENDS, Features, FrontEndSettings
from ser.models.storage import (
    TrainedLinear,
    TrainedNetwork,
    load_linear,
    load_network,
    save_linear,
    save_network,
)
from ser.predict.recogniser import ANYBODY, beginning
from ser.predict.trust import Trust
from ser.predict.voices import Voice, for_anybody

RELEASED = Path(__file__).parents[1] / "released.safetensors"
# the fold of a model that nobody may be tested on
NOBODY = -1
_KEY = "released"


class Thresholds(Section):
    """Above which confidence, and below which distance, an answer is not flagged."""

    unsure: Fraction
    unlike: Positive


class Card(Section):
    """What the released model says of itself.

    Attributes:
        name: of the system whose recipe it was trained by.
        protocol: who trained.
        share, warps: how its parts answer together.
        features, front_end: what its network sees.
        temperature, thresholds: chosen on validation speakers of that system.
        chosen: in words and numbers, how.
        made_from: hashes of what decided its bytes. (It cannot know its own commit; git does.)
        score: of the same recipe, out of fold; none was measured on this model.
    """

    name: str
    protocol: str
    share: Fraction
    warps: tuple[float, ...]
    features: Features
    front_end: dict[str, Any]
    temperature: Positive
    thresholds: Thresholds
    chosen: dict[str, Any]
    made_from: dict[str, Any]
    score: dict[str, Any]

    @property
    def front_end_settings(self) -> FrontEndSettings:
        """Settings of the front end, checked."""
        kind = FRONT_ENDS[self.features.front_end]
        return TypeAdapter(kind).validate_python(self.front_end)


@dataclass(frozen=True)
class Released:
    """The released model.

    Attributes:
        known: clips that trained, by the beginning of their samples' hash.
    """

    voice: Voice
    trust: Trust
    card: Card
    known: Mapping[int, str]


def save_released(
    path: Path,
    network: TrainedNetwork,
    linear: TrainedLinear,
    card: Card,
    hashes: Mapping[str, str],
) -> None:
    """Write the released model.

    Args:
        hashes: of the samples of every clip that trained.
    """
    clips = _clips(network)
    with TemporaryDirectory() as folder:
        save_network(Path(folder) / "network", network)
        save_linear(Path(folder) / "linear", linear)
        parts = [_read(Path(folder) / part) for part in ("linear", "network")]
    whole = {**parts[0][0], **parts[1][0], _KEY: card.model_dump(mode="json")}
    known = np.array([beginning(hashes[clip]) for clip in clips], np.int64)
    tensors = {**parts[0][1], **parts[1][1], "known": from_numpy(known)}
    # one entry only: the order of several is not fixed, and the file must be the same every time
    metadata = {"card": json.dumps(whole, sort_keys=True)}
    with whole_file(path) as aside:
        aside.write_bytes(save(dict(sorted(tensors.items())), metadata=metadata))


def is_released(path: Path) -> bool:
    """Whether a file is a released model, and not that of a fold."""
    try:
        with safe_open(path, framework="np") as file:
            return f'"{_KEY}"' in (file.metadata() or {}).get("card", "")
    except (SafetensorError, OSError):
        return False


def load_released(path: Path | None = None) -> Released:
    """Read a released model; by default the one that the package carries.

    Raises:
        SerError: if the file is missing, damaged, or none.
    """
    path = path or RELEASED
    if not path.is_file():
        remedy = "run `dvc repro studies/dvc.yaml:release`"
        raise SerError(f"The released model {path} is missing; {remedy}.")
    network, linear = load_network(path), for_anybody(load_linear(path))
    try:
        whole, tensors = _read(path)
        card = Card.model_validate(whole[_KEY])
        known = dict(zip(tensors["known"].tolist(), _clips(network), strict=True))
    except (SafetensorError, KeyError, ValueError, ValidationError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SerError(f"{path} is no released model of this version ({reason}).") from None
    model = Model(network, linear if card.share else None, card.share, card.warps)
    trust = Trust(
        card.thresholds.unsure,
        card.thresholds.unlike,
        linear.model.mean[ANYBODY],
        linear.model.scale[ANYBODY],
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    voice = Voice(model, card.temperature, f"released-{digest}", card.protocol)
    return Released(voice, trust, card, known)


def _clips(network: TrainedNetwork) -> list[str]:
    """Clips that trained, without their copies, sorted."""
    return sorted({item.partition("+")[0] for item in network.uses["training"]})


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    with safe_open(path, framework="pt") as file:
        card: dict[str, Any] = json.loads((file.metadata() or {})["card"])
        return card, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
