"""A lifted pose to its place, in one walk: body, real size, root, floor, motion, feet, hands, axes of its space."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from calibration.floor.contact import ankle_height, stand
from calibration.floor.ground import Array64, Ground
from calibration.floor.learn_floor import Seen
from calibration.person.body import Body
from calibration.person.bones import memory_of
from calibration.person.feet import Feet
from calibration.person.hands import place_hands
from calibration.person.resting_feet import RestingFeet
from calibration.person.root_filter import RootFilter
from calibration.person.size import Size
from engines.models.known import sure_up
from realtime.contracts import Array
from realtime.pipeline.clean import Sighting
from realtime.pipeline.setting import Setting

_LEVELLED_DEG = 2.0  # 1 sigma of an up direction that does not say its own


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    root_m: Array  # (3,), NaN where it cannot be placed
    root_sigma_m: float  # 1 sigma of it along the view; NaN where it is not known
    joints_m: Array  # (17, 3), relative to the hip, in the axes of the setting's space
    sigma_m: Array  # (17,), the pose's errors at its real size
    scale: str  # assumed | height | measured
    seen: Seen  # in camera axes, before the floor had its say: what a floor is learned from
    feet_m: Array | None = None  # (4, 3), FEET relative to the hip; None: not looked for, or the root is not known
    feet_sigma_m: Array | None = None  # (4,)
    hands_m: Array | None = None  # (6, 3), HANDS likewise, NaN where not seen
    hands_sigma_m: Array | None = None  # (6,), NaN likewise


class Standing:
    """Where one person stands: places a frame at a time, remembers body, size and motion in the setting in force."""

    def __init__(self, setting: Setting) -> None:
        self.ground = setting.ground
        self.body = Body(memory_of(setting.person), _up(setting.ground))
        self._size = Size(setting.person)
        self._motion = RootFilter()
        self._heels_and_toes: Feet | None = None  # begun by the first that are seen
        self._feet = RestingFeet(rigid=setting.person is not None and setting.person.rigid)

    def stand_on(self, ground: Ground | None) -> None:
        """The floor that holds from now on; what is remembered of the person does not rest on it."""
        if ground is not self.ground:
            self.ground, self.body.up = ground, _up(ground)

    def place(self, sighting: Sighting, joints_m: Array, sigma_m: Array, t_ns: int) -> Placed:
        """A lifted pose (17, 3) and its errors (17,), of what was seen at `t_ns`.

        A pose that lags (look-ahead) wants the sighting and the time of its own frame, not of the newest.
        """
        rays, score = sighting.rays, sighting.score
        fitted = self.body.fit(t_ns * 1e-9, rays, score, joints_m, sigma_m, sighting.seen, sighting.doubt)
        sized = self._size.fit(fitted.joints_m, fitted.sigma_m, self.body.bones)
        root = fitted.root.scaled(sized.factor)
        seen = Seen(
            sighting.track_id, (sized.pose_m + np.array(root[:3])).tolist(), score.tolist(),
            ankle_height(sized, self._size),
        )  # fmt: skip
        if self.ground is not None:
            root = stand(root, sized, self._size, self.ground, rays, score)
        moved_m = self._motion.update(t_ns, root[:3], root.sigma_depth_m, root.sigma_lateral_m)
        held_m, pose_m = self._feet.hold(t_ns, tuple(moved_m), sized.pose_m, rays, sighting.seen)
        root_m = np.array(held_m)
        feet_m, feet_sigma_m = self._place_feet(t_ns, sighting, root_m, pose_m, sized.sigma_m)
        hands_m, hands_sigma_m = _place_hands(sighting, root_m, pose_m, sized.sigma_m)
        if self.ground is not None:
            root_m, pose_m = self.ground.to_world(root_m), self.ground.turn(pose_m)
            feet_m = None if feet_m is None else self.ground.turn(feet_m).astype(np.float32)
            hands_m = None if hands_m is None else self.ground.turn(hands_m).astype(np.float32)
        return Placed(
            root_m.astype(np.float32), root.sigma_depth_m, pose_m.astype(np.float32, copy=False), sized.sigma_m,
            sized.scale, seen, feet_m, feet_sigma_m, hands_m, hands_sigma_m,
        )  # fmt: skip

    def _place_feet(
        self, t_ns: int, sighting: Sighting, root_m: Array64, pose_m: Array | Array64, sigma_m: Array
    ) -> tuple[Array | None, Array | None]:
        """FEET relative to the hip (4, 3), in camera axes, and their errors (4,); none where nobody asks for them."""
        if sighting.feet is None or not np.isfinite(root_m).all():
            return None, None
        self._heels_and_toes = self._heels_and_toes or Feet()
        places_m, errors_m = self._heels_and_toes.place(
            t_ns * 1e-9, pose_m + root_m, sigma_m, sighting.rays, sighting.feet
        )  # fmt: skip
        return (places_m - root_m).astype(np.float32), errors_m.astype(np.float32)


def _place_hands(
    sighting: Sighting, root_m: Array64, pose_m: Array | Array64, sigma_m: Array
) -> tuple[Array | None, Array | None]:
    """HANDS relative to the hip (6, 3), in camera axes, and their errors (6,); none where nobody asks for them."""
    if sighting.hands is None or not np.isfinite(root_m).all():
        return None, None
    places_m, errors_m = place_hands(pose_m + root_m, sigma_m, sighting.rays, sighting.hands)
    return (places_m - root_m).astype(np.float32), errors_m.astype(np.float32)


def _up(ground: Ground | None) -> tuple[float, float, float]:
    """As the lifter is told it."""
    if ground is None:
        return 0.0, 0.0, 0.0
    error_deg = ground.normal_sigma_deg if math.isfinite(ground.normal_sigma_deg) else _LEVELLED_DEG
    return sure_up(ground.up.tolist(), math.radians(error_deg))
