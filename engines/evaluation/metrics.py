"""Published error measures of 3D poses, on whole sets of sequences at once.

Axes: S sequences, T frames, J joints (17), B bones (16). Poses are in metres, relative to the hip; results in mm.
`Errors` holds every error of every frame, NaN where a frame is not scored, so that means over actions, joints or
frames are all means of the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.evaluation.joint_angles import corner_angles, trunk_error_deg, trunk_lengths
from engines.models.skeleton import JOINTS, PARENTS

Array = NDArray[np.floating]
Mask = NDArray[np.bool_]

PCK_THRESHOLD_M = 0.150
AUC_THRESHOLDS_M = np.arange(0, 151, 5) / 1000
# Head top, neck, shoulders, elbows, wrists, hips, knees, ankles: MPI-INF-3DHP's 14 scored joints.
PCK_JOINTS = (10, 8, 14, 15, 16, 11, 12, 13, 1, 2, 3, 4, 5, 6)
STRAIGHT_DEG = 170.0
SHORTEST_TRUNK_M = 0.1  # of data that has both its ends
BONES = tuple((child, parent) for child, parent in enumerate(PARENTS) if parent >= 0)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Means over the scored frames. See the functions of the same names for definitions and sources."""

    frames: int
    mpjpe_mm: float
    p_mpjpe_mm: float
    n_mpjpe_mm: float
    mpjve_mm: float  # per frame of 1/30 s
    accel_mm: float  # per frame squared
    pck150: float  # per cent
    auc: float  # per cent
    bone_error_mm: float
    bone_jitter_mm: float
    coverage_1sigma: float  # per cent; NaN for a model without sigma
    coverage_2sigma: float
    trunk_deg: float  # median; NaN for data without hip or thorax
    straight_deg: float  # median error of knees and elbows that are straight


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """Errors of every frame in metres, NaN where not scored."""

    position: Array  # (S, T, J)
    procrustes: Array  # (S, T, J)
    scaled: Array  # (S, T, J)
    velocity: Array  # (S, T - 1, J) per frame
    acceleration: Array  # (S, T - 2, J) per frame squared
    bone: Array  # (S, T, B)
    bone_jitter: Array  # (S, B)
    sigmas: Array  # (S, T, J): error over predicted sigma
    trunk_deg: Array  # (S, T), in degrees, of joints that are not scored too
    straight_deg: Array  # (S, T, 4), in degrees

    def metrics(self, rows: Mask | None = None) -> Metrics:
        """Means over all sequences, or those of `rows` (S,)."""
        take = slice(None) if rows is None else rows
        position = self.position[take]
        moving = self.sigmas[take][..., 1:]  # the hip is the origin: never wrong
        return Metrics(
            frames=int(np.isfinite(position).any(-1).sum()),
            mpjpe_mm=_mean(position) * 1e3,
            p_mpjpe_mm=_mean(self.procrustes[take]) * 1e3,
            n_mpjpe_mm=_mean(self.scaled[take]) * 1e3,
            mpjve_mm=_mean(self.velocity[take]) * 1e3,
            accel_mm=_mean(self.acceleration[take]) * 1e3,
            pck150=pck(position),
            auc=auc(position),
            bone_error_mm=_mean(self.bone[take]) * 1e3,
            bone_jitter_mm=_mean(self.bone_jitter[take]) * 1e3,
            coverage_1sigma=_share_below(moving, 1),
            coverage_2sigma=_share_below(moving, 2),
            trunk_deg=_median(self.trunk_deg[take]),
            straight_deg=_median(self.straight_deg[take]),
        )

    def mpjpe_mm(self, frames: Mask) -> float:
        """Mean error of these frames (S, T)."""
        return _mean(self.position[frames]) * 1e3

    def joint_mpjpe_mm(self) -> tuple[float, ...]:
        """Mean error of each joint, NaN for a joint the data does not have."""
        return tuple(_mean(self.position[..., joint]) * 1e3 for joint in range(self.position.shape[-1]))


def measure(
    predicted: Array, true: Array, sigma: Array | None = None, valid: Mask | None = None, joints: Mask | None = None,
    *, origin: int | None = None,
) -> Errors:  # fmt: skip
    """All errors of poses (S, T, 17, 3) against the truth. `valid` (S, T) and `joints` (17,) say what is scored.

    Both are scored about their joint `origin`, where one is given; sigma is compared with errors as the poses are,
    which is about the hip.
    """
    if predicted.shape != true.shape or true.shape[-2:] != (JOINTS, 3):
        raise ValueError(f"poses of shapes {predicted.shape} and {true.shape}: both must be (S, T, {JOINTS}, 3)")
    predicted, true = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    off_m = mpjpe(predicted, true)
    if origin is not None:
        predicted, true = (poses - poses[..., origin : origin + 1, :] for poses in (predicted, true))
    valid = np.ones(true.shape[:2], bool) if valid is None else valid
    joints = np.ones(JOINTS, bool) if joints is None else joints
    shown = valid[..., None] & joints
    pairs, triples = valid[:, 1:] & valid[:, :-1], valid[:, 2:] & valid[:, 1:-1] & valid[:, :-2]
    aligned, scaled = np.zeros_like(true), np.zeros_like(true)
    aligned[valid] = procrustes(predicted[valid], true[valid], joints)
    scaled[valid] = best_scale(predicted[valid], true[valid], joints)
    position = np.where(shown, mpjpe(predicted, true), np.nan)
    bones_have = np.array([joints[child] and joints[parent] for child, parent in BONES])
    bone_shown = valid[..., None] & bones_have
    lengths = bone_lengths(predicted)
    return Errors(
        position=position,
        procrustes=np.where(shown, mpjpe(aligned, true), np.nan),
        scaled=np.where(shown, mpjpe(scaled, true), np.nan),
        velocity=np.where(pairs[..., None] & joints, mpjve(predicted, true), np.nan),
        acceleration=np.where(triples[..., None] & joints, acceleration_error(predicted, true), np.nan),
        bone=np.where(bone_shown, np.abs(lengths - bone_lengths(true)), np.nan),
        bone_jitter=_spread(np.where(bone_shown, lengths, np.nan)),
        sigmas=np.full_like(position, np.nan) if sigma is None else np.where(shown, off_m / sigma, np.nan),
        trunk_deg=np.where(
            valid & (trunk_lengths(true) > SHORTEST_TRUNK_M), trunk_error_deg(predicted, true), np.nan
        ),
        straight_deg=np.where(valid[..., None] & bones_have.all(), straight_error_deg(predicted, true), np.nan),
    )


