"""A plain body for the figure, for viewers of models to show: a slim octahedron a bone, a colour a side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.rig.nodes import NODES, TIPS_M

Float = NDArray[np.float32]

_WIDTH = 0.11  # of a bone's length
_LEAST_M, _MOST_M = 0.015, 0.035
_LEFT_RGB, _RIGHT_RGB, _MIDDLE_RGB = (0.98, 0.47, 0.20), (0.16, 0.50, 0.93), (0.62, 0.65, 0.70)
# a point at each end and a ring of four a fifth of the way: faces as they are seen from outside, counter-clockwise
_FACES = ((0, 2, 1), (0, 3, 2), (0, 4, 3), (0, 1, 4), (5, 1, 2), (5, 2, 3), (5, 3, 4), (5, 4, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """In the rest pose's axes, metres; every corner belongs to one node of the figure."""

    positions_m: Float  # (V, 3), three for each face
    normals: Float  # (V, 3)
    colours_rgb: Float  # (V, 3)
    nodes: NDArray[np.uint8]  # (V,)


def stick_figure(bones_m: NDArray[np.float64], head_m: float) -> Mesh:
    """`bones_m` (19, 3): where each node sits in its parent; `head_m`: length of the head's bone."""
    places = np.zeros_like(bones_m)
    for index, node in enumerate(NODES[1:], 1):
        places[index] = places[node.parent] + bones_m[index]
    corners, normals, colours, owners = [], [], [], []
    for index in range(len(NODES)):
        for tip in _tips(index, bones_m, head_m):
            faces = _octahedron(places[index], tip)
            corners.append(faces.reshape(-1, 3))
            across = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
            across /= np.linalg.norm(across, axis=1, keepdims=True)
            normals.append(np.repeat(across, 3, 0))
            colours.append(np.tile(_colour(index), (3 * len(faces), 1)))
            owners.append(np.full(3 * len(faces), index))
    positions, facing, tints = (np.concatenate(part).astype(np.float32) for part in (corners, normals, colours))
    return Mesh(positions, facing, tints, np.concatenate(owners).astype(np.uint8))


def _tips(index: int, bones_m: NDArray[np.float64], head_m: float) -> list[NDArray[np.float64]]:
    """Where the node's bones end, from the node on: at its children, or in nothing."""
    node = NODES[index]
    if node.name == "Head":
        return [np.array((0.0, head_m, 0.0))]
    if node.name in TIPS_M:
        return [TIPS_M[node.name]]
    below = [bones_m[child] for child, other in enumerate(NODES) if other.parent == index]
    return [tip for tip in below if np.linalg.norm(tip) > _LEAST_M][: None if index == 0 else 1]


def _octahedron(start: NDArray[np.float64], tip: NDArray[np.float64]) -> NDArray[np.float64]:
    """(8, 3, 3)"""
    length = float(np.linalg.norm(tip))
    along = tip / length
    aside = np.cross(along, np.eye(3)[np.abs(along).argmin()])
    aside /= np.linalg.norm(aside)
    width = min(max(_WIDTH * length, _LEAST_M), _MOST_M)
    up = np.cross(along, aside)
    ring = start + 0.2 * tip + width * np.stack((aside, up, -aside, -up))
    points = np.concatenate((start[None], ring, (start + tip)[None]))
    return np.asarray(points[np.array(_FACES)])


def _colour(index: int) -> tuple[float, float, float]:
    name = NODES[index].name
    return _LEFT_RGB if name.startswith("Left") else _RIGHT_RGB if name.startswith("Right") else _MIDDLE_RGB
