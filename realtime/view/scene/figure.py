"""A person as a shaded mesh: spheres for joints, tapered cylinders for bones. numpy alone, written in place.

Display axes: x right, y up, z towards the viewer, metres. Light is baked into the vertex colours, so that the picture
is the same on every driver and needs no normals on the graphics card.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import JOINTS, LEFT, PARENTS, RIGHT

Floats = NDArray[np.float64]

NECK, HEAD = 9, 10
BACKGROUND_RGB = np.array((0.945, 0.953, 0.965))
_GREY = np.array((0.62, 0.64, 0.67))
# One row a person: left, right, middle.
TINTS_RGB = np.array((
    ((0.98, 0.47, 0.20), (0.16, 0.50, 0.93), (0.32, 0.36, 0.44)),
    ((0.95, 0.70, 0.16), (0.13, 0.66, 0.60), (0.42, 0.38, 0.34)),
    ((0.90, 0.33, 0.55), (0.42, 0.42, 0.88), (0.38, 0.34, 0.45)),
    ((0.78, 0.42, 0.30), (0.22, 0.58, 0.78), (0.35, 0.40, 0.36)),
))  # fmt: skip
_SIDE = np.array([0 if joint in LEFT else 1 if joint in RIGHT else 2 for joint in range(JOINTS)])

_CHILD = np.array([joint for joint in range(JOINTS) if PARENTS[joint] >= 0])
_PARENT = np.array([PARENTS[joint] for joint in _CHILD])
BONES = len(_CHILD)
# Radius of the body at each joint, metres; a bone tapers from its parent's to its child's.
_GIRTH_M = np.array((.052, .048, .040, .028, .048, .040, .028, .048, .046, .034, .034,
                     .042, .034, .024, .042, .034, .024))  # fmt: skip
_BULK_M = _GIRTH_M + 0.012  # a bone is at most this much thicker at its parent's end
_TUBE = 0.86  # bones are slimmer than their joints, so that the joints show
_HEAD_RADIUS_M = 0.085
_SIGMA_GAIN, _SIGMA_MOST_M = 0.22, 0.10  # a joint's sphere swells with its error scale

_LIGHT = np.array((-0.42, 0.72, 0.55)) / np.linalg.norm((-0.42, 0.72, 0.55))


class Detail(NamedTuple):
    """How many pieces round things are made of."""

    sectors: int  # of a joint's ball
    bands: int
    ring: int  # of a bone
    patch: int  # points along a side of the floor under a person


FINE = Detail(20, 12, 14, 40)
COARSE = Detail(12, 8, 8, 28)  # where the processor draws


def _sphere(sectors: int, bands: int) -> tuple[Floats, NDArray[np.int32]]:
    """Unit directions (V, 3) and triangles (F, 3), counter-clockwise seen from outside."""
    polar = np.linspace(0, np.pi, bands + 1)[:, None]
    around = np.linspace(0, 2 * np.pi, sectors, endpoint=False)[None]
    xyz = (np.sin(polar) * np.cos(around), np.cos(polar) + 0 * around, np.sin(polar) * np.sin(around))
    rings = quads(bands + 1, sectors)
    return np.stack(xyz, -1).reshape(-1, 3), rings[sectors:-sectors]  # at a pole half of each quad is nothing


def quads(rows: int, sectors: int) -> NDArray[np.int32]:
    """Two triangles for each cell of a grid of `rows` closed rings."""
    row, col = (axis.ravel() for axis in np.meshgrid(np.arange(rows - 1), np.arange(sectors), indexing="ij"))
    here, right = row * sectors + col, row * sectors + (col + 1) % sectors
    below, diagonal = here + sectors, right + sectors
    return np.concatenate((np.stack((here, right, diagonal), 1), np.stack((here, diagonal, below), 1))).astype(np.int32)


def light(normals: Floats) -> tuple[Floats, Floats]:
    """A key light, a bright sky and a pale floor at surfaces that face `normals` (..., 3): what the colour is
    multiplied by and what gloss is added, (..., 1) each."""
    towards = normals @ _LIGHT
    key = 0.5 + 0.5 * towards
    lit = 0.52 + 0.50 * key**1.5 + 0.16 * normals[..., 1]
    return lit[..., None], 0.22 * np.clip(towards, 0, 1)[..., None] ** 12


def colours_of(score: Floats, tint: int, held: bool) -> Floats:
    """Of joints (17, 3): their side's, paler where the camera hardly saw them, grey of somebody held."""
    colour = TINTS_RGB[tint % len(TINTS_RGB)][_SIDE]
    doubt = np.full(JOINTS, 0.85) if held else 0.6 * np.clip(1 - score / 0.5, 0, 1)
    greyed: Floats = colour + (_GREY - colour) * doubt[:, None]
    return greyed


