"""From messages to the scene: upright figures, the floor under them, and a camera target that follows smoothly."""

from __future__ import annotations

import copy
import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from engines.models.skeleton import JOINTS
from realtime.contracts import CameraPlace
from realtime.rig.extremities import ON, points_of
from realtime.view.scene.figure import Floats
from realtime.wire.messages import PersonPose, PoseMessage

MOST_PEOPLE = 8
_UNPLACED_M = 4.0  # distance at which a person without a root position is shown
_ANKLE_M, _FLESH_M = 0.07, 0.07  # an ankle above the sole; any joint above what the body lies or sits on
_GLIDE_S = 0.5
# A floor of the viewer's own goes to the lowest that anybody was lately: a jump is shorter and does not lift it. Nobody
# is further under it, on a floor that is known neither.
_LATELY_S, _FLOOR_S, _UNDER_M = 0.6, 0.2, 0.015
_ZOOM_IN_S = 1.5
_JUMP_M, _GAP_S = 3.0, 2.0  # beyond these the camera cuts instead of gliding
ANKLES = (3, 6)
_LOW_M, _REST_M_S = 0.12, 0.25  # a foot at rest is within these of the floor and of no motion
TRAIL = 90  # poses


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    slot: int  # 0 to MOST_PEOPLE - 1, stays with the person: picks the tint
    person: int  # id
    joints_m: Floats  # (17, 3), display axes
    sigma_m: Floats  # (17,)
    score: Floats  # (17,)
    held: bool
    standing: tuple[bool, bool]  # right and left foot at rest on the floor
    extremities_m: Floats | None = None  # (10, 3), feet and hands about the joints they hang on, NaN where not known


def upright(points_m: Floats, space: str) -> Floats:
    """Points (..., 3) of the stream's space in display axes (x right, y up, z towards the viewer)."""
    x, y, z = points_m[..., 0], points_m[..., 1], points_m[..., 2]
    return np.stack((x, z, -y) if space == "world" else (x, -y, -z), -1)


