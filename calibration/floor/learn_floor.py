"""The floor, learned while people are seen: up and height from everyone's feet and bodies, with their own error.

Fifteen times a second people are looked at, twice a second all that is remembered is fitted anew (plane_fit). What is
given out follows the fit so slowly that feet are not seen to slide. When the camera is moved it starts again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.floor.camera_move import CameraMove
from calibration.floor.footing import Footing
from calibration.floor.ground import Ground, rotation_from_up
from calibration.floor.plane_fit import Feet, Plane, Upright, fit_plane

Vector = Sequence[float]

GOOD_DEG = 3.5  # one sigma of the up direction that is good enough to be given out
MOST_PEOPLE = 8  # remembered at a time, those in view first
_LOOK_S = 0.06
_FIT_S = 0.5
_LEAST_STOOD_S = 2.0  # of feet on the floor, all told
_SURE_UP = math.radians(6)  # an up so sure tells who stands
_NEAREST_M, _FURTHEST_M = 0.05, 50.0  # a camera's height
_SLACK_DEG, _SLACK = 0.7, 0.02  # what is given out may be off the fit by so much before it follows: up, height
_TURN_DEG_S = 0.3  # what is given out turns no faster, and the floor under people rises as slowly
_RISE_M_S = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One person in a frame, placed in camera axes, metres."""

    track_id: int
    joints_m: Sequence[Vector]  # (17, 3)
    score: Vector  # (17,)
    ankle_m: float  # above the sole


class FloorLearner:
    """`push` frame by frame; `ground` is the floor as soon as it is known well enough, None until then."""

    def __init__(self, scale: str = "assumed", camera_identity: str = "") -> None:
        """`scale`: what the metres of those seen rest on."""
        self._scale, self._camera_identity = scale, camera_identity
        self.moves = 0  # how often the camera was found to have been moved
        self._begin()

    def _begin(self) -> None:
        self.ground: Ground | None = None
        self.plane: Plane | None = None  # as last fitted, good or not
        self._people: dict[int, Footing] = {}
        self._move = CameraMove()
        self._t_s = self._fitted_s = -math.inf
        self._follows = False  # the ground given out is under way to the fit

    def push(self, t_s: float, people: Sequence[Seen]) -> None:
        """One frame. A timeline that jumps back is fine."""
        dt_s = t_s - self._t_s
        if 0 <= dt_s < _LOOK_S:
            return
        self._t_s = t_s
        up = self.plane.up.tolist() if self.plane is not None and self.plane.tilt_sigma < _SURE_UP else None
        placed = [seen for seen in people if math.isfinite(sum(map(sum, seen.joints_m)))]
        for seen in placed:
            self._footing(seen.track_id).push(t_s, seen.joints_m, seen.score, seen.ankle_m, up)
        stances = {seen.track_id: (seen.joints_m, self._people[seen.track_id].stance) for seen in placed}
        if self._move.push(t_s, stances):
            self._begin()
            self.moves += 1
            return
        if not 0 <= t_s - self._fitted_s < _FIT_S and placed:
            self._fitted_s = t_s
            self._fit(t_s)
        if self._follows and self.plane is not None and self.ground is not None and 0 < dt_s < _FIT_S:
            self.ground, self._follows = _towards(self.ground, self.plane, dt_s)

    def _footing(self, track_id: int) -> Footing:
        if track_id not in self._people:
            if len(self._people) >= MOST_PEOPLE:
                del self._people[min(self._people, key=lambda number: self._people[number].seen_s)]
            self._people[track_id] = Footing()
        return self._people[track_id]

    def _fit(self, t_s: float) -> None:
        told = self._told(t_s)
        if told is None:
            return
        feet, bodies = told
        self.plane = fit_plane(feet, bodies, None if self.plane is None else self.plane.up)
        if self.ground is None and self._is_good(self.plane, feet):
            self.ground = self._ground(self.plane)
        elif self.ground is not None:
            self._follows = self._follows or _is_off(self.ground, self.plane)

    def _told(self, t_s: float) -> tuple[Feet, list[Upright]] | None:
        """What everyone's feet and bodies tell; None while nobody's tell anything."""
        points, person, frames, ankles, bodies = [], [], [], [], []
        for number, footing in enumerate(self._people.values()):
            footing.forget(t_s)
            body = footing.upright()
            if body is None:
                continue
            bodies.append(body)
            for hold in footing.footholds:
                if hold.counts:
                    points.append(hold.at)
                    person.append(number)
                    frames.append(hold.seconds * 30)
                    ankles.append(footing.ankle_m)
        if not bodies:
            return None
        return Feet(np.array(points), np.array(person), np.array(frames), np.array(ankles)), bodies

    def _is_good(self, plane: Plane, feet: Feet) -> bool:
        return (
            math.degrees(plane.tilt_sigma) <= GOOD_DEG
            and _NEAREST_M < plane.height_m < _FURTHEST_M
            and float(feet.frames.sum()) >= 30 * _LEAST_STOOD_S
        )

    def _ground(self, plane: Plane) -> Ground:
        return Ground(rotation_from_up(plane.up), plane.height_m, self._scale, "person",
                      math.degrees(plane.tilt_sigma), plane.height_sigma_m, self._camera_identity)  # fmt: skip


def _is_off(ground: Ground, plane: Plane) -> bool:
    if not _NEAREST_M < plane.height_m < _FURTHEST_M:
        return False
    return _turn_deg(ground, plane) > _SLACK_DEG or abs(plane.height_m / ground.height_m - 1) > _SLACK


def _towards(ground: Ground, plane: Plane, dt_s: float) -> tuple[Ground, bool]:
    """The floor given out goes towards the fit, no faster than allowed; and whether it goes on."""
    rise_m = plane.height_m - ground.height_m
    share = dt_s / max(_turn_deg(ground, plane) / _TURN_DEG_S, abs(rise_m) / _RISE_M_S, dt_s)
    old_up = ground.up
    height_m = min(max(ground.height_m + share * rise_m, _NEAREST_M), _FURTHEST_M)
    moved = Ground(rotation_from_up(old_up + share * (plane.up - old_up)), height_m, ground.scale, ground.source,
                   math.degrees(plane.tilt_sigma), plane.height_sigma_m, ground.camera_identity)  # fmt: skip
    return moved, share < 1.0


def _turn_deg(ground: Ground, plane: Plane) -> float:
    return math.degrees(math.acos(max(-1.0, min(float(ground.up @ plane.up), 1.0))))
