"""How far a converted graph is from the model it came from: measured on the very ONNX graph that goes into a plan.

Axes: S sequences, T frames, V joints, F features, K look-aheads, R tap rows, B batch, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.models.skeleton import JOINT_NAMES, JOINTS

if TYPE_CHECKING:
    import onnxruntime

Array = NDArray[np.float32]
Predict = Callable[[Array], Array]

MIN_FRAMES = 1000
# precision -> (statistic, limit in mm): beyond it a build fails unless forced
LIMITS_MM = {"fp32": ("max", 0.1), "fp16": ("max", 1.0), "bf16": ("max", 1.0), "int8": ("mean", 5.0)}


@dataclass(frozen=True)
class Certificate:
    """Joint errors in mm of a graph against its reference, over `frames` poses of every look-ahead."""

    reference: str  # what computed the truth, e.g. torch 2.13.0
    evaluated: str  # what ran the graph, and how, where that is not obvious
    data: str  # which poses
    frames: int
    max_mm: float
    mean_mm: float
    worst_joint: str
    worst_joint_mean_mm: float
    limit: str
    within_limit: bool

    @property
    def passed(self) -> bool:
        """Within the limit, over enough frames for that to mean something."""
        return self.within_limit and self.frames >= MIN_FRAMES

    def __str__(self) -> str:
        verdict = "within" if self.within_limit else "BEYOND"
        too_few = "" if self.frames >= MIN_FRAMES else f", FEWER than the {MIN_FRAMES} it takes,"
        return (f"max {self.max_mm:.4f} mm, mean {self.mean_mm:.4f} mm over {self.frames} frames{too_few} against"
                f" {self.reference} ({verdict} the limit: {self.limit}); worst joint {self.worst_joint},"
                f" mean {self.worst_joint_mean_mm:.4f} mm")  # fmt: skip


def certify(reference_m: Array, candidate_m: Array, precision: str, *, reference: str, evaluated: str,
            data: str) -> Certificate:  # fmt: skip
    """Compare poses (N, K, V, 3) in metres. A pose that is not finite counts as infinitely wrong."""
    if reference_m.shape != candidate_m.shape:
        raise ValueError(f"poses of shape {candidate_m.shape} against {reference_m.shape}")
    error_mm = np.linalg.norm(candidate_m - reference_m, axis=-1).astype(np.float64) * 1000
    error_mm = np.where(np.isfinite(error_mm), error_mm, np.inf)
    per_joint = error_mm.reshape(-1, error_mm.shape[-1]).mean(0)
    worst = int(per_joint.argmax())
    # The hip is the origin of a streaming pose: exact by definition, it must not flatter the mean.
    mean = float(per_joint[1:].mean())
    statistic, limit_mm = LIMITS_MM[precision]
    largest = float(error_mm.max())
    names = JOINT_NAMES if len(per_joint) == JOINTS else tuple(f"joint {joint}" for joint in range(len(per_joint)))
    return Certificate(
        reference, evaluated, data, len(error_mm), largest, mean, names[worst], float(per_joint[worst]),
        f"{statistic} {limit_mm:g} mm", (largest if statistic == "max" else mean) <= limit_mm,
    )  # fmt: skip


def require_pass(certificate: Certificate, precision: str) -> None:
    """Raise UserError where the certificate is beyond its limit, or over too few frames."""
    if not certificate.within_limit:
        raise UserError(f"{precision} moves joints too far: {certificate}. Choose another --precision, or --force")
    require_frames(certificate.frames)


def require_frames(frames: int) -> None:
    """Raise UserError where so many are too few for a certificate."""
    if frames < MIN_FRAMES:
        raise UserError(f"a certificate takes at least {MIN_FRAMES} frames, not {frames}: raise --parity-frames, or"
                        " --force")  # fmt: skip


def onnx_session(onnx: bytes, threads: int = 0, optimise: bool = True) -> onnxruntime.InferenceSession:
    """A CPU session. Without `optimise`, every cast and rounding of the graph stays in place."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def window_poses(session: onnxruntime.InferenceSession, windows_STVF: Array, batch: int = 8) -> Array:
    """Poses (S, K, V, 3) of a window graph."""
    chunks = [windows_STVF[at : at + batch] for at in range(0, len(windows_STVF), batch)]
    return np.concatenate([session.run(["pose"], {"features": chunk})[0] for chunk in chunks])


def step_poses(session: onnxruntime.InferenceSession, features_STVF: Array, spans: Sequence[int]) -> Array:
    """Poses (S, T, K, V, 3) of a step graph run frame after frame, fed its own activations, primed by frame 0."""
    return np.stack([outputs[0] for _, outputs in step_sequence(session, features_STVF, spans)], axis=1)


def step_sequence(session: onnxruntime.InferenceSession, features_STVF: Array,
                  spans: Sequence[int]) -> Iterator[tuple[dict[str, Array], list[Any]]]:  # fmt: skip
    """Inputs and outputs of each step of a step graph: calibration data, and a check that errors do not add up.

    `spans` are the graph's tap rows: see `engines.models.receptive_field.tap_spans`.
    """
    frames = features_STVF.shape[1]
    channels = int(session.get_inputs()[1].shape[3]) // 2  # (R, B, V, 2C)
    past = np.zeros((frames, len(spans), len(features_STVF), JOINTS, channels), np.float32)
    for t in range(frames):
        # Frame 0 has itself for a past; each pass settles one more row.
        for _ in range(1 if t else len(spans) + 1):
            inputs = {"features": np.ascontiguousarray(features_STVF[:, t]), "taps": _taps(past, t, spans)}
            outputs = session.run(["pose", "sigma", "activations"], inputs)
            past[t] = outputs[2]
        yield inputs, outputs


def _taps(past_TRBVC: Array, t: int, spans: Sequence[int]) -> Array:
    """(R, B, V, 2C): the activations of t - span and t - 2 * span, of frame 0 where there is no such frame."""
    return np.stack([
        np.concatenate([past_TRBVC[max(t - back * span, 0), row] for back in (1, 2)], axis=-1)
        for row, span in enumerate(spans)
    ])  # fmt: skip
