"""Score any lifter on an evaluation set: the same arrays and measures for every model and every look-ahead.

Axes: S sequences, T frames, K look-aheads, J joints (17). Camera axes, metres, relative to the hip.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engines.evaluation.metrics import Metrics, bone_lengths, measure
from engines.evaluation.protocols import build
from engines.lifting.poses import Lifter
from engines.models.skeleton import JOINT_NAMES
from engines.motion.evaluation_set import EvaluationSet

Float = NDArray[np.float32]
# rays (S, T, 17, 2) and scores (S, T, 17) -> poses (S, T, K, 17, 3) in camera axes, sigmas (S, T, K, 17) or None.
# Head k at frame t tells the pose of frame t - lookaheads[k], from frames up to t alone if the model is causal.
Predict = Callable[[Float, Float], tuple[Float, "Float | None"]]
FACINGS = ("front", "side", "back")
UNSCORED_TAIL = 8  # frames: the longest look-ahead never sees them, so no look-ahead is scored on them


@dataclass(frozen=True, slots=True)
class Scores:
    """One model, one evaluation set, one look-ahead."""

    protocol: str
    lookahead: int
    metrics: Metrics
    by_action: dict[str, Metrics]
    by_facing_mm: dict[str, float]
    by_joint_mm: dict[str, float]

    def at(self, lookahead: int) -> Scores:
        """The same scores under the look-ahead that the lifter itself was opened with."""
        return replace(self, lookahead=lookahead)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def evaluate_protocol(
    predict: Predict, protocol: str, clips: Mapping[str, Float], lookaheads: Sequence[int] = (0,), *, views: int = 2
) -> dict[int, Scores]:
    """Scores by look-ahead on a protocol of `protocols.PROTOCOLS`. `clips` comes from `protocols.held_out_clips`.

    `.metrics.mpjpe_mm` of the result is the headline. Building the set takes about a second; keep it and call
    `evaluate_set` to score again.
    """
    return evaluate_set(predict, build(protocol, clips, views), lookaheads)


def evaluate_set(
    predict: Predict,
    data: EvaluationSet,
    lookaheads: Sequence[int] = (0,),
    *,
    batch: int = 16,
    known_height: bool = False,
    progress: Callable[[int], None] | None = None,
) -> dict[int, Scores]:
    """Scores by look-ahead. `known_height`: poses are made as tall, by their bones, as the person is.

    `progress` is told the sequences done after each batch.
    """
    if max(lookaheads) > UNSCORED_TAIL:
        raise ValueError(f"look-ahead {max(lookaheads)} is beyond {UNSCORED_TAIL}: align such a model's poses yourself")
    shape = (len(lookaheads), *data.pose_m.shape)
    poses, sigmas = np.zeros(shape, np.float32), np.full(shape[:-1], np.nan, np.float32)
    for rows, length in data.batches(batch):
        pose, sigma = predict(data.rays[rows, :length], data.score[rows, :length])
        if known_height:
            tall = chain_length(data.pose_m[rows, :length])[:, :, None] / chain_length(pose)
            pose, sigma = pose * tall[..., None, None], None if sigma is None else sigma * tall[..., None]
        if pose.shape[2] != len(lookaheads):
            raise ValueError(f"the model has {pose.shape[2]} heads for the look-aheads {tuple(lookaheads)}")
        for k, lookahead in enumerate(lookaheads):
            poses[k, rows, : length - lookahead] = pose[:, lookahead:, k]
            if sigma is not None:
                sigmas[k, rows, : length - lookahead] = sigma[:, lookahead:, k]
        if progress:
            progress(len(rows))
    return {
        lookahead: _scores(data, lookahead, poses[k], sigmas[k]) for k, lookahead in enumerate(lookaheads)
    }


def chain_length(poses_m: Float) -> Float:
    """Poses (..., 17, 3) -> (...): the bones from the ankles, their mean, to the top of the head."""
    lengths = bone_lengths(poses_m)  # of the bone that ends in each joint but the hip
    return np.asarray(lengths[..., [1, 2, 4, 5]].sum(-1) / 2 + lengths[..., 6:10].sum(-1), np.float32)


def facing_of(poses_m: Float) -> NDArray[np.str_]:
    """Poses (..., 17, 3) in camera axes -> (...), which way the hips face: FACINGS."""
    left = poses_m[..., 4, :] - poses_m[..., 1, :]
    across, deep = left[..., 0], left[..., 2]  # a person who faces the camera has their left at the picture's right
    sideways = np.abs(deep) > np.abs(across)
    return np.where(sideways, "side", np.where(across > 0, "front", "back"))


def of_lifter(lifter: Lifter) -> Predict:
    """The live code, frame by frame, every sequence a stream. One head: the lifter's own lag, aligned away.

    Score it with the look-ahead 0: the last frames of a sequence are repeated until their poses are out.
    """

    def predict(rays: Float, score: Float) -> tuple[Float, Float]:
        size, frames = rays.shape[:2]
        lag = lifter.lag_frames
        pose = np.empty((size, frames, 1, 17, 3), np.float32)
        sigma = np.empty((size, frames, 1, 17), np.float32)
        streams = [lifter.open() for _ in range(size)]
        for frame in range(frames + lag):
            at = min(frame, frames - 1)
            lifted = lifter.push(streams, np.ascontiguousarray(rays[:, at]), np.ascontiguousarray(score[:, at]))
            if frame >= lag:
                pose[:, frame - lag, 0], sigma[:, frame - lag, 0] = lifted.joints_m, lifted.sigma_m
        for stream in streams:
            lifter.close(stream)
        return pose, sigma

    return predict


def _scores(data: EvaluationSet, lookahead: int, pose: Float, sigma: Float) -> Scores:
    scored = np.zeros_like(data.valid)
    scored[:, :-UNSCORED_TAIL] = data.valid[:, UNSCORED_TAIL:]
    errors = measure(pose, data.pose_m, sigma, scored, data.joints, origin=data.origin)
    actions = np.array(data.actions)
    facing = facing_of(data.pose_m)
    return Scores(
        protocol=data.name,
        lookahead=lookahead,
        metrics=errors.metrics(),
        by_action={action: errors.metrics(actions == action) for action in sorted(set(data.actions))},
        by_facing_mm={name: errors.mpjpe_mm(facing == name) for name in FACINGS if (scored & (facing == name)).any()},
        by_joint_mm=dict(zip(JOINT_NAMES, errors.joint_mpjpe_mm(), strict=True)),
    )
