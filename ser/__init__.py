"""Speech emotion recognition with honest numbers: the library that the stages call.

`ser.load()` gives a model that answers recordings; what that needs is imported when it is called.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from ser.predict.answers import Answer
    from ser.predict.model import Predictor
    from ser.predict.portable import OnnxPredictor

__all__ = ["Answer", "OnnxPredictor", "Predictor", "load", "load_onnx"]


def load(model: "str | Path | None" = None) -> "Predictor":
    """A trained model: the one that the package carries, or another (see `ser.predict.model`).

    Raises:
        SerError: if there is no such model, or it is damaged.
    """
    from ser.predict.model import load as load_model

    return load_model(model)


def load_onnx(path: "str | Path") -> "OnnxPredictor":
    """A model in a file that `ser export onnx` has written: it answers without PyTorch.

    Raises:
        SerError: if there is no such file, or it is damaged.
    """
    from ser.predict.portable import load_onnx as load_file

    return load_file(path)


def __getattr__(name: str) -> Any:
    if name == "Answer":
        from ser.predict.answers import Answer

        return Answer
    if name == "Predictor":
        from ser.predict.model import Predictor

        return Predictor
    if name == "OnnxPredictor":
        from ser.predict.portable import OnnxPredictor

        return OnnxPredictor
    raise AttributeError(f"module 'ser' has no attribute {name!r}")
