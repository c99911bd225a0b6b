"""What this machine can do at most: the best that any installed engine reaches on matrix products, in the same run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from engines.errors import UserError
from realtime.bench.spawned import start

# rows, inner, columns: square, and tall and thin as a lifter's layers are at 32 and at 256 streams
PRODUCTS = {"square": (1024, 1024, 1024), "tall": (17 * 32, 192, 64), "taller": (17 * 256, 192, 64)}
COPIED_BYTES = 256 << 20  # more than caches hold
_TRIES_S = 0.2  # for each product of each engine
_COPIES = 5
_TIMEOUT_S = 300.0
# Where libraries read how many threads they may have; they read it once, when they are loaded.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True, slots=True)
class Limit:
    """`gflops` of each engine's product, by "engine, product"; `copy_gb_s`: bytes read and written while copying."""

    gflops: dict[str, float]
    copy_gb_s: float

    @property
    def best(self) -> tuple[str, float]:
        """The engine and product that reach most, and how much."""
        return max(self.gflops.items(), key=lambda item: item[1])

    def with_more(self, other: Limit) -> Limit:
        """The better of both, in each."""
        gflops = {name: max(value, other.gflops.get(name, 0.0)) for name, value in self.gflops.items()}
        return Limit(gflops, max(self.copy_gb_s, other.copy_gb_s))


def measure_limit(threads: int) -> Limit:
    """In a process of its own, where every library keeps to `threads`. Raises UserError where that fails."""
    with _environment({name: str(threads) for name in _THREADS}):
        pipe, process = start(_measure, threads)
    try:
        if not pipe.poll(_TIMEOUT_S):
            raise UserError("the machine's limit could not be measured in time: try when it is less busy")
        return pipe.recv()
    except EOFError as error:
        raise UserError("measuring the machine's limit ended without figures: is there memory for"
                        f" {2 * COPIED_BYTES >> 20} MB more?") from error  # fmt: skip
    finally:
        process.kill()
        process.join()
        pipe.close()


def _measure(sender: Connection[Any, Any], threads: int) -> None:
    gflops: dict[str, float] = {}
    for product, (rows, inner, columns) in PRODUCTS.items():
        for engine, multiply in _engines(rows, inner, columns, threads):
            gflops[f"{engine}, {product}"] = 2e-9 * rows * inner * columns / _best_s(multiply, _TRIES_S)
    source = np.ones(COPIED_BYTES // 4, np.float32)
    target = np.zeros_like(source)  # written to before it is timed: its pages are there
    best_s = min(_best_s(lambda: np.copyto(target, source), 0.0) for _ in range(_COPIES))
    sender.send(Limit(gflops, 2e-9 * COPIED_BYTES / best_s))


def _engines(rows: int, inner: int, columns: int, threads: int) -> Iterator[tuple[str, Callable[[], object]]]:
    rng = np.random.default_rng(0)
    a, b = (rng.random(shape, np.float32) for shape in ((rows, inner), (inner, columns)))
    out = np.empty((rows, columns), np.float32)
    yield "NumPy", lambda: np.matmul(a, b, out=out)
    yield "ONNX Runtime", _onnxruntime_product(a, b, out, threads)
    if find_spec("torch"):
        import torch

        torch.set_num_threads(threads)
        on, by, to = (torch.from_numpy(array) for array in (a, b, out))
        yield "torch", lambda: torch.mm(on, by, out=to)


def _onnxruntime_product(
    a: np.ndarray, b: np.ndarray, out: np.ndarray, threads: int
) -> Callable[[], object]:
    """With `b` as a constant, which it lays out as it likes best: so it knows the models' weights."""
    from engines.backends.onnxruntime import session
    from engines.export.graph_builder import GraphBuilder

    graph = GraphBuilder({})
    graph.add("MatMul", "a", graph.constant(b), output="out")
    product = session(graph.model("product", {"a": a.shape}, {"out": out.shape}), threads)
    binding = product.io_binding()
    binding.bind_input("a", "cpu", 0, np.float32, a.shape, a.ctypes.data)
    binding.bind_output("out", "cpu", 0, np.float32, out.shape, out.ctypes.data)
    return lambda: product.run_with_iobinding(binding)


def _best_s(work: Callable[[], object], for_s: float) -> float:
    """The shortest of the times that `work` takes, over at least so many seconds."""
    best, begun = float("inf"), time.perf_counter()
    while True:
        at = time.perf_counter()
        work()
        ended = time.perf_counter()
        best = min(best, ended - at)
        if ended - begun >= for_s:
            return best


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """For what is started inside."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
