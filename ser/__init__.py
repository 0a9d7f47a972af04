"""Speech emotion recognition with honest numbers: the library that the stages call.

`ser.load()` gives a model that answers recordings; what that needs is imported when it is called.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from ser.predict.answers import Answer
    from ser.predict.model import Predictor

__all__ = ["Answer", "Predictor", "load"]


def load(model: "str | Path | None" = None) -> "Predictor":
    """A trained model: the one that the package carries, or another (see `ser.predict.model`).

    Raises:
        SerError: if there is no such model, or it is damaged.
    """
    from ser.predict.model import load as load_model

    return load_model(model)


def __getattr__(name: str) -> Any:
    if name == "Answer":
        from ser.predict.answers import Answer

        return Answer
    if name == "Predictor":
        from ser.predict.model import Predictor

        return Predictor
    raise AttributeError(f"module 'ser' has no attribute {name!r}")
