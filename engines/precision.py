"""A float32 ONNX graph in another precision: TensorRT is strongly typed, so the graph itself must carry the types.

fp16 and bf16: NVIDIA Model Optimizer's AutoCast, which leaves nodes in fp32 whose values leave the safe range.
int8: Q/DQ pairs (engines.quantise). Where all of a graph in a precision is not exact enough, less of it is tried.
Inputs and outputs stay float32 in every precision.
"""

from __future__ import annotations

import importlib.util
import logging
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.bfloat16 import element_types, rounded
from engines.errors import UserError
from engines.parity import Certificate, onnx_session
from engines.quantise import Feeds, products_with_weights, quantise

if TYPE_CHECKING:
    import onnx
    import onnxruntime

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
AUTOCAST_MODULES = ("modelopt", "onnx_graphsurgeon", "onnxslim", "lief", "polygraphy", "torch")
SAFE_RANGE = 512.0  # beyond, neighbouring fp16 numbers are more than 0.5 apart
# What AutoCast may leave in fp32, in the order tried: nothing; all but the products, which cost the time.
ISLANDS: tuple[tuple[str, ...], ...] = ((), ("Add", "Relu", "Softmax", "Exp", "Clip"))


@dataclass(frozen=True)
class Converted:
    onnx: bytes
    conversion: str  # the tool, its version, and what it left in fp32
    parity: Certificate


Certify = Callable[[bytes], Certificate]


def convert(graph: bytes, precision: str, feeds: Feeds, certify: Certify) -> Converted:
    """As much of the graph in `precision` as its certificate allows; where none passes, all of it.

    `feeds` are representative inputs. Raises UserError where a tool is missing.
    """
    if precision == "fp32":
        return Converted(graph, "as exported", certify(graph))
    require_converter(precision)
    if precision == "int8":
        return _quantise_what_passes(graph, feeds, certify)
    tries = []
    for islands in ISLANDS:
        data, conversion = _autocast(graph, precision, feeds, islands)
        tries.append(Converted(data, conversion, certify(data)))
        if tries[-1].parity.passed:
            return tries[-1]
    return min(tries, key=lambda converted: converted.parity.max_mm)


def require_converter(precision: str) -> None:
    """Raise UserError, before any work, where the tool for `precision` is not installed."""
    if precision not in PRECISIONS:
        raise UserError(f"--precision is {precision!r}: choose one of {', '.join(PRECISIONS)}")
    if importlib.util.find_spec("onnx") is None:
        raise UserError("building a plan needs onnx: pip install 'realtime-pose[tensorrt]'")
    missing = [name for name in AUTOCAST_MODULES if importlib.util.find_spec(name) is None]
    if precision in ("fp16", "bf16") and missing:
        raise UserError(f"--precision {precision} needs NVIDIA Model Optimizer ({', '.join(missing)} missing):"
                        " pip install 'realtime-pose[autocast]'")  # fmt: skip


def evaluator(graph: bytes, precision: str, threads: int = 0) -> tuple[onnxruntime.InferenceSession, str]:
    """What runs a converted graph on the CPU as the plan would compute it, and a description of that."""
    version = metadata.version("onnxruntime")
    if precision == "bf16":
        # ONNX Runtime has no bfloat16 kernels on the CPU: products in fp32, every result rounded to bfloat16.
        how = f"onnxruntime {version} CPU in float32, each node's result rounded to bfloat16"
        return onnx_session(rounded(graph), threads, optimise=False), how
    # Optimisations would fold casts and Q/DQ pairs into something no GPU computes.
    return onnx_session(graph, threads, optimise=precision == "fp32"), f"onnxruntime {version} CPU"


def _autocast(graph: bytes, precision: str, feeds: Feeds, islands: Sequence[str]) -> tuple[bytes, str]:
    import onnx

    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # of the tool's own imports
        import modelopt.onnx.autocast as autocast

        logging.getLogger("modelopt").setLevel(logging.ERROR)
        source, data = Path(folder, "graph.onnx"), Path(folder, "feeds")
        source.write_bytes(graph)
        data.mkdir()
        for index, feed in enumerate(feeds):
            np.savez(data / f"{index:04d}.npz", allow_pickle=False, **feed)
        model = autocast.convert_to_mixed_precision(
            str(source), precision, keep_io_types=True, data_max=SAFE_RANGE, calibration_data=str(data),
            op_types_to_exclude=list(islands), providers=["cpu"],
        )  # fmt: skip
    low = onnx.TensorProto.FLOAT16 if precision == "fp16" else onnx.TensorProto.BFLOAT16
    lowered, floating = _count(model, low)
    tool = f"nvidia-modelopt {metadata.version('nvidia-modelopt')} AutoCast"
    return bytes(model.SerializeToString()), f"{tool}, {lowered} of {floating} nodes in {precision}"


def _count(model: onnx.ModelProto, low: int) -> tuple[int, int]:
    """How many nodes are in the low precision, of how many that compute with floats."""
    import onnx

    types = element_types(model)
    nodes = [types.get(node.output[0]) for node in model.graph.node if node.op_type != "Cast"]
    return nodes.count(low), nodes.count(low) + nodes.count(onnx.TensorProto.FLOAT)


def _quantise_what_passes(graph: bytes, feeds: Feeds, certify: Certify) -> Converted:
    """int8 for every product with weights, else for the largest set of the least sensitive ones that passes."""
    products = products_with_weights(graph)
    tool = f"onnxruntime {metadata.version('onnxruntime')} static quantisation"

    def of(names: Sequence[str]) -> Converted:
        data = quantise(graph, feeds, names)
        conversion = f"{tool}, {len(names)} of {len(products)} products with weights in int8, the rest in fp32"
        return Converted(data, conversion, certify(data))

    everything = of(products)
    if everything.parity.passed:
        return everything
    alone = {name: of([name]).parity.mean_mm for name in products}
    calm = sorted(products, key=alone.__getitem__)
    best, low, high = everything, 0, len(products)
    while high - low > 1:  # calm[:low] passes, calm[:high] does not
        middle = (low + high) // 2
        candidate = of(calm[:middle])
        if candidate.parity.passed:
            best, low = candidate, middle
        else:
            high = middle
    return best
