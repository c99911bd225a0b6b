"""What several cameras' lifters would say of people in a room: frames of poses in each camera's axes, for the fuser."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from calibration.lens.placed import PlacedCamera
from realtime.clock import NS_PER_S
from realtime.contracts import Pose3D, PoseFrame, Stamp

Double = NDArray[np.float64]


def posed(
    camera: PlacedCamera, people_m: Sequence[Double], t_s: float, ids: Sequence[int], chance: np.random.Generator,
    noise: float = 1.0, sizes: Sequence[float] | None = None, late_s: float = 0.0,
) -> PoseFrame:  # fmt: skip
    """`people_m`: (17, 3) each, in the room at `t_s`. `sizes`: how much too large each is taken for, 1: right."""
    persons = []
    for row, (body, number) in enumerate(zip(people_m, ids, strict=True)):
        inside = camera.to_camera(body)
        rays = inside[:, :2] / inside[:, 2:] + noise * chance.normal(0, 0.003, (17, 2))
        depth_m = (inside[:, 2] + noise * chance.normal(0, 0.03, 17)) * (1.0 if sizes is None else sizes[row])
        joints = (np.concatenate([rays, np.ones((17, 1))], 1) * depth_m[:, None]).astype(np.float32)
        persons.append(Pose3D(
            number, joints - joints[0], joints[0], np.full(17, 0.05, np.float32), np.full(17, 0.9, np.float32), 0, 1.0,
            held=False, root_sigma_m=0.3,
        ))  # fmt: skip
    at_ns = round((t_s - late_s + 100) * NS_PER_S)
    return PoseFrame(Stamp(round(t_s * 30), at_ns, at_ns), (1280, 720), tuple(persons))


def moment_s(frame: PoseFrame) -> float:
    """Of a fused frame, in the time of `posed`."""
    return frame.stamp.capture_ns / NS_PER_S - 100
