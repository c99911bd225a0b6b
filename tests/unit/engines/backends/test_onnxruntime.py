"""The step's graph with its taps row by row is the step's graph, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from engines.backends.base import step_shape
from engines.backends.onnxruntime import OnnxRuntimeStep
from engines.export.model_graph import model_graph
from engines.lifting.load_lifter import load_lifter
from engines.lifting.stream_lifter import StreamLifter
from engines.models.card import find_model, graph_beside
from engines.plans.synthetic_motion import synthetic_motion


@pytest.mark.parametrize("lookahead", [0, 4])
@pytest.mark.parametrize("people", [1, 9])
def test_rows_lift_as_the_whole(people: int, lookahead: int) -> None:
    card, weights = find_model("default")
    whole = OnnxRuntimeStep(model_graph(card, weights), step_shape(card))
    motion = synthetic_motion(people, 60, seed=3)
    with load_lifter(engine="onnxruntime", lookahead=lookahead) as rows, StreamLifter(card, whole, lookahead) as lifter:
        streams, others = ([one.open() for _ in range(people)] for one in (rows, lifter))
        for t in range(60):
            got = rows.push(streams, motion.rays[:, t], motion.score[:, t])
            expected = lifter.push(others, motion.rays[:, t], motion.score[:, t])
            np.testing.assert_array_equal(got.joints_m, expected.joints_m)
            np.testing.assert_array_equal(got.sigma_m, expected.sigma_m)


def test_the_shipped_model_has_its_rows() -> None:
    assert graph_beside(*find_model("default"), "rows") is not None


def test_the_rows_shipped_are_those_of_the_weights() -> None:
    pytest.importorskip("onnx")
    from engines.export.model_graph import export

    card, weights = find_model("default")
    assert export(card, weights, "rows") == graph_beside(card, weights, "rows")
