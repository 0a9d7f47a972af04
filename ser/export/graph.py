"""A model as an ONNX graph: network, linear part and calibration, for clips of any length together.

It is written node by node, for of the exporters of `torch.onnx` one is no longer kept and writes
lengths down as constants, and the other needs a compiler of its own. A clip's answer does not
depend on what it is batched with: before every convolution, what lies behind its end is zero again,
as it is where it is predicted by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from ser.core.errors import SerError
from ser.evaluation import calibration
from ser.evaluation.out_of_fold import Model
from ser.models import linear as linear_part
from ser.models.cnn import Cnn
from ser.models.front_ends import ReadyFeatures
from ser.models.linear import LinearModel
from ser.models.pooling import AttentiveStatisticsPooling
from ser.predict.portable import INPUTS, OUTPUTS
from ser.predict.recogniser import ANYBODY
from ser.predict.voices import Voice
from ser.reading import normalization
from ser.reading.normalization import Normalizer

# what onnxruntime 1.17 and later read
_OPSET, _IR = 18, 9
_KINDS = {"tensor(float)": TensorProto.FLOAT, "tensor(double)": TensorProto.DOUBLE}
_Value = str | npt.NDArray[Any]


def build_graph(voices: Sequence[Voice], bands: int, functionals: int) -> onnx.ModelProto:
    """The graph of models that answer together.

    Its inputs are `features`, shape (clips, rows, bands), 32 bit, before normalisation, whatever
    stands behind the end of a clip; `rows` of each clip; `functionals`, shape (clips, functionals),
    64 bit; `corpus`, the number in `corpora_of` by whose clips they are standardised. Its outputs
    are probabilities before (`raw`) and after calibration (`calibrated`), each of shape (voices,
    clips, emotions).

    Raises:
        SerError: if a network is of a kind that is not written here.
    """
    corpora, nodes = corpora_of(voices), Nodes()
    said = [_voice(nodes, voice, corpora) for voice in voices]
    for name, parts in zip(OUTPUTS, zip(*said, strict=True), strict=True):
        stacked = [nodes("Unsqueeze", part, integers(0)) for part in parts]
        nodes.add("Concat", stacked, name, axis=0)
    shapes: dict[str, list[Any]] = {
        "features": ["clips", "rows", bands],
        "rows": ["clips"],
        "functionals": ["clips", functionals],
        "corpus": ["clips"],
    }
    graph = helper.make_graph(
        nodes.nodes,
        "emotions",
        [
            helper.make_tensor_value_info(name, _KINDS.get(kind, TensorProto.INT64), shapes[name])
            for name, kind in INPUTS.items()
        ],
        [
            helper.make_tensor_value_info(
                name, TensorProto.DOUBLE, [len(voices), "clips", len(voices[0].emotions)]
            )
            for name in OUTPUTS
        ],
        nodes.weights,
    )
    opset = helper.make_opsetid("", _OPSET)
    model = helper.make_model(graph, opset_imports=[opset], producer_name="honest-ser")
    model.ir_version = _IR
    onnx.checker.check_model(model, full_check=True)
    return model


def corpora_of(voices: Sequence[Voice]) -> list[str]:
    """Corpora by whose clips any of the voices standardises; `ANYBODY` is among them."""
    parts = [voice.model.linear for voice in voices]
    return sorted({ANYBODY, *(name for part in parts if part for name in part.model.mean)})


@dataclass
class Nodes:
    """Nodes in the making; calling it adds one, and gives the name of what comes out of it."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)
    _known: dict[tuple[str, tuple[int, ...], bytes], str] = field(default_factory=dict)

    def __call__(self, kind: str, *inputs: _Value, **attributes: Any) -> str:
        """Add a node; arrays among its inputs become constants."""
        return self.add(kind, inputs, f"{kind}_{len(self.nodes)}", **attributes)

    def add(self, kind: str, inputs: Sequence[_Value], output: str, **attributes: Any) -> str:
        """The same, with a name for what comes out."""
        names = [each if isinstance(each, str) else self._constant(each) for each in inputs]
        self.nodes.append(helper.make_node(kind, names, [output], **attributes))
        return output

    def _constant(self, values: npt.NDArray[Any]) -> str:
        key = (values.dtype.str, values.shape, values.tobytes())
        if key not in self._known:
            name = self._known[key] = f"constant_{len(self._known)}"
            self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return self._known[key]


def integers(*values: int) -> npt.NDArray[np.int64]:
    """Shape, axes or counts."""
    return np.array(values, np.int64)


def _float(value: float) -> npt.NDArray[np.float32]:
    return np.array(value, np.float32)


def _double(value: float) -> npt.NDArray[np.float64]:
    return np.array(value, np.float64)


def _array(values: Tensor) -> npt.NDArray[np.float32]:
    return values.detach().contiguous().numpy()


