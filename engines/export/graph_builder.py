"""A small builder of ONNX graphs, node by node from NumPy arrays: no torch needed, only `onnx`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.extras import pip_install

OPSET = 18
IR_VERSION = 10
EPSILON = 1e-5  # of every batch norm

Shapes = Mapping[str, Sequence[int | str]]  # input or output -> its sizes, names where they vary
Array = NDArray[np.floating[Any]]


class GraphBuilder:
    """Collects nodes and constants; every method returns the name of what it computes."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        try:
            import onnx
        except ImportError as error:
            raise UserError(f"exporting a model needs onnx: {pip_install('train')}") from error
        self.onnx = onnx
        self.arrays = arrays
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: NDArray[Any]) -> str:
        name = f"constant_{len(self.constants)}"
        value = np.ascontiguousarray(value, np.float32 if value.dtype.kind == "f" else value.dtype)
        self.constants.append(self.onnx.numpy_helper.from_array(value, name))
        return name

    def ints(self, *values: int) -> str:
        return self.constant(np.asarray(values, np.int64))

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def rename(self, old: str, new: str) -> None:
        """What a node computes, wherever it is read."""
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [new if name == old else name for name in names]

    def split(self, x: str, sizes: Sequence[int], axis: int) -> list[str]:
        outputs = [f"split_{len(self.nodes)}_{part}" for part in range(len(sizes))]
        self.nodes.append(self.onnx.helper.make_node("Split", [x, self.ints(*sizes)], outputs, axis=axis))
        return outputs

    def reshape(self, x: str, shape: Sequence[int]) -> str:
        return self.add("Reshape", x, self.ints(*shape))

    def norm(self, name: str) -> tuple[Array, Array]:
        """Batch norm `name` in eval mode as y = x * scale + shift."""
        scale = self.arrays[f"{name}.weight"] / np.sqrt(self.arrays[f"{name}.running_var"] + EPSILON)
        return scale, self.arrays[f"{name}.bias"] - self.arrays[f"{name}.running_mean"] * scale

    def model(self, name: str, inputs: Shapes, outputs: Shapes) -> bytes:
        """The serialised, checked model with float32 inputs and outputs of these shapes."""
        helper, float32 = self.onnx.helper, self.onnx.TensorProto.FLOAT
        ends = (
            [helper.make_tensor_value_info(key, float32, shape) for key, shape in end.items()]
            for end in (inputs, outputs)
        )
        graph = helper.make_graph(self.nodes, name, *ends, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        self.onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
