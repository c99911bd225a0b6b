"""The ground: a disc that fades into the background, a thin grid, soft shadows, trails."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import PARENTS
from realtime.view.scene.figure import BACKGROUND_RGB, Floats

Indices = NDArray[np.int32]

RADIUS_M = 4.0  # at least; more where people are far apart
CELL_M = 0.5  # of the grid; twice, four times as much on a larger floor
_AROUND = 1.5  # of the people's radius: as far as the floor reaches
_FLOOR_RGB = np.array((0.885, 0.897, 0.915))
_LINE_RGB = np.array((0.740, 0.760, 0.790))
_SHADOW_RGB = np.array((0.520, 0.545, 0.590))
_RINGS, _SECTORS = 16, 48
_FOOT_M = 0.11
_RING_X, _RING_Z = (part(np.linspace(0, 2 * math.pi, 20, endpoint=False)) for part in (np.cos, np.sin))
_PATCH_M = 1.1
_CHILD = np.array([joint for joint, parent in enumerate(PARENTS) if parent >= 0])
_PARENT = np.array([PARENTS[joint] for joint in _CHILD])
_SHARES = np.array((1 / 6, 1 / 2, 5 / 6))[:, None, None]  # of a bone: where it casts its shadow
_LIFT_M = 0.003  # lines over shadows over the disc, without fighting for the same depth


def reach_m(people_m: float) -> float:
    """The radius of the floor under people that reach so far from the middle."""
    return max(RADIUS_M, _AROUND * people_m)


def _fade(distance_m: Floats, radius_m: float) -> Floats:
    """1 at the middle of the disc, 0 at its rim, smooth at both ends."""
    t = np.clip((distance_m / radius_m - 0.15) / 0.85, 0, 1)
    smooth: Floats = 1 - t * t * (3 - 2 * t)
    return smooth


def floor_rgb(x: Floats, z: Floats, radius_m: float = RADIUS_M) -> Floats:
    """Colour of the bare floor at (x, z) metres from its middle: (..., 3)."""
    return BACKGROUND_RGB + (_FLOOR_RGB - BACKGROUND_RGB) * _fade(np.hypot(x, z), radius_m)[..., None]


def disc() -> tuple[Floats, Floats, Indices]:
    """Vertices (V, 3) at y = 0, colours (V, 3) and triangles of the floor."""
    ring, sector = np.meshgrid(np.linspace(0, RADIUS_M, _RINGS), np.arange(_SECTORS), indexing="ij")
    x, z = (ring * part(sector * (2 * math.pi / _SECTORS)) for part in (np.cos, np.sin))
    vertices = np.stack((x, 0 * x, z), -1).reshape(-1, 3)
    return vertices, floor_rgb(x, z).reshape(-1, 3), _cells(_RINGS, _SECTORS, closed=True)[:, ::-1]


def _cells(rows: int, columns: int, *, closed: bool) -> Indices:
    row, col = (a.ravel() for a in np.meshgrid(np.arange(rows - 1), np.arange(columns - (not closed)), indexing="ij"))
    here, right = row * columns + col, row * columns + (col + 1) % columns
    below, diagonal = here + columns, right + columns
    return np.concatenate((np.stack((here, diagonal, right), 1), np.stack((here, below, diagonal), 1))).astype(np.int32)


class Grid:
    """Lines every half metre, or every one or two of a large floor, that stay with the world while the scene moves
    under the camera."""

    def __init__(self) -> None:
        count = int(RADIUS_M / CELL_M)
        steps = np.arange(-count, count) * CELL_M
        fixed, along = (a.ravel() for a in np.meshgrid(np.arange(-count, count + 1) * CELL_M, steps, indexing="ij"))
        one, other = np.zeros((len(fixed), 2, 3)), np.zeros((len(fixed), 2, 3))
        one[:, :, 0], one[:, 0, 2], one[:, 1, 2] = fixed[:, None], along, along + CELL_M
        other[:, :, 2], other[:, 0, 0], other[:, 1, 0] = fixed[:, None], along, along + CELL_M
        self._rest = np.concatenate((one, other)).reshape(-1, 3)
        self.vertices = self._rest.copy()
        self.lines = np.arange(len(self._rest), dtype=np.int32).reshape(-1, 2)
        self.colours = np.zeros((len(self.lines), 3))

    def update(self, target_m: Floats, floor_y: float, radius_m: float = RADIUS_M) -> None:
        """Moves the lines so that they pass through whole cells of the world, whose origin lies at -target."""
        times = 2.0 ** max(0, math.ceil(math.log2(radius_m / RADIUS_M)))
        cell_m = CELL_M * times
        offset = -np.mod(target_m + cell_m / 2, cell_m) + cell_m / 2
        self.vertices[:] = times * self._rest + np.array((offset[0], floor_y + 2 * _LIFT_M, offset[2]))
        middle = self.vertices.reshape(-1, 2, 3).mean(1)
        fade = _fade(np.hypot(middle[:, 0], middle[:, 2]), radius_m)[:, None]
        self.colours[:] = BACKGROUND_RGB + (_LINE_RGB - BACKGROUND_RGB) * fade


class Shadow:
    """The floor around one person with the soft shadows on it: darker and sharper where a bone is near the ground.

    Patches of people who stand close overlap. Each shows all their shadows, so that overlaps look the same in both.
    """

    def __init__(self, steps: int = 40) -> None:
        """`steps`: points along a side of the patch."""
        self._step = np.linspace(-_PATCH_M, _PATCH_M, steps)
        self._x, self._z = (axis.ravel() for axis in np.meshgrid(self._step, self._step, indexing="ij"))
        self.vertices = np.zeros((len(self._x), 3))
        self.colours = np.zeros((len(self._x), 3))
        self.triangles = _cells(steps, steps, closed=False)[:, ::-1].copy()

    def update(self, everyone_m: Floats, index: int, floor_y: float, radius_m: float = RADIUS_M) -> None:
        """Joints (people, 17, 3) in display axes, from the middle of the disc; the patch is person `index`'s."""
        roots = everyone_m[:, 0]
        x, z = self._x + roots[index, 0], self._z + roots[index, 2]
        self.vertices[:, 0], self.vertices[:, 1], self.vertices[:, 2] = x, floor_y + _LIFT_M, z
        near = np.abs(roots - roots[index])[:, [0, 2]].max(1) < 2 * _PATCH_M
        sides = self._step + roots[index, 0], self._step + roots[index, 2]
        light = np.prod([1 - _shade_of(joints_m, *sides, floor_y) for joints_m in everyone_m[near]], axis=0).ravel()
        fade = _fade(np.hypot(x, z), radius_m)[:, None]
        bare = BACKGROUND_RGB + (_FLOOR_RGB - BACKGROUND_RGB) * fade
        self.colours[:] = bare + (_SHADOW_RGB - bare) * (1 - light)[:, None] * fade


