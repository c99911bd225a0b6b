"""Which floor holds for a frame: the one that was measured, the one learned so far, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from calibration.floor.ground import Ground
from calibration.floor.learn_floor import FloorLearner, Seen
from calibration.floor.plane_fit import Plane
from realtime.clock import NS_PER_S
from realtime.contracts import Array, Pose3D
from realtime.pipeline.setting import Setting

NONE, ESTIMATED, MEASURED = "none", "estimated", "measured"


class Floor:
    """Of one setting. `ground` holds for the frame that comes; `learn` from each frame's people."""

    def __init__(self, setting: Setting, learn: bool) -> None:
        self._measured = setting.ground
        self._learner: FloorLearner | None = None
        if learn and setting.ground is None:
            sized = setting.person is not None and setting.person.known_height_m > 0
            scale = setting.person.scale if setting.person is not None and sized else "assumed"
            self._learner = FloorLearner(scale, setting.camera.identity)

    @property
    def ground(self) -> Ground | None:
        return self._measured if self._learner is None else self._learner.ground

    @property
    def kind(self) -> str:
        if self._measured is not None:
            return MEASURED
        return NONE if self.ground is None else ESTIMATED

    @property
    def space(self) -> str:
        return "camera" if self.ground is None else "world"

    @property
    def plane(self) -> Plane | None:
        """What is learned so far, good or not; None while it is nothing, or where the floor was measured."""
        return None if self._learner is None else self._learner.plane

    @property
    def moves(self) -> int:
        """How often the camera was found to have been moved."""
        return 0 if self._learner is None else self._learner.moves

    def learn(self, source_ns: int, people: Sequence[Seen]) -> None:
        """One frame's people, as they are placed before the floor has its say."""
        if self._learner is not None:
            self._learner.push(source_ns / NS_PER_S, people)

    def doings(self) -> dict[str, object]:
        """What the stream's status says of a floor that is learned, enough to save it; nothing of a measured one."""
        if self._learner is None:
            return {}
        ground = self._learner.ground
        found = None if ground is None else {
            "camera_to_world_rotation": ground.rotation.tolist(), "camera_height_m": ground.height_m,
            "normal_sigma_deg": ground.normal_sigma_deg, "camera_height_sigma_m": ground.height_sigma_m,
            "scale": ground.scale, "camera_identity": ground.camera_identity,
        }  # fmt: skip
        return {"floor_learned": found, "camera_moves": self._learner.moves}


def on_floor(pose: Pose3D, before: Ground | None, now: Ground | None) -> Pose3D:
    """A held pose on the floor that holds now, which may be another than the one that it was placed on."""
    if before is now:
        return replace(pose, held=True)
    root_m = pose.root_m.astype(np.float64)
    if before is not None:
        root_m = before.to_camera(root_m)
    if now is not None:
        root_m = now.to_world(root_m)

    def turned(points_m: Array) -> Array:
        """Relative to the hip (N, 3)."""
        whole = points_m.astype(np.float64)
        whole = whole if before is None else whole @ before.rotation
        return np.asarray(whole if now is None else now.turn(whole), np.float32)

    return replace(
        pose, root_m=root_m.astype(np.float32), joints_m=turned(pose.joints_m), held=True,
        feet_m=None if pose.feet_m is None else turned(pose.feet_m),
        hands_m=None if pose.hands_m is None else turned(pose.hands_m),
    )  # fmt: skip
