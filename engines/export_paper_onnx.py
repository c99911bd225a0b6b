"""The paper's model as an ONNX graph, written node by node from NumPy arrays: no torch needed, only `onnx`.

Batch norms are folded into the convolutions, the six similarity projections of a unit run as one convolution and its
three graph projections (and `down`) as another. Input `features` (B, T, V, 2), output `pose` (B, 1, V, 3).
Axes as in engines.gla_gcn: B batch, C channels, T frames, V joints, E embedding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.checkpoint import PAPER, ModelCard, find_model, load_arrays, write_aside
from engines.errors import UserError
from engines.paper_graph import skeleton_graphs

OPSET = 18
EPSILON = 1e-5  # of every batch norm

Array = NDArray[np.floating[Any]]


def export_paper(model: str | Path, target: Path) -> ModelCard:
    """Write the ONNX graph of an imported paper model (name or .safetensors path) to `target`; returns its card."""
    card, weights = find_model(model)
    if card.kind != PAPER:
        raise UserError(f"model {card.name} is {card.kind}: this exporter writes {PAPER}")
    data = paper_onnx(card, load_arrays(card, weights))
    write_aside(target, lambda aside: aside.write_bytes(data))
    return card


def paper_onnx(card: ModelCard, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The serialised ONNX model. Raises UserError where the `onnx` package is missing."""
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError as error:
        raise UserError("exporting a model needs onnx: pip install 'realtime-pose[train]'") from error
    graph = _Graph(arrays)
    joints, frames = card.joints, card.frames
    scale, shift = graph.norm("data_bn")
    x = graph.add("Mul", "features", graph.constant(scale.reshape(joints, 2)))
    x = graph.add("Add", x, graph.constant(shift.reshape(joints, 2)))
    x = graph.add("Transpose", x, perm=[0, 3, 1, 2])  # (B, T, V, 2) -> (B, 2, T, V)
    x = graph.unit("expand_gcn", x, frames)
    for level, width in enumerate(card.widths):
        centre = x if width == 1 else graph.slice_frames(x, width)
        x = graph.unit(f"layers_tcngcn.{2 * level}", x, frames)
        x = graph.unit(f"layers_tcngcn.{2 * level + 1}", x, frames, stride=width, residual=False)
        x = graph.add("Add", centre, x)
        frames //= width
    graph.head(x, joints)
    value_in = helper.make_tensor_value_info("features", TensorProto.FLOAT, ("batch", card.frames, joints, 2))
    value_out = helper.make_tensor_value_info("pose", TensorProto.FLOAT, ("batch", 1, joints, 3))
    proto = helper.make_graph(graph.nodes, card.name or PAPER, [value_in], [value_out], graph.constants)
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


