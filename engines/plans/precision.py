"""A float32 ONNX graph in another precision: TensorRT is strongly typed, so the graph itself must carry the types.

fp16 and bf16: NVIDIA Model Optimizer's AutoCast, which leaves nodes in fp32 whose values leave the safe range.
int8: Q/DQ pairs (quantise.py). Where all of a graph in a precision is not exact enough, the rest stays in fp32:
first everything but the products, then the products that suffer most. Inputs and outputs are always float32.
"""

from __future__ import annotations

import importlib.util
import logging
import tempfile
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from engines.errors import UserError
from engines.extras import pip_install
from engines.plans.certificate import Certificate, onnx_session
from engines.plans.quantise import Feeds, products_with_weights, quantise
from engines.plans.rounding import MOVES_VALUES, element_type, element_types, named, products, rounded, with_rounded

if TYPE_CHECKING:
    import onnx
    import onnxruntime

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
AUTOCAST_MODULES = ("modelopt", "onnx_graphsurgeon", "onnxslim", "lief", "polygraphy", "torch")
SAFE_RANGE = 512.0  # beyond, neighbouring fp16 numbers are more than 0.5 apart
ALL_BUT_PRODUCTS = (*MOVES_VALUES, "Add", "Mul", "Softmax", "Exp", "Clip")


@dataclass(frozen=True)
class Converted:
    onnx: bytes
    conversion: str  # the tool, its version, and how much it converted
    parity: Certificate


class Certify(Protocol):
    """Measures a graph: `full` decides, `quick` compares. `precision` says how to run it, the certificate's if None."""

    def full(self, graph: bytes) -> Certificate: ...

    def quick(self, graph: bytes, precision: str | None = None) -> Certificate: ...


def convert(graph: bytes, precision: str, feeds: Feeds, certify: Certify, force: bool = False) -> Converted:
    """As much of the graph in `precision` as its certificate allows; all of it with `force`, or where nothing passes.

    `feeds` are representative inputs. Raises UserError where a tool is missing.
    """
    if precision == "fp32":
        return Converted(graph, "as exported", certify.full(graph))
    require_converter(precision)
    if precision == "int8":
        return _int8(graph, feeds, certify, force)
    return _sixteen_bits(graph, precision, feeds, certify, force)


def require_converter(precision: str) -> None:
    """Raise UserError, before any work, where the tool for `precision` is not installed."""
    if precision not in PRECISIONS:
        raise UserError(f"--precision is {precision!r}: choose one of {', '.join(PRECISIONS)}")
    if importlib.util.find_spec("onnx") is None:
        raise UserError(f"building a plan needs onnx: {pip_install('tensorrt')}")
    missing = [name for name in AUTOCAST_MODULES if importlib.util.find_spec(name) is None]
    if precision in ("fp16", "bf16") and missing:
        raise UserError(f"--precision {precision} needs NVIDIA Model Optimizer ({', '.join(missing)} missing):"
                        " pip install 'realtime-pose[autocast]'")  # fmt: skip


def evaluator(graph: bytes, precision: str, threads: int = 0) -> tuple[onnxruntime.InferenceSession, str]:
    """What runs a converted graph on the CPU as the plan would compute it, and a description of that."""
    tool = f"onnxruntime {metadata.version('onnxruntime')} CPU"
    if precision in ("fp16", "bf16"):
        session = onnx_session(rounded(graph, precision), threads, optimise=False)
        return session, f"{tool}, in float32 with each node's result rounded to {precision}"
    # Optimisations would fold Q/DQ pairs into something no GPU computes.
    return onnx_session(graph, threads, optimise=precision == "fp32"), tool


