"""ONNX Runtime's providers on a real GPU: poses and latency, a provider a test; skipped where it does not run."""

from __future__ import annotations

import time

import numpy as np
import pytest

from engines.backends.providers import PROVIDERS, why_not
from engines.errors import UserError
from engines.lifting.load_lifter import load_lifter
from engines.lifting.poses import Lifter
from engines.plans.synthetic_motion import synthetic_motion

pytestmark = pytest.mark.gpu
LIMIT_M = {"cuda": 1e-4, "tensorrt-rtx": 5e-3}


def on_gpu(engine: str) -> Lifter:
    why = why_not(engine)
    if why:
        pytest.skip(f"no {engine}: {why}")
    try:
        return load_lifter(engine=engine)
    except UserError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("engine", PROVIDERS)
@pytest.mark.parametrize("people", [1, 5])
def test_poses_equal_the_processors(engine: str, people: int) -> None:
    motion = synthetic_motion(people, 300, seed=4)
    with on_gpu(engine) as lifter, load_lifter(engine="onnxruntime") as reference:
        streams, expected = ([one.open() for _ in range(people)] for one in (lifter, reference))
        for t in range(300):
            got = lifter.push(streams, motion.rays[:, t], motion.score[:, t]).joints_m
            wanted = reference.push(expected, motion.rays[:, t], motion.score[:, t]).joints_m
            assert np.linalg.norm(got - wanted, axis=-1).max() < LIMIT_M[engine]


@pytest.mark.parametrize("engine", PROVIDERS)
@pytest.mark.parametrize("people", [1, 8, 64])
def test_latency_is_told(engine: str, people: int, capsys: pytest.CaptureFixture[str]) -> None:
    motion = synthetic_motion(people, 300, seed=4)
    took_ms = []
    with on_gpu(engine) as lifter:
        streams = [lifter.open() for _ in range(people)]
        for t in range(300):
            start = time.perf_counter()
            poses = lifter.push(streams, motion.rays[:, t], motion.score[:, t])
            took_ms.append(1e3 * (time.perf_counter() - start))
            assert np.isfinite(poses.joints_m).all()
    with capsys.disabled():
        print(f"\n{engine}, {people} people: p50 {np.median(took_ms):.3f} ms, p99 {np.percentile(took_ms, 99):.3f} ms")  # noqa: T201
