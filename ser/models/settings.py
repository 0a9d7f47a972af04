"""`model_size`, `model_sizes` and `linear` of params.yaml."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from ser.core.settings import Fraction, Name, Number, Positive, Section, Values
from ser.models.network import find_network


@dataclass(frozen=True)
class ModelSize:
    """The chosen network, and its size.

    Attributes:
        network: its name.
        settings: as its class wants them.
    """

    network: str
    settings: Section


def load_model_size(values: Values) -> ModelSize:
    """The row of `model_sizes` that `model_size` names.

    Raises:
        SerError: one sentence naming the key, what was given and what is allowed.
    """
    row = values.chosen("model_size", "model_sizes")
    network = values.section(f"{row}.network", Name)
    kind = find_network(network)
    own = dict(values.section(row, dict))
    own.pop("network")
    return ModelSize(network, values.changed({row: own}).section(row, kind.Settings))


class Prediction(Section):
    """How a trained network answers.

    Attributes:
        warps: relative stretches of the bands under which a clip is predicted, the answers
            averaged; none leaves it as it is.
    """

    warps: tuple[Annotated[Number, Field(ge=-0.2, le=0.2)], ...]


class Linear(Section):
    """The linear classifier of functionals that answers beside the network.

    Attributes:
        share: weight of its answer; 0 is the network alone.
        helped_share: the same, where helping corpora train.
        c: cost of its errors; the larger, the closer it follows its training clips.
    """

    share: Fraction
    helped_share: Fraction
    c: Positive
