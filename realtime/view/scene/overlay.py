"""Flat cards over the scene of a window: textured rectangles right before the camera's eye."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.view.scene.figure import Floats

Image = NDArray[np.uint8]

_NEAREST_M, _STEP_M = 0.12, 0.002  # from the eye; Open3D draws nothing nearer than 0.08 m in a scene of this size
_CORNERS = np.array(((0, 1), (1, 1), (1, 0), (0, 1), (1, 0), (0, 0)), float)
_TRIANGLES = np.array(((0, 1, 2), (0, 2, 3)), np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """A flat picture over the scene: its left upper corner, and BGR pixels as many as it covers."""

    name: str
    left: int
    top: int
    image: Image


class Overlay:
    """`show` the cards of each picture, the lowest first."""

    def __init__(self, o3d: Any, visualizer: Any) -> None:
        self._o3d, self._vis = o3d, visualizer
        self._quads: dict[str, Any] = {}
        self._images: dict[str, Image] = {}  # what each quad shows now

    def show(self, cards: list[Card], camera: Any) -> None:
        """`camera`: Open3D's pinhole camera as it is now, in whose pixels the cards are."""
        for name in self._quads.keys() - {card.name for card in cards}:
            self._vis.remove_geometry(self._quads.pop(name), reset_bounding_box=False)
            del self._images[name]
        for depth, card in enumerate(cards):
            corners = _before_the_eye(card, camera, _NEAREST_M - _STEP_M * depth)
            if card.name in self._quads and self._images[card.name].shape == card.image.shape:
                self._change(card, corners)
            else:
                self._add(card, corners)

    def _add(self, card: Card, corners: Floats) -> None:
        if card.name in self._quads:  # of another size: Open3D keeps a texture's size
            self._vis.remove_geometry(self._quads[card.name], reset_bounding_box=False)
        vector = self._o3d.utility
        quad = self._o3d.geometry.TriangleMesh(vector.Vector3dVector(corners), vector.Vector3iVector(_TRIANGLES))
        quad.triangle_uvs = vector.Vector2dVector(_CORNERS)
        quad.triangle_material_ids = vector.IntVector([0, 0])
        self._quads[card.name] = quad
        self._paint(card)
        self._vis.add_geometry(quad, reset_bounding_box=False)

    def _change(self, card: Card, corners: Floats) -> None:
        quad = self._quads[card.name]
        np.asarray(quad.vertices)[:] = corners
        if self._images[card.name] is not card.image:
            self._paint(card)
        self._vis.update_geometry(quad)

    def _paint(self, card: Card) -> None:
        self._images[card.name] = card.image
        self._quads[card.name].textures = [self._o3d.geometry.Image(np.ascontiguousarray(card.image[..., ::-1]))]


def _before_the_eye(card: Card, camera: Any, depth_m: float) -> Floats:
    """Lower left, lower right, upper right, upper left corner (4, 3) in display axes."""
    height, width = card.image.shape[:2]
    left, top, right, bottom = card.left, card.top, card.left + width, card.top + height
    pixels = np.array(((left, bottom), (right, bottom), (right, top), (left, top)), float) - 0.5
    matrix, pose = camera.intrinsic.intrinsic_matrix, camera.extrinsic
    seen = np.ones((4, 3))
    seen[:, :2] = (pixels - matrix[:2, 2]) / matrix[[0, 1], [0, 1]]
    corners: Floats = (seen * depth_m - pose[:3, 3]) @ pose[:3, :3]
    return corners