def _shade_of(joints_m: Floats, x: Floats, z: Floats, floor_y: float) -> Floats:
    """How much of the light one person takes (a, b), 0 to 1, at the floor's points with x (a,) and z (b,); 0 outside
    the person's own patch."""
    points = _along_bones(joints_m)
    height = np.maximum(points[:, 1] - floor_y, 0)
    spread = 0.05 + 0.07 * height
    weight = 0.022 / (1 + 1.2 * height) / spread
    narrow = -0.5 / spread**2
    across = np.exp((x[:, None] - points[:, 0]) ** 2 * narrow) * weight
    along = np.exp((z[:, None] - points[:, 2]) ** 2 * narrow)
    rim = 1 - np.maximum(np.abs(x - joints_m[0, 0])[:, None], np.abs(z - joints_m[0, 2])) / _PATCH_M
    dark: Floats = (1 - np.exp(-across @ along.T)) * np.minimum(np.maximum(rim / 0.25, 0), 1)
    return dark


class Trail:
    """Where one person's hip has been, as a line on the floor that fades, and rings under feet that stand."""

    def __init__(self, length: int) -> None:
        ring = 2 * len(_RING_X)
        self._length = length
        self.vertices = np.zeros((length + ring, 3))
        line = np.stack((np.arange(length - 1), np.arange(1, length)), 1)
        around = np.arange(len(_RING_X))
        rings = [np.stack((around, np.roll(around, -1)), 1) + length + foot * len(_RING_X) for foot in (0, 1)]
        self.lines = np.concatenate((line, *rings)).astype(np.int32)
        self.colours = np.zeros((len(self.lines), 3))

    def update(
        self, hips_m: Floats, feet_m: Floats, standing: tuple[bool, bool], floor_y: float, colour_rgb: Floats
    ) -> None:
        """Hips (n, 3), oldest first, ankles (2, 3), right and left, in display axes from the middle of the disc."""
        fade = np.linspace(1, 0.1, self._length - 1)[:, None]
        line = self.vertices[: self._length]
        line[:] = hips_m[0]
        line[self._length - len(hips_m) :] = hips_m
        line[:, 1] = floor_y + 3 * _LIFT_M
        self.colours[: self._length - 1] = colour_rgb + (_FLOOR_RGB - colour_rgb) * fade
        self.colours[self._length - 1 :] = colour_rgb
        for foot, (ankle_m, stands) in enumerate(zip(feet_m, standing, strict=True)):
            ring = self.vertices[self._length + foot * len(_RING_X) :][: len(_RING_X)]
            radius = _FOOT_M if stands else 0.0  # all of it in one point is not drawn
            ring[:, 0], ring[:, 2] = ankle_m[0] + radius * _RING_X, ankle_m[2] + radius * _RING_Z
            ring[:, 1] = floor_y + 3 * _LIFT_M


def _along_bones(joints_m: Floats) -> Floats:
    """Three points on each bone: (48, 3)."""
    start = joints_m[_PARENT]
    points: Floats = (start + _SHARES * (joints_m[_CHILD] - start)).reshape(-1, 3)
    return points