def _voice(nodes: Nodes, voice: Voice, corpora: Sequence[str]) -> tuple[str, str]:
    """Probabilities of one model before and after calibration, each of shape (clips, emotions)."""
    heard = nodes("Cast", _network(nodes, voice.model), to=TensorProto.DOUBLE)
    if voice.model.linear:
        part = _linear(nodes, voice.model.linear.model, corpora)
        logs = [
            nodes("Mul", _log(nodes, said, linear_part._TINY), _double(share))
            for said, share in ((heard, 1 - voice.model.share), (part, voice.model.share))
        ]
        heard = nodes("Softmax", nodes("Add", *logs), axis=1)
    scaled = nodes("Div", _log(nodes, heard, calibration._TINY), _double(voice.temperature))
    return heard, nodes("Softmax", scaled, axis=1)


def _log(nodes: Nodes, probabilities: str, least: float) -> str:
    return nodes("Log", nodes("Max", probabilities, _double(least)))


def _linear(nodes: Nodes, model: LinearModel, corpora: Sequence[str]) -> str:
    """Probabilities by functionals; 64 bit, of 32-bit constants."""
    known = [corpus if corpus in model.mean else ANYBODY for corpus in corpora]
    mean, scale = (
        nodes(
            "Cast",
            nodes("Gather", np.stack([by[corpus] for corpus in known]), "corpus", axis=0),
            to=TensorProto.DOUBLE,
        )
        for by in (model.mean, model.scale)
    )
    scaled = nodes("Div", nodes("Sub", "functionals", mean), scale)
    furthest = linear_part._FURTHEST
    near = nodes("Clip", scaled, _double(-furthest), _double(furthest))
    weight = nodes("Cast", model.weight.T, to=TensorProto.DOUBLE)
    logits = nodes("Add", nodes("MatMul", near, weight), model.bias.astype(np.float64))
    return nodes("Softmax", logits, axis=1)


def _network(nodes: Nodes, model: Model) -> str:
    """Probabilities by the network, shape (clips, emotions), the mean over all warps."""
    network = model.network.network
    if not (isinstance(network, Cnn) and isinstance(network.before, ReadyFeatures)):
        raise SerError(
            f"The network `{model.network.name}` on the front end `{network.layout.front_end}` "
            "cannot be written as ONNX; `cnn` on log_mel, pcen or mfcc can."
        )
    length = nodes("Max", "rows", integers(1))
    values = _normalised(nodes, model.network.normalizer, length)
    warps = model.warps if network.layout.neighbours else ()
    if warps:
        # one batch of all clips under all warps
        matrices = _matrices(nodes, warps, network.layout.bands)
        warped = nodes("MatMul", nodes("Unsqueeze", values, integers(1)), matrices)
        shape = nodes("Concat", integers(-1), _size(nodes, values, 1, 3), axis=0)
        values = nodes("Reshape", warped, shape)
        each = nodes("Expand", nodes("Unsqueeze", length, integers(1)), integers(1, len(warps)))
        length = nodes("Reshape", each, integers(-1))
    said = nodes("Softmax", _classify(nodes, network, values, length), axis=1)
    if not warps:
        return said
    apart = nodes("Reshape", said, integers(-1, len(warps), network.classes))
    return nodes("ReduceMean", apart, integers(1), keepdims=0)


def _matrices(nodes: Nodes, warps: Sequence[float], bands: int) -> str:
    """As `band_warps`, of which the file holds the places only: onnxruntime makes them once."""
    factors = 1 + np.array(warps, np.float32)
    place = np.minimum(np.arange(bands, dtype=np.float32) * factors[:, np.newaxis], bands - 1)
    band = np.arange(bands, dtype=np.float32)[:, np.newaxis]
    distance = nodes("Abs", nodes("Sub", place[:, np.newaxis].astype(np.float32), band))
    return nodes("Relu", nodes("Sub", _float(1), distance))


def _size(nodes: Nodes, values: str, first: int, after: int) -> str:
    return nodes("Shape", values, start=first, end=after)


def _inside(nodes: Nodes, values: str, length: str, axis: int) -> str:
    """Which steps along an axis belong to each clip, shape (clips, steps)."""
    steps = nodes("Squeeze", _size(nodes, values, axis, axis + 1))
    places = nodes("Range", np.array(0), steps, np.array(1))
    return nodes("Less", places, nodes("Unsqueeze", length, integers(1)))


def _cleared(nodes: Nodes, values: str, length: str, axis: int, *added: int) -> str:
    """Zero behind the end of each clip, whatever stood there; `added` axes are broadcast."""
    inside = nodes("Unsqueeze", _inside(nodes, values, length, axis), integers(*added))
    return nodes("Where", inside, values, _float(0))


def _normalised(nodes: Nodes, normalizer: Normalizer, length: str) -> str:
    """As `Normalizer` does it: by what belongs to the clip, and zero behind that."""
    values = _cleared(nodes, "features", length, 1, 2)
    if normalizer.kind in ("train", "speaker"):
        scaled = nodes("Sub", values, _array(normalizer.mean))
        return _cleared(nodes, nodes("Div", scaled, _array(normalizer.scale)), length, 1, 2)
    count = nodes("Unsqueeze", nodes("Cast", length, to=TensorProto.FLOAT), integers(1, 2))
    mean = nodes("Div", nodes("ReduceSum", values, integers(1)), count)
    centred = _cleared(nodes, nodes("Sub", values, mean), length, 1, 2)
    if normalizer.kind == "clip_mean":
        return nodes("Div", centred, _array(normalizer.scale))
    variance = nodes("Div", nodes("ReduceSum", nodes("Mul", centred, centred), integers(1)), count)
    deviation = nodes("Add", nodes("Sqrt", variance), _float(normalization._SOFT_FLOOR))
    return nodes("Div", centred, deviation)


