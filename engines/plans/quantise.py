"""int8 as symmetric Q/DQ pairs around the products with weights, by ONNX Runtime's static quantisation."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.plans.rounding import PRODUCTS, named

Feeds = Sequence[dict[str, NDArray[np.float32]]]  # one dict of input arrays a run


def quantise(graph: bytes, feeds: Feeds, products: Sequence[str]) -> bytes:
    """The graph with the named products in int8: weights per channel, activations per tensor, zero points 0."""
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.feeds: Iterator[dict[str, NDArray[np.float32]]] = iter(feeds)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self.feeds, None)

    root = logging.getLogger()
    level = root.level
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "int8.onnx")
        root.setLevel(logging.ERROR)  # it advises a pre-processing that ours does not need, through the root logger
        try:
            quantization.quantize_static(
                named(graph), target, Reader(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                op_types_to_quantize=list(PRODUCTS), nodes_to_quantize=list(products),
                activation_type=quantization.QuantType.QInt8, weight_type=quantization.QuantType.QInt8,
                extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False},
            )  # fmt: skip
        finally:
            root.setLevel(level)
        return target.read_bytes()


def products_with_weights(graph: bytes) -> list[str]:
    """Names of the products with a constant matrix or kernel; not the heads, whose batched product gives the poses."""
    model = named(graph)
    constants = {item.name: len(item.dims) for item in model.graph.initializer}
    weighted = (node for node in model.graph.node if node.op_type in PRODUCTS)
    return [node.name for node in weighted if constants.get(node.input[1]) in (2, 4)]
