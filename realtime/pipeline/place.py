"""A lifted pose to its place, in one walk: real size, root, floor, motion, axes of the camera or the world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.floor.contact import stand
from calibration.person.root import root_of_one
from calibration.person.root_filter import RootFilter
from calibration.person.size import Size
from realtime.contracts import Array
from realtime.pipeline.setting import Setting


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    root_m: Array  # (3,), NaN where it cannot be placed
    joints_m: Array  # (17, 3), relative to the hip, in the axes of the setting's space
    sigma_m: Array  # (17,), the pose's errors at its real size
    scale: str  # assumed | height | measured


class Standing:
    """Where one person stands: places a frame at a time, remembers their size and motion in the setting in force."""

    def __init__(self, setting: Setting) -> None:
        self._ground = setting.ground
        self._size = Size(setting.person)
        self._motion = RootFilter()

    def place(self, rays: Array, score: Array, joints_m: Array, sigma_m: Array, t_ns: int) -> Placed:
        """(17, 2), (17,), (17, 3), (17,), all of the same moment `t_ns`.

        A pose that lags (look-ahead) wants the rays and the time of its own frame, not of the newest.
        """
        sized = self._size.fit(joints_m, sigma_m)
        root = root_of_one(rays.tolist(), score.tolist(), sized.pose_m.tolist(), sized.sigma_m.tolist())
        if self._ground is not None:
            root = stand(root, sized, self._size, self._ground, rays, score)
        root_m = np.array(self._motion.update(t_ns, root[:3], root.sigma_depth_m, root.sigma_lateral_m))
        pose_m = sized.pose_m
        if self._ground is not None:
            root_m, pose_m = self._ground.to_world(root_m), self._ground.turn(pose_m)
        return Placed(
            root_m.astype(np.float32), pose_m.astype(np.float32, copy=False), sized.sigma_m, sized.scale
        )
