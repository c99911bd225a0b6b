"""What a model's graph is certified on: recorded or synthetic motion as each form's inputs, and the truth from torch.

Axes: S sequences, T frames, V joints, F features, K look-aheads, N poses.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.models.card import PAPER, ModelCard
from engines.models.checkpoint import load_model, load_published
from engines.models.normalise import MIN_SCORE
from engines.models.paper_view import RAY_TO_PAPER
from engines.models.receptive_field import tap_spans
from engines.models.view import sequence_features
from engines.plans.certificate import Array, Certificate, certify, onnx_session, step_poses, step_sequence, window_poses
from engines.plans.fingerprint import sha256_of
from engines.plans.precision import evaluator

QUICK = 8  # a quick check, to compare conversions, takes one frame in so many
QUICK_WINDOWS = 16  # and at most so many windows, since each costs as much as a whole second of steps


@dataclass(frozen=True, eq=False)
class Motion:
    """Keypoints of people moving: rays (S, T, 17, 2), NaN where unseen, and scores (S, T, 17), at 30 Hz."""

    rays: Array
    score: Array
    about: str

    @property
    def sha256(self) -> str:
        return sha256_of(self.rays.tobytes() + self.score.tobytes())


def frames_needed(card: ModelCard, form: str, poses: int, sequences: int) -> int:
    """Frames that each sequence of a Motion must have for a certificate over `poses` poses."""
    each = -(-poses // sequences)
    return each if form == "step" else each + card.window_frames - 1


class Certifier:
    """Compares any conversion of a graph with the model itself, on the same motion."""

    def __init__(self, graph: bytes, card: ModelCard, weights: Path, form: str, precision: str, motion: Motion) -> None:
        self._form, self._precision, self._about = form, precision, motion.about
        self._inputs, self._spans = _inputs(card, form, motion), tap_spans(card.levels, card.lookaheads)
        if importlib.util.find_spec("torch") is not None:
            self._reference = f"torch {metadata.version('torch')}"
            self._truth = _torch_poses(card, weights, form, motion, self._inputs)
        else:
            self._reference = f"the float32 graph on onnxruntime {metadata.version('onnxruntime')} (torch is absent)"
            self._truth = self._poses(graph, "fp32", 1)[0]

    def full(self, graph: bytes) -> Certificate:
        return self._certify(graph, self._precision, 1)

    def quick(self, graph: bytes, precision: str | None = None) -> Certificate:
        """The same over a part of the motion, to choose between conversions; `precision` is how to run the graph."""
        stride = QUICK if self._form == "step" else max(QUICK, len(self._inputs) // QUICK_WINDOWS)
        return self._certify(graph, precision or self._precision, stride)

    def _certify(self, graph: bytes, precision: str, stride: int) -> Certificate:
        poses, how = self._poses(graph, precision, stride)
        if self._form == "step":
            truth = self._truth[:, : poses.shape[1]].reshape(-1, *self._truth.shape[2:])
            poses = poses.reshape(truth.shape)
        else:
            truth = self._truth[::stride]
        return certify(truth, poses, self._precision, reference=self._reference, evaluated=how, data=self._about)

    def _poses(self, graph: bytes, precision: str, stride: int) -> tuple[Array, str]:
        """Step form: (S, T, K, V, 3) of the first frames; window form: (N, K, V, 3) of one window in `stride`."""
        session, how = evaluator(graph, precision)
        if self._form == "step":
            frames = max(1, self._inputs.shape[1] // stride)
            return step_poses(session, self._inputs[:, :frames], self._spans), how
        return window_poses(session, self._inputs[::stride]), how


def representative_feeds(graph: bytes, card: ModelCard, form: str, motion: Motion,
                         runs: int = 16) -> Sequence[dict[str, NDArray[np.float32]]]:  # fmt: skip
    """Inputs of `runs` runs of the graph, spread over the motion: what ranges are measured on."""
    inputs = _inputs(card, form, motion)
    if form == "window":
        chosen = np.linspace(0, len(inputs) - 1, 4 * runs).astype(int).reshape(runs, 4)
        return [{"features": inputs[rows]} for rows in chosen]
    every = max(1, inputs.shape[1] // runs)
    spans = tap_spans(card.levels, card.lookaheads)
    return [feed for feed, _ in step_sequence(onnx_session(graph), inputs, spans)][::every]


def _inputs(card: ModelCard, form: str, motion: Motion) -> Array:
    """Step: features (S, T, V, F). Window: every window of the motion, (N, frames, V, F)."""
    if card.kind == PAPER:
        features = _held(motion) * np.float32(RAY_TO_PAPER)
    else:
        features, _ = sequence_features(motion.rays, motion.score, wanted=card.features)
    if form == "step":
        return features
    length = card.window_frames
    windows = np.lib.stride_tricks.sliding_window_view(features, length, axis=1)  # (S, starts, V, F, length)
    return np.ascontiguousarray(windows.transpose(0, 1, 4, 2, 3).reshape(-1, length, *features.shape[2:]))


def _held(motion: Motion) -> Array:
    """Rays with nothing missing: a joint that is not seen keeps its last place (0 before it was first seen)."""
    held = np.zeros_like(motion.rays)
    last = np.zeros_like(motion.rays[:, 0])
    for frame in range(motion.rays.shape[1]):
        seen = np.isfinite(motion.rays[:, frame]).all(-1) & (motion.score[:, frame] >= MIN_SCORE)
        last = np.where(seen[..., None], motion.rays[:, frame], last)
        held[:, frame] = last
    return held


def _torch_poses(card: ModelCard, weights: Path, form: str, motion: Motion, inputs: Array) -> Array:
    """Step: (S, T, K, V, 3); window: (N, K, V, 3), in the order of `_inputs`."""
    import torch

    with torch.inference_mode():
        if card.kind == PAPER:
            module = load_published(weights)
            chunks = (torch.from_numpy(inputs[at : at + 8]) for at in range(0, len(inputs), 8))
            return np.asarray(torch.cat([module(chunk) for chunk in chunks]).numpy(), np.float32)
        # A window sees what the sequence form sees at its last frame, since a model looks back no further.
        pose: Array = load_model(weights)[1](torch.from_numpy(_inputs(card, "step", motion)))[0].numpy()
    return pose if form == "step" else pose[:, card.window_frames - 1 :].reshape(-1, *pose.shape[2:])