class _Graph:
    """Collects nodes and constants; every method returns the name of what it computes."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.arrays = arrays
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def reshape(self, x: str, shape: Sequence[int]) -> str:
        return self.add("Reshape", x, self.constant(np.asarray(shape, np.int64)))

    def norm(self, name: str) -> tuple[Array, Array]:
        """Batch norm `name` in eval mode as y = x * scale + shift."""
        scale = self.arrays[f"{name}.weight"] / np.sqrt(self.arrays[f"{name}.running_var"] + EPSILON)
        return scale, self.arrays[f"{name}.bias"] - self.arrays[f"{name}.running_mean"] * scale

    def folded(self, conv: str, norm: str) -> tuple[Array, Array]:
        """Weight and bias of a convolution followed by a batch norm."""
        scale, shift = self.norm(norm)
        weight = self.arrays[f"{conv}.weight"] * scale[:, None, None, None]
        return weight, self.arrays[f"{conv}.bias"] * scale + shift

    def conv(self, x: str, weight: Array, bias: Array, stride: int = 1) -> str:
        kernel = weight.shape[2]
        pads = [kernel // 2, 0, kernel // 2, 0]
        constants = (self.constant(weight.astype(np.float32)), self.constant(bias.astype(np.float32)))
        return self.add("Conv", x, *constants, kernel_shape=[kernel, 1], strides=[stride, 1], pads=pads)

    def slice_frames(self, x: str, width: int) -> str:
        """x[:, :, width // 2 :: width]"""
        ints = (np.array([value], np.int64) for value in (width // 2, np.iinfo(np.int64).max, 2, width))
        return self.add("Slice", x, *(self.constant(value) for value in ints))

    def unit(self, name: str, x: str, frames: int, stride: int = 1, residual: bool = True) -> str:
        y = self.conv(self.graph_conv(f"{name}.gcn1", x, frames),
                      *self.folded(f"{name}.tcn1.conv", f"{name}.tcn1.bn"), stride)  # fmt: skip
        if f"{name}.residual.conv.weight" in self.arrays:
            x = self.conv(x, *self.folded(f"{name}.residual.conv", f"{name}.residual.bn"), stride)
        return self.add("Relu", self.add("Add", y, x) if residual else y)

    def graph_conv(self, name: str, x: str, frames: int) -> str:
        """`gcn1`: (B, Cin, T, V) -> (B, C, T, V)."""
        graph = self.similarity(name, x, frames)  # (B, 3, V, V)
        joints, inputs = self.arrays[f"{name}.PA"].shape[-1], self.arrays[f"{name}.conv_a.0.weight"].shape[1]
        mixed = self.add("MatMul", self.reshape(x, (0, 1, inputs * frames, joints)), graph)
        mixed = self.reshape(mixed, (0, 3 * inputs, frames, joints))
        scale, shift = self.norm(f"{name}.bn")
        weight = np.concatenate([self.arrays[f"{name}.conv_d.{i}.weight"] for i in range(3)], 1)
        weight = weight * scale[:, None, None, None]
        bias = sum(self.arrays[f"{name}.conv_d.{i}.bias"] for i in range(3)) * scale + shift
        if f"{name}.down.0.weight" not in self.arrays:
            return self.add("Relu", self.add("Add", self.conv(mixed, weight, bias), x))
        down_weight, down_bias = self.folded(f"{name}.down.0", f"{name}.down.1")
        both = self.add("Concat", mixed, x, axis=1)
        return self.add("Relu", self.conv(both, np.concatenate((weight, down_weight), 1), bias + down_bias))

    def similarity(self, name: str, x: str, frames: int) -> str:
        """The three graphs, (B, 3, V, V): softmax over rows of the window's similarity, plus skeleton and learned."""
        theta, phi = ([self.arrays[f"{name}.conv_{kind}.{i}.{part}"] for i in range(3) for part in ("weight", "bias")]
                      for kind in "ab")  # fmt: skip
        embedding, joints = theta[0].shape[0], self.arrays[f"{name}.PA"].shape[-1]
        scale = 1 / (embedding * frames)
        weight = np.concatenate([*(value * scale for value in theta[::2]), *phi[::2]])
        bias = np.concatenate([*(value * scale for value in theta[1::2]), *phi[1::2]])
        both = self.reshape(self.conv(x, weight, bias), (0, 6, embedding * frames, joints))
        self.nodes.append(_split(both, f"{name}.theta", f"{name}.phi"))
        rows = self.add("Transpose", f"{name}.theta", perm=[0, 1, 3, 2])
        graph = self.add("Softmax", self.add("MatMul", rows, f"{name}.phi"), axis=2)
        return self.add("Add", graph, self.constant(skeleton_graphs(joints) + self.arrays[f"{name}.PA"]))

    def head(self, x: str, joints: int) -> None:
        """(B, C, 1, V) -> `pose` (B, 1, V, 3): each joint's own weights, the shared head's repeated."""
        weight, bias = self.arrays["fc.weight"], self.arrays["fc.bias"]
        if bias.ndim == 1:
            weight, bias = np.tile(weight[:, :, 0], (joints, 1, 1)), np.tile(bias, (joints, 1))
        y = self.add("Transpose", x, perm=[0, 2, 3, 1])  # (B, 1, V, C)
        y = self.add("Unsqueeze", y, self.constant(np.array([3], np.int64)))
        y = self.add("MatMul", y, self.constant(weight.transpose(0, 2, 1)))  # (B, 1, V, 1, 3)
        y = self.add("Squeeze", y, self.constant(np.array([3], np.int64)))
        self.add("Add", y, self.constant(bias), output="pose")


def _split(x: str, *outputs: str) -> Any:
    from onnx import helper

    return helper.make_node("Split", [x], list(outputs), axis=1, num_outputs=len(outputs))