def _sixteen_bits(graph: bytes, precision: str, feeds: Feeds, certify: Certify, force: bool) -> Converted:
    tool = f"nvidia-modelopt {metadata.version('nvidia-modelopt')} AutoCast"

    def finished(in_fp32: Sequence[str] = (), operators: Sequence[str] = ()) -> Converted:
        model = _autocast(graph, precision, feeds, in_fp32, operators, np.inf if force else SAFE_RANGE)
        lowered, floating = _count(model, element_type(precision))
        data = bytes(model.SerializeToString())
        return Converted(data, f"{tool}, {lowered} of {floating} nodes in {precision}", certify.full(data))

    everything = finished()
    if force or everything.parity.within_limit:
        return everything

    def quick(names: Collection[str]) -> Certificate:
        return certify.quick(with_rounded(graph, precision, names), "fp32")

    names = products(graph)
    for chosen in _calmest(names, quick, lambda certificate: certificate.max_mm):
        converted = finished([name for name in names if name not in chosen], ALL_BUT_PRODUCTS)
        if converted.parity.within_limit:
            return converted
    return everything


def _int8(graph: bytes, feeds: Feeds, certify: Certify, force: bool) -> Converted:
    names = products_with_weights(graph)
    tool = f"onnxruntime {metadata.version('onnxruntime')} static quantisation"

    def finished(chosen: Sequence[str]) -> Converted:
        data = quantise(graph, feeds, chosen)
        conversion = f"{tool}, {len(chosen)} of {len(names)} products with weights in int8, the rest in fp32"
        return Converted(data, conversion, certify.full(data))

    everything = finished(names)
    if force or everything.parity.within_limit:
        return everything
    quick = _calmest(names, lambda chosen: certify.quick(quantise(graph, feeds, list(chosen))),
                     lambda certificate: certificate.mean_mm)  # fmt: skip
    for chosen in quick:
        converted = finished(chosen)
        if converted.parity.within_limit:
            return converted
    return everything


def _calmest(names: Sequence[str], quick: Callable[[Collection[str]], Certificate],
             error_mm: Callable[[Certificate], float]) -> list[list[str]]:  # fmt: skip
    """Sets of nodes to convert, largest first: the least sensitive ones, as many as a quick check passes and fewer."""
    alone = {name: error_mm(quick([name])) for name in names}
    calm = sorted(names, key=alone.__getitem__)
    low, high = 0, len(names) + 1
    while high - low > 1:  # calm[:low] passes, calm[:high] does not
        middle = (low + high) // 2
        low, high = (middle, high) if quick(calm[:middle]).within_limit else (low, middle)
    # The full check sees more frames than the quick one: fall back in steps of a tenth.
    step = max(1, low // 10)
    return [calm[:count] for count in range(low, 0, -step)]


def _autocast(graph: bytes, precision: str, feeds: Feeds, in_fp32: Sequence[str], operators: Sequence[str],
              safe_range: float) -> onnx.ModelProto:  # fmt: skip
    """AutoCast but for the nodes and operators named, and those whose values leave the safe range on `feeds`."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # of the tool's own imports
        import modelopt.onnx.autocast as autocast

        for name in ("modelopt.onnx", "modelopt.onnx.autocast"):  # they write to stdout, which is for data
            logging.getLogger(name).setLevel(logging.ERROR)
        source, data = Path(folder, "graph.onnx"), Path(folder, "feeds")
        source.write_bytes(named(graph).SerializeToString())
        data.mkdir()
        for index, feed in enumerate(feeds):
            np.savez(data / f"{index:04d}.npz", allow_pickle=False, **feed)
        model: onnx.ModelProto = autocast.convert_to_mixed_precision(
            str(source), precision, keep_io_types=True, data_max=safe_range, calibration_data=str(data),
            nodes_to_exclude=[f"^{name}$" for name in in_fp32], op_types_to_exclude=list(operators), providers=["cpu"],
        )  # fmt: skip
    return model


def _count(model: onnx.ModelProto, low: int) -> tuple[int, int]:
    """How many nodes are in the low precision, of how many that compute with floats."""
    import onnx

    types = element_types(model)
    nodes = [types.get(node.output[0]) for node in model.graph.node if node.op_type != "Cast"]
    return nodes.count(low), nodes.count(low) + nodes.count(onnx.TensorProto.FLOAT)