class Follow:
    """Keeps who stands where. After `update`: `figures`, `target_m` (3,), `floor_y`, `radius_m`."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.target_m: Floats = np.array((0.0, 0.0, -_UNPLACED_M))
        self.floor_y = -1.0
        self.radius_m = 1.1
        self._speed_m_s: Floats = np.zeros(3)
        self.space = "camera"
        self.image_wh = (4, 3)
        self.camera: CameraPlace | None = None
        self._slots: dict[int, int] = {}
        self._seen_ns: int | None = None  # when there was last somebody
        self.trails_m: dict[int, deque[Floats]] = {}  # slot -> where the person's hip was, newest last
        self._feet: dict[int, tuple[int, Floats]] = {}  # slot -> when and where the ankles were
        self._lowest: deque[tuple[float, float]] = deque()  # seconds ago, and how low somebody was

    def update(self, message: PoseMessage) -> None:
        cut = self._seen_ns is None or message.space != self.space
        elapsed_s = 0.0 if self._seen_ns is None else (message.t_capture_ns - self._seen_ns) / 1e9
        self.space, self.image_wh, self.camera = message.space, message.image_wh, message.camera
        people = message.persons[:MOST_PEOPLE]
        # everybody here is somebody else, perhaps far away
        cut |= bool(self._slots) and self._slots.keys().isdisjoint(person.id for person in people)
        self._seat([person.id for person in people])
        self.figures = [self._figure(person, message.t_capture_ns) for person in people]
        self._trail(cut)
        if self.figures:
            self._seen_ns = message.t_capture_ns
            self._move(elapsed_s, cut or not 0 <= elapsed_s < _GAP_S)

    def seen_later(self, figures: list[Figure], ahead_s: float) -> Follow:
        """A copy with these figures, its target so much further on its way."""
        later = copy.copy(self)
        later.figures, later.target_m = figures, self.target_m + ahead_s * self._speed_m_s
        return later

    def _seat(self, ids: list[int]) -> None:
        self._slots = {person: slot for person, slot in self._slots.items() if person in ids}
        for person in ids:
            free = (slot for slot in range(MOST_PEOPLE) if slot not in self._slots.values())
            self._slots.setdefault(person, next(free, MOST_PEOPLE - 1))

    def _figure(self, person: PersonPose, t_ns: int) -> Figure:
        slot = self._slots[person.id]
        root_m = person.root_m.astype(np.float64)
        placed = bool(np.isfinite(root_m).all())
        if not placed:
            aside = float((slot + 1) // 2 * (-1) ** slot)  # 0, -1, 1, -2, ... metres
            root_m = np.array((aside, _UNPLACED_M, 1.0) if self.space == "world" else (aside, 0.0, _UNPLACED_M))
        joints_m = upright(person.joints_m.astype(np.float64) + root_m, self.space)
        above_m = float(joints_m[:, 1].min()) - _FLESH_M - self.floor_y
        if not placed and self._seen_ns is not None:  # nobody hangs in the air for want of a place
            joints_m[:, 1] -= above_m
        elif self.space == "world" and above_m < -_UNDER_M:  # who is placed a little too far away sinks into the floor
            joints_m[:, 1] -= above_m + _UNDER_M
        score = person.score.astype(np.float64)
        score[list(person.unseen)] = 0.0
        standing = self._standing(slot, t_ns, joints_m[list(ANKLES)])
        return Figure(slot, person.id, joints_m, person.sigma_m.astype(np.float64), score, person.held, standing,
                      self._extremities(person))  # fmt: skip

    def _extremities(self, person: PersonPose) -> Floats | None:
        points = points_of(person.joints_m, person.feet_m, person.hands_m)
        if points is None:
            return None
        return upright((points[JOINTS:] - points[list(ON)]).astype(np.float64), self.space)

    def _standing(self, slot: int, t_ns: int, ankles_m: Floats) -> tuple[bool, bool]:
        """Feet near the floor that have hardly moved since the message before."""
        before = self._feet.get(slot)
        self._feet[slot] = t_ns, ankles_m
        if before is None or not 0 < t_ns - before[0] < _GAP_S * 1e9:
            return False, False
        speed_m_s = np.linalg.norm(ankles_m - before[1], axis=1) / (t_ns - before[0]) * 1e9
        low = ankles_m[:, 1] - _ANKLE_M - self.floor_y < _LOW_M
        right, left = (low & (speed_m_s < _REST_M_S)).tolist()
        return right, left

    def _trail(self, cut: bool) -> None:
        slots = {figure.slot for figure in self.figures}
        for slot in [slot for slot in self.trails_m if cut or slot not in slots]:
            del self.trails_m[slot]
            self._feet.pop(slot, None)
        for figure in self.figures:
            if not figure.held:
                self.trails_m.setdefault(figure.slot, deque(maxlen=TRAIL)).append(figure.joints_m[0])

    def _move(self, elapsed_s: float, cut: bool) -> None:
        joints_m = np.stack([figure.joints_m for figure in self.figures])  # (people, 17, 3)
        lowest = float(joints_m[..., 1].min()) - _FLESH_M  # a foot, or a knee or the trunk of who kneels or lies
        middle = joints_m[:, 0].mean(0)
        cut = cut or bool(np.abs(middle - self.target_m)[[0, 2]].max() > _JUMP_M)
        if self.space == "world":
            self.floor_y = 0.0
        elif cut:
            self.floor_y, self._lowest = lowest, deque([(0.0, lowest)])
        else:
            self.floor_y += _share(elapsed_s, _FLOOR_S) * (self._lowest_lately(lowest, elapsed_s) - self.floor_y)
            self.floor_y = min(self.floor_y, lowest + _UNDER_M)
        top = max(float(joints_m[..., 1].max()) + 0.12, self.floor_y + 1.0)
        middle[1] = (self.floor_y + top) / 2
        self._glide(middle, 0.0 if cut else elapsed_s)
        reach = float(np.linalg.norm(joints_m - self.target_m, axis=-1).max()) + 0.15
        if cut or reach > self.radius_m:  # at once: nobody is cut off
            self.radius_m = reach
        else:
            self.radius_m += _share(elapsed_s, _ZOOM_IN_S) * (reach - self.radius_m)

    def _lowest_lately(self, lowest: float, elapsed_s: float) -> float:
        self._lowest = deque((age_s + elapsed_s, height) for age_s, height in self._lowest)
        self._lowest.append((0.0, lowest))
        while self._lowest[0][0] > _LATELY_S:
            self._lowest.popleft()
        return min(height for _, height in self._lowest)

    def _glide(self, goal_m: Floats, elapsed_s: float) -> None:
        """A critically damped g-h filter: smooth, and without lag behind somebody who walks on. 0 s: a cut."""
        if elapsed_s <= 0:
            self.target_m, self._speed_m_s = goal_m.copy(), np.zeros(3)
            return
        memory = math.exp(-elapsed_s / _GLIDE_S)
        ahead = self.target_m + self._speed_m_s * elapsed_s
        self.target_m = ahead + (1 - memory**2) * (goal_m - ahead)
        self._speed_m_s = self._speed_m_s + (1 - memory) ** 2 / elapsed_s * (goal_m - ahead)


def _share(elapsed_s: float, settle_s: float) -> float:
    """The part of the way that an exponential glide covers in this time."""
    return 1 - math.exp(-elapsed_s / settle_s)