def _classify(nodes: Nodes, network: Cnn, values: str, length: str) -> str:
    """Logits, as `Cnn.classify` gives them, of clips padded as `predict_clip` pads them."""
    # behind each clip there are zeros up to a multiple of the granularity, and then nothing
    whole = integers(network.granularity)
    more = nodes("Mod", nodes("Neg", _size(nodes, values, 1, 2)), whole)
    bands = integers(-network.layout.bands % network.bands_together)
    before = integers(0, 0, 0, 0)
    values = nodes("Pad", values, nodes("Concat", before, more, bands, axis=0))
    padded = nodes("Add", length, nodes("Mod", nodes("Neg", length), whole))
    shape = nodes(
        "Concat", _size(nodes, values, 0, 2), integers(-1, network.bands_together), axis=0
    )
    image = nodes("Transpose", nodes("Reshape", values, shape), perm=[0, 3, 1, 2])
    maps = _body(nodes, network.body, image, padded)
    sequence = nodes("Transpose", maps, perm=[0, 2, 3, 1])
    flat = nodes("Concat", _size(nodes, sequence, 0, 2), integers(-1), axis=0)
    merged = _merged(nodes, network.merge_bands, nodes("Reshape", sequence, flat))
    steps = integers(network.time_stride)
    # rounded up
    left = nodes("Div", nodes("Add", length, integers(network.time_stride - 1)), steps)
    pooled = _pooled(nodes, network.pooling, merged, left)
    return _dense(nodes, network.classifier, pooled)


def _body(nodes: Nodes, body: nn.Sequential, values: str, length: str) -> str:
    for layer in body:
        if isinstance(layer, nn.Conv2d):
            pad, stride = _pair(layer.padding), _pair(layer.stride)
            image = _cleared(nodes, values, length, 2, 1, 3)
            values = nodes("Conv", image, _array(layer.weight), strides=stride, pads=[*pad, *pad])
            reached = nodes("Add", length, integers(2 * pad[0] - layer.kernel_size[0]))
            length = nodes("Add", nodes("Div", reached, integers(stride[0])), integers(1))
        elif isinstance(layer, nn.MaxPool2d):
            size = _pair(layer.kernel_size)
            values = nodes("MaxPool", values, kernel_shape=size, strides=size)
            length = nodes("Div", length, integers(size[0]))
        elif isinstance(layer, nn.BatchNorm2d):
            scale, shift = _folded(layer)
            wide = (1, -1, 1, 1)
            values = nodes("Mul", values, scale.reshape(wide))
            values = nodes("Add", values, shift.reshape(wide))
        elif isinstance(layer, nn.ReLU):
            values = nodes("Relu", values)
        else:
            raise SerError(f"A layer {type(layer).__name__} cannot be written as ONNX.")
    return values


def _pair(sizes: Any) -> list[int]:
    """Of time and bands; torch's types would allow words, and one number for both."""
    along_time, along_bands = sizes
    return [int(along_time), int(along_bands)]


def _folded(norm: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Batch normalisation of a trained network: a scale and a shift, each of shape (channels,)."""
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    shift = norm.bias.double() - norm.running_mean.double() * scale
    return _array(scale.float()), _array(shift.float())


def _merged(nodes: Nodes, layers: nn.Sequential, values: str) -> str:
    dense: Any = layers[0]
    scale, shift = _folded(layers[1])
    product = nodes("MatMul", values, _array(dense.weight.T) * scale)
    return nodes("Relu", nodes("Add", product, shift))


def _dense(nodes: Nodes, layer: nn.Linear, values: str) -> str:
    return nodes("Add", nodes("MatMul", values, _array(layer.weight.T)), _array(layer.bias))


def _pooled(nodes: Nodes, pooling: AttentiveStatisticsPooling, values: str, length: str) -> str:
    hidden = nodes("Tanh", _dense(nodes, pooling.hidden, values))
    scores = _dense(nodes, pooling.score, hidden)
    inside = nodes("Unsqueeze", _inside(nodes, values, length, 1), integers(2))
    weights = nodes("Softmax", nodes("Where", inside, scores, _float(-1e4)), axis=1)
    weighted = nodes("Mul", values, weights)
    mean = nodes("ReduceSum", weighted, integers(1), keepdims=0)
    squares = nodes("ReduceSum", nodes("Mul", weighted, values), integers(1), keepdims=0)
    variance = nodes("Max", nodes("Sub", squares, nodes("Mul", mean, mean)), _float(1e-5))
    return nodes("Concat", mean, nodes("Sqrt", variance), axis=1)