def mpjpe(predicted: Array, true: Array) -> Array:
    """(..., J): distance of each joint, both poses relative to the hip.

    Protocol 1 of Human3.6M (Ionescu et al., TPAMI 2014) as Pavllo et al. (CVPR 2019) score it: the mean over all 17
    joints, the hip among them.
    """
    return np.asarray(np.linalg.norm(predicted - true, axis=-1))


def procrustes(predicted: Array, true: Array, joints: Mask | None = None) -> Array:
    """Poses (N, J, 3) moved, turned and scaled onto the true ones: their `mpjpe` is P-MPJPE.

    Protocol 2 (Martinez et al., ICCV 2017): the similarity transform of least squares, without reflection
    (Umeyama, TPAMI 1991), one a frame. Fitted on `joints` (J,) only, where given.
    """
    pick = slice(None) if joints is None else joints
    mean_x, mean_y = predicted[:, pick].mean(1, keepdims=True), true[:, pick].mean(1, keepdims=True)
    x, y = predicted[:, pick] - mean_x, true[:, pick] - mean_y
    u, s, vt = np.linalg.svd(x.swapaxes(1, 2) @ y)
    flip = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    u[:, :, -1] *= flip[:, None]
    s[:, -1] *= flip
    scale = s.sum(-1) / np.maximum((x**2).sum((1, 2)), 1e-12)
    return np.asarray(scale[:, None, None] * (predicted - mean_x) @ (u @ vt) + mean_y)


def best_scale(predicted: Array, true: Array, joints: Mask | None = None) -> Array:
    """Poses (N, J, 3) times the least-squares scale of each frame: their `mpjpe` is N-MPJPE.

    Rhodin et al., CVPR 2018 ("Learning monocular 3D human pose estimation from multi-view images"), section 5.
    """
    pick = slice(None) if joints is None else joints
    x, y = predicted[:, pick], true[:, pick]
    scale = (x * y).sum((1, 2)) / np.maximum((x**2).sum((1, 2)), 1e-12)
    return np.asarray(scale[:, None, None] * predicted)


def mpjve(predicted: Array, true: Array) -> Array:
    """(S, T - 1, J): distance of the velocities, per frame. Pavllo et al., CVPR 2019, section 5.2."""
    return mpjpe(np.diff(predicted, axis=1), np.diff(true, axis=1))


def acceleration_error(predicted: Array, true: Array) -> Array:
    """(S, T - 2, J): distance of the second differences. Kanazawa et al., CVPR 2019 (HMMR), section 5."""
    return mpjpe(np.diff(predicted, 2, axis=1), np.diff(true, 2, axis=1))


def pck(position: Array, threshold_m: float = PCK_THRESHOLD_M) -> float:
    """Per cent of the 14 joints of MPI-INF-3DHP nearer than 150 mm (Mehta et al., 3DV 2017). (..., J) -> float."""
    return _share_below(position[..., PCK_JOINTS], threshold_m)


def auc(position: Array) -> float:
    """Mean PCK over the thresholds 0, 5, ... 150 mm, in per cent (Mehta et al., 3DV 2017, the public test script)."""
    return float(np.mean([pck(position, threshold) for threshold in AUC_THRESHOLDS_M]))


def bone_lengths(poses: Array) -> Array:
    """(..., J, 3) -> (..., B) in metres."""
    child, parent = np.array(BONES).T
    return np.asarray(np.linalg.norm(poses[..., child, :] - poses[..., parent, :], axis=-1))


def straight_error_deg(predicted: Array, true: Array) -> Array:
    """(..., 4): how far knees and elbows that are straight, to 10 degrees, are off; NaN of those that are bent."""
    now, then = corner_angles(predicted), corner_angles(true)
    bends = [np.where(then[at] >= STRAIGHT_DEG, np.abs(now[at] - then[at]), np.nan) for at in ("knee", "elbow")]
    return np.concatenate(bends, axis=-1)


def _spread(lengths: Array) -> Array:
    """(S, T, B) -> (S, B): standard deviation over the scored frames; NaN where there are none."""
    count = np.isfinite(lengths).sum(1)
    mean = np.nansum(lengths, 1) / np.maximum(count, 1)
    variance = np.nansum((lengths - mean[:, None]) ** 2, 1) / np.maximum(count, 1)
    return np.where(count > 0, np.sqrt(variance), np.nan)


def _mean(values: Array) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def _median(values: Array) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")


def _share_below(values: Array, limit: float) -> float:
    finite = values[np.isfinite(values)]
    return 100 * float((finite < limit).mean()) if finite.size else float("nan")
