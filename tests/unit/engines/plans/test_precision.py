"""Conversions and certificates: what they convert, what they admit, how they fall back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.errors import UserError
from engines.export.model_graph import export
from engines.models.card import ModelCard
from engines.models.normalise import FEATURES
from engines.models.receptive_field import tap_spans, window_frames
from engines.plans.certificate import (
    MIN_FRAMES,
    Certificate,
    certify,
    onnx_session,
    require_pass,
    step_poses,
    window_poses,
)
from engines.plans.certify_model import Certifier, frames_needed, representative_feeds
from engines.plans.precision import _calmest, convert, evaluator
from engines.plans.quantise import products_with_weights, quantise
from engines.plans.rounding import element_types, named, products, rounded, with_rounded
from engines.plans.synthetic_motion import synthetic_motion

onnx = pytest.importorskip("onnx")
Model = tuple[ModelCard, Path]
SPANS = tap_spans(levels=3, lookaheads=(0, 2, 4, 8))
WORDS = {"reference": "r", "evaluated": "e", "data": "d"}


def _certificate(error_m: float, precision: str, frames: int = MIN_FRAMES) -> Certificate:
    truth = np.zeros((frames, 1, 17, 3), np.float32)
    wrong = truth.copy()
    wrong[3::10, 0, 5, 0] = error_m
    return certify(truth, wrong, precision, **WORDS)


@pytest.mark.parametrize(("precision", "good_m", "bad_m"), [
    ("fp32", 0.00009, 0.0002), ("fp16", 0.0009, 0.0011), ("bf16", 0.0009, 0.0011), ("int8", 0.79, 0.81),
])  # fmt: skip
def test_each_precision_has_its_limit(precision: str, good_m: float, bad_m: float) -> None:
    assert _certificate(good_m, precision).passed
    failed = _certificate(bad_m, precision)
    assert failed.worst_joint == "left_knee"
    with pytest.raises(UserError, match="BEYOND the limit"):
        require_pass(failed, precision)


def test_a_certificate_takes_a_thousand_frames() -> None:
    hasty = _certificate(0, "fp32", MIN_FRAMES - 1)
    assert hasty.within_limit
    assert not hasty.passed
    assert "over 999 frames, FEWER than the 1000 it takes, against r (within the limit" in str(hasty)
    with pytest.raises(UserError, match="at least 1000 frames, not 999: raise --parity-frames, or --force"):
        require_pass(hasty, "fp32")


def test_a_pose_that_is_not_finite_never_passes() -> None:
    assert not _certificate(float("nan"), "int8").within_limit


def test_the_hip_does_not_flatter_the_mean() -> None:
    truth = np.zeros((4, 1, 17, 3), np.float32)
    wrong = truth + np.float32((0.001, 0, 0))
    wrong[..., 0, :] = 0
    assert certify(truth, wrong, "int8", **WORDS).mean_mm == pytest.approx(1.0)


@given(st.lists(st.floats(-60000, 60000, width=32), min_size=1, max_size=30))
def test_rounding_is_that_of_numpy(values: list[float]) -> None:
    make = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Add", ["x", "zero"], ["y"], name="add")
    zero = onnx.numpy_helper.from_array(np.zeros(1, np.float32), "zero")
    info = [make(name, onnx.TensorProto.FLOAT, ["n"]) for name in ("x", "y")]
    graph = onnx.helper.make_graph([node], "g", info[:1], info[1:], [zero])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    data = with_rounded(model.SerializeToString(), "fp16", ["add"])
    x = np.array(values, np.float32)
    got = onnx_session(data, 1, optimise=False).run(None, {"x": x})[0]
    np.testing.assert_array_equal(got, x.astype(np.float16).astype(np.float32))


def test_the_forms_of_a_model_agree_in_onnx_and_torch(model: Model) -> None:
    card, weights = model
    for form, poses in (("step", 40), ("window", 40)):
        motion = synthetic_motion(2, frames_needed(card, form, poses, 2))
        graph = export(card, weights, form)
        certificate = Certifier(graph, card, weights, form, "fp32", motion).full(graph)
        assert certificate.frames == poses
        assert certificate.max_mm < 0.1


def test_a_certificate_sees_a_changed_weight(model: Model) -> None:
    card, weights = model
    motion = synthetic_motion(2, 20)
    graph = export(card, weights, "step")
    altered = named(graph)
    (constant,) = [item for item in altered.graph.initializer if list(item.dims) == [17, 64, 16]]
    value = onnx.numpy_helper.to_array(constant) * np.float32(1.1)
    constant.CopyFrom(onnx.numpy_helper.from_array(value, constant.name))
    certificate = Certifier(graph, card, weights, "step", "fp32", motion).full(altered.SerializeToString())
    assert not certificate.within_limit


def test_the_past_counts(model: Model) -> None:
    """Else the tests of taps on the GPU would hold whatever the taps were."""
    card, weights = model
    graph = export(card, weights, "step")
    features = Certifier(graph, card, weights, "step", "fp32", synthetic_motion(2, 20))._inputs
    moved, still = (step_poses(onnx_session(graph), part, SPANS) for part in (features, features[:, 12:]))
    assert np.abs(moved[:, 12] - still[:, 0]).max() > 0.01


def test_int8_is_symmetric_and_leaves_the_heads(model: Model) -> None:
    card, weights = model
    graph = export(card, weights, "step")
    names = products_with_weights(graph)
    feeds = representative_feeds(graph, card, "step", synthetic_motion(2, 32))
    quantised = onnx.load_from_string(quantise(graph, feeds, names))
    constants = {item.name: onnx.numpy_helper.to_array(item) for item in quantised.graph.initializer}
    quantisers = [node for node in quantised.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    # embedding; in each of three levels one for each of two graph convolutions, two for the frame and one for its taps
    assert len(names) == 1 + 3 * (2 + 3)
    assert len(quantisers) > len(names)
    assert all(not constants[node.input[2]].any() for node in quantisers)
    assert {constants[node.input[2]].dtype for node in quantisers} == {np.dtype(np.int8)}


def test_bf16_runs_with_every_rounding_written_out(model: Model) -> None:
    pytest.importorskip("modelopt", reason="needs: pip install 'realtime-pose[autocast]'")
    card, weights = model
    graph = export(card, weights, "step")
    motion = synthetic_motion(2, 16)
    certify_ = Certifier(graph, card, weights, "step", "bf16", motion)
    converted = convert(graph, "bf16", representative_feeds(graph, card, "step", motion), certify_, force=True)
    types = element_types(onnx.load_from_string(converted.onnx))
    assert onnx.TensorProto.BFLOAT16 in types.values()
    assert onnx.TensorProto.BFLOAT16 not in {
        item.data_type for item in onnx.load_from_string(rounded(converted.onnx, "bf16")).graph.initializer
    }
    session, how = evaluator(converted.onnx, "bf16")
    assert "rounded to bf16" in how
    exact = step_poses(onnx_session(graph), certify_._inputs, SPANS)
    relative = np.abs(step_poses(session, certify_._inputs, SPANS) - exact).max() / np.abs(exact).max()
    assert 2**-12 < relative < 2**-2


def test_the_calmest_nodes_that_pass_are_chosen() -> None:
    noise_mm = {"a": 0.1, "b": 3.0, "c": 0.2, "d": 0.4, "e": 9.0}

    def quick(names: object) -> Certificate:
        return _certificate(sum(noise_mm[name] for name in names) / 1000, "fp16")  # type: ignore[attr-defined]

    assert _calmest(list(noise_mm), quick, lambda certificate: certificate.max_mm)[0] == ["a", "c", "d"]


def test_what_passes_whole_is_converted_whole(model: Model) -> None:
    pytest.importorskip("modelopt", reason="needs: pip install 'realtime-pose[autocast]'")
    card, weights = model
    graph = export(card, weights, "step")

    class Kind:
        def full(self, graph: bytes) -> Certificate:
            return _certificate(0, "fp16")

        def quick(self, graph: bytes, precision: str | None = None) -> Certificate:
            raise AssertionError("nothing to search")

    feeds = representative_feeds(graph, card, "step", synthetic_motion(1, 8))
    types = element_types(onnx.load_from_string(convert(graph, "fp16", feeds, Kind()).onnx))
    names = set(products(graph))
    low = [types[node.output[0]] for node in named(graph).graph.node if node.name in names]
    assert set(low) == {onnx.TensorProto.FLOAT16}


def test_window_poses_run_in_batches(model: Model) -> None:
    card, weights = model
    graph = export(card, weights, "window")
    frames = window_frames(card.levels, card.lookaheads)
    windows = np.random.default_rng(0).random((11, frames, 17, FEATURES), np.float32)
    session = onnx_session(graph, 1)
    np.testing.assert_allclose(window_poses(session, windows, 4), window_poses(session, windows, 11), atol=1e-4)


def test_synthetic_people_are_in_view_and_move() -> None:
    motion = synthetic_motion(4, 60, seed=9)
    assert 0.002 < np.isnan(motion.rays).mean() < 0.1
    assert np.nanmax(np.abs(motion.rays)) < 2
    assert np.nanstd(motion.rays, axis=1).mean() > 0.01
    np.testing.assert_array_equal(motion.rays, synthetic_motion(4, 60, seed=9).rays)
