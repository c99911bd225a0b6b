"""fp16 and bf16 on a CPU, as a GPU computes them: products summed in float32, every result rounded to 16 bits.

ONNX Runtime has no bfloat16 kernels on the CPU, and its float16 runs in float32 and skips roundings between nodes,
which flatters a graph by a factor of four. So the same graph runs in float32 with each rounding written out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

# These move or select values: rounding their outputs again changes nothing.
MOVES_VALUES = (
    "Reshape", "Transpose", "Split", "Slice", "Gather", "Concat", "Squeeze", "Unsqueeze", "Identity", "Relu",
)  # fmt: skip
PRODUCTS = ("MatMul", "Gemm", "Conv")


def element_type(precision: str) -> int:
    """ONNX's number for fp16 or bf16."""
    import onnx

    return int({"fp16": onnx.TensorProto.FLOAT16, "bf16": onnx.TensorProto.BFLOAT16}[precision])


def named(graph: bytes) -> onnx.ModelProto:
    """The graph as a model whose nodes all have names."""
    import onnx

    model = onnx.load_from_string(graph)
    for index, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type.lower()}_{index}"
    return model


def products(graph: bytes) -> list[str]:
    """Names of the matrix products and convolutions, which take nearly all the time of a graph."""
    return [node.name for node in named(graph).graph.node if node.op_type in PRODUCTS]


def rounded(graph: bytes, precision: str) -> bytes:
    """A 16-bit graph with the same numbers in float32 tensors: every result is rounded and widened again."""
    import onnx

    model, low = onnx.load_from_string(graph), element_type(precision)
    types = element_types(model)
    for constant in model.graph.initializer:
        if constant.data_type == low:
            exact = onnx.numpy_helper.to_array(constant).astype(np.float32)
            constant.CopyFrom(onnx.numpy_helper.from_array(exact, constant.name))
    nodes: list[Any] = []
    for node in model.graph.node:
        low_outputs = [name for name in node.output if types.get(name) == low]
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == low:
                attribute.i = onnx.TensorProto.FLOAT
        nodes.append(node)
        if low_outputs and node.op_type not in MOVES_VALUES:
            nodes += _round_outputs(node, low)
    return _with_nodes(model, nodes)


def with_rounded(graph: bytes, precision: str, names: Collection[str]) -> bytes:
    """A float32 graph in which only the named nodes compute in 16 bits: rounded inputs, rounded results."""
    model, low = named(graph), element_type(precision)
    nodes: list[Any] = []
    for node in model.graph.node:
        if node.name not in names:
            nodes.append(node)
            continue
        for index, name in enumerate(node.input):
            node.input[index] = f"{name}.for.{node.name}"
            nodes += _round(name, node.input[index], low)
        nodes += [node, *_round_outputs(node, low)]
    return _with_nodes(model, nodes)


def element_types(model: onnx.ModelProto) -> dict[str, int]:
    """Tensor name -> ONNX element type, of every value in the graph."""
    import onnx

    graph = onnx.shape_inference.infer_shapes(model).graph
    values = (*graph.value_info, *graph.input, *graph.output)
    return {value.name: value.type.tensor_type.elem_type for value in values}


def _round_outputs(node: onnx.NodeProto, low: int) -> list[onnx.NodeProto]:
    nodes = []
    for index, name in enumerate(node.output):
        node.output[index] = f"{name}.exact"
        nodes += _round(f"{name}.exact", name, low)
    return nodes


def _round(source: str, target: str, low: int) -> list[onnx.NodeProto]:
    import onnx

    return [
        onnx.helper.make_node("Cast", [source], [f"{target}.low"], to=low),
        onnx.helper.make_node("Cast", [f"{target}.low"], [target], to=onnx.TensorProto.FLOAT),
    ]


def _with_nodes(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto]) -> bytes:
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.value_info[:]
    return bytes(model.SerializeToString())
