"""bfloat16 on a CPU: ONNX Runtime has no kernels for it, so the same graph runs in float32 with every result rounded.

That is what a GPU computes when it sums products in float32 and stores bfloat16; fused nodes there round less often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

# These move or select values: rounding their outputs again changes nothing.
MOVES_VALUES = {
    "Reshape", "Transpose", "Split", "Slice", "Gather", "Concat", "Squeeze", "Unsqueeze", "Identity", "Relu",
}  # fmt: skip


def rounded(graph: bytes) -> bytes:
    """A bfloat16 graph with the same numbers in float32 tensors: every result is rounded to bfloat16 and back."""
    import onnx

    model = onnx.load_from_string(graph)
    types, low = element_types(model), onnx.TensorProto.BFLOAT16
    for constant in model.graph.initializer:
        if constant.data_type == low:
            constant.CopyFrom(_as_float32(constant))
    nodes: list[Any] = []
    for node in model.graph.node:
        names = [name for name in node.output if types.get(name) == low]
        if node.op_type == "Cast":
            for attribute in node.attribute:
                attribute.i = onnx.TensorProto.FLOAT if attribute.name == "to" and attribute.i == low else attribute.i
        nodes.append(node)
        if names and node.op_type not in MOVES_VALUES:
            for index, name in enumerate(node.output):
                node.output[index] = f"{name}.exact"
                nodes.append(onnx.helper.make_node("Cast", [f"{name}.exact"], [f"{name}.low"], to=low))
                nodes.append(onnx.helper.make_node("Cast", [f"{name}.low"], [name], to=onnx.TensorProto.FLOAT))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.value_info[:]
    return bytes(model.SerializeToString())


def element_types(model: onnx.ModelProto) -> dict[str, int]:
    """Tensor name -> ONNX element type, of every value in the graph."""
    import onnx

    graph = onnx.shape_inference.infer_shapes(model).graph
    values = (*graph.value_info, *graph.input, *graph.output)
    return {value.name: value.type.tensor_type.elem_type for value in values}


def _as_float32(constant: onnx.TensorProto) -> onnx.TensorProto:
    import onnx

    return onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(constant).astype(np.float32), constant.name)