def round_of(detail: Detail) -> Floats:
    """Cosines and sines (2, ring) round a tube."""
    angle = np.linspace(0, 2 * np.pi, detail.ring, endpoint=False)
    return np.stack((np.cos(angle), np.sin(angle)))


class Body:
    """The mesh of one person. `vertices` and `colours` (V, 3) are rewritten by `update`; `triangles` stay."""

    def __init__(self, detail: Detail = FINE) -> None:
        self._ball, ball_triangles = _sphere(detail.sectors, detail.bands)
        self._ball_light = light(self._ball)
        self._cos_sin = round_of(detail)
        balls, tube = JOINTS * len(self._ball), quads(2, detail.ring)
        self.vertices = np.zeros((balls + BONES * 2 * detail.ring, 3))
        self.colours = np.zeros_like(self.vertices)
        self.triangles = np.concatenate([
            *(ball_triangles + joint * len(self._ball) for joint in range(JOINTS)),
            *(tube + balls + bone * 2 * detail.ring for bone in range(BONES)),
        ])  # fmt: skip
        self._ball_part, self._tube_part = slice(0, balls), slice(balls, None)

    def update(self, joints_m: Floats, sigma_m: Floats, score: Floats, tint: int, held: bool) -> None:
        """Draws the pose (17, 3) in display axes; a held pose is grey, a joint that the camera hardly saw is paler."""
        colour = colours_of(score, tint, held)
        self._balls(joints_m, sigma_m, colour)
        self._tubes(joints_m, colour)

    def _balls(self, joints_m: Floats, sigma_m: Floats, colour: Floats) -> None:
        radius = _GIRTH_M + _SIGMA_GAIN * np.clip(sigma_m, 0, _SIGMA_MOST_M)
        centre = joints_m.copy()
        # The head is one ball between its two joints.
        centre[HEAD] = (joints_m[NECK] + joints_m[HEAD]) / 2
        radius[HEAD] += _HEAD_RADIUS_M - _GIRTH_M[HEAD]
        self.vertices[self._ball_part] = (centre[:, None] + radius[:, None, None] * self._ball).reshape(-1, 3)
        lit, gloss = self._ball_light
        self.colours[self._ball_part] = np.minimum(colour[:, None] * lit + gloss, 1).reshape(-1, 3)

    def _tubes(self, joints_m: Floats, colour: Floats) -> None:
        thick_m = _TUBE * np.minimum(_GIRTH_M[_PARENT], _BULK_M[_CHILD]), _TUBE * _GIRTH_M[_CHILD]
        self.vertices[self._tube_part], self.colours[self._tube_part] = tubes(
            joints_m[_PARENT], joints_m[_CHILD], thick_m, colour[_CHILD], self._cos_sin
        )


def tubes(
    start_m: Floats, end_m: Floats, radii_m: tuple[Floats, Floats], colour: Floats, cos_sin: Floats
) -> tuple[Floats, Floats]:
    """Vertices and colours (n * 2 * ring, 3) of tubes from `start_m` (n, 3) to `end_m` with radii (n,) there and
    colours (n, 3). `cos_sin` (2, ring): of the angles round them."""
    across, aside = _perpendicular(end_m - start_m)
    cos, sin = cos_sin[:, None, :, None]  # (1, ring, 1) each
    normals = across[:, None] * cos + aside[:, None] * sin  # (n, ring, 3)
    first, last = (at[:, None] + normals * radius_m[:, None, None]
                   for at, radius_m in zip((start_m, end_m), radii_m, strict=True))  # fmt: skip
    lit, gloss = light(normals)
    shaded = np.minimum(colour[:, None] * lit + gloss, 1)
    return np.stack((first, last), 1).reshape(-1, 3), np.stack((shaded, shaded), 1).reshape(-1, 3)


def _perpendicular(axis: Floats) -> tuple[Floats, Floats]:
    """Two unit vectors (n, 3) that span the plane across each axis (n, 3); any two where an axis has no length."""
    axis = axis / np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-9)
    helper = np.zeros_like(axis)
    helper[np.arange(len(axis)), np.abs(axis).argmin(1)] = 1
    across = np.cross(axis, helper)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    return across, np.cross(axis, across)
