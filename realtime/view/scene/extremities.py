"""Feet and hands of one person where the message has them: thin tubes from their ankles and wrists, and across."""

from __future__ import annotations

import numpy as np

from engines.models.skeleton import FEET, JOINTS
from realtime.rig.extremities import LINES, ON
from realtime.view.scene.figure import FINE, Detail, Floats, colours_of, quads, round_of, tubes
from realtime.view.scene.follow import Figure

_FOOT_M, _HAND_M = 0.011, 0.007  # radii
_START, _END = np.array(LINES).T
_HANG_ON = np.array(ON)
_SIDE = _HANG_ON[_END - JOINTS]  # the joint whose colour a line has
_THICK_M = np.array([_FOOT_M if end < JOINTS + len(FEET) else _HAND_M for _, end in LINES])


class Extremities:
    """The mesh of one person. `vertices` and `colours` (V, 3) are rewritten by `update`; `triangles` stay."""

    def __init__(self, detail: Detail = FINE) -> None:
        self._cos_sin = round_of(detail)
        each = 2 * detail.ring
        self.vertices = np.zeros((len(LINES) * each, 3))
        self.colours = np.zeros_like(self.vertices)
        self.triangles = np.concatenate([quads(2, detail.ring) + line * each for line in range(len(LINES))])

    def update(self, figure: Figure, origin_m: Floats) -> None:
        """What is not known is not drawn: all of it in one point."""
        joints_m = figure.joints_m - origin_m
        if figure.extremities_m is None:
            self.vertices[:] = joints_m[0]
            return
        points_m = np.concatenate((joints_m, joints_m[_HANG_ON] + figure.extremities_m))
        known = np.isfinite(points_m).all(1)
        drawn = known[_START] & known[_END]
        points_m[~known] = joints_m[0]
        start_m, end_m = (np.where(drawn[:, None], points_m[at], joints_m[0]) for at in (_START, _END))
        radius_m = np.where(drawn, _THICK_M, 0.0)
        colour = colours_of(figure.score, figure.slot, figure.held)[_SIDE]
        self.vertices[:], self.colours[:] = tubes(start_m, end_m, (radius_m, radius_m), colour, self._cos_sin)
