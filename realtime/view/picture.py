"""One picture of the stream: the scene, and over it the source's picture, the panel and the people's ids."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import JOINT_NAMES
from realtime.view.layout import Arrangement, arrange
from realtime.view.panel import Panel, name_tag
from realtime.view.scene.follow import Follow
from realtime.view.scene.overlay import Card
from realtime.view.scene.stage import Stage
from realtime.view.source_picture import SourcePicture
from realtime.wire.messages import PoseMessage

Image = NDArray[np.uint8]

_HEAD = JOINT_NAMES.index("head")
_ABOVE_M = 0.22  # the head: where an id stands
OTHERS = 1_000_000  # ids from here on are of another recording's people, shown to compare, without their ids


@dataclass(slots=True)
class Show:
    """What is shown; the window's keys change it."""

    layout: str = "inset"
    panel: bool = True
    ids: bool = True
    trail: bool = True
    marks: bool = True  # the camera and the axes
    extremities: bool = True  # feet and hands
    smooth: bool = True  # pictures between two poses; a window's alone
    help: bool = False


class Picture:
    """`update` with each message, then `draw` and `cards`."""

    def __init__(self, stage: Stage, source: SourcePicture | None, show: Show) -> None:
        self.follow, self.panel, self.show = Follow(), Panel(), show
        self._stage, self._source = stage, source
        self._seen = self.follow  # what is drawn
        self._image: Image | None = None  # of the source

    def update(self, message: PoseMessage) -> None:
        self.follow.update(message)
        self.panel.update(message)
        if self._source is not None and self.show.layout != "3d":
            self._image = self._source.at(message)

    def draw(self, seen: Follow | None = None) -> Arrangement:
        """The scene, on the stage; gives where the rest goes. `seen`: people as they are now, between two messages."""
        self._seen = seen or self.follow
        shown = self._image if self.show.layout != "3d" else None
        size_wh = None if shown is None else (shown.shape[1], shown.shape[0])
        arrangement = arrange(self._stage.eye.size_wh, self.show.layout, size_wh, panel=self.show.panel)
        self._stage.eye.scene = arrangement.scene
        self._stage.trail, self._stage.marks = self.show.trail, self.show.marks
        self._stage.extremities = self.show.extremities
        self._stage.draw(self._seen)
        return arrangement

    def cards(self, at: Arrangement, rate_hz: float, state: str = "") -> list[Card]:
        """What lies over the scene, the lowest first."""
        cards = self._ids(at) if self.show.ids else []
        if at.picture is not None and self._image is not None:
            size_wh = at.picture.width, at.picture.height
            inter = cv2.INTER_AREA if size_wh[0] < self._image.shape[1] else cv2.INTER_LINEAR
            image = cv2.resize(self._image, size_wh, interpolation=inter).astype(np.uint8, copy=False)
            cards.append(Card("source", at.picture.left, at.picture.top, image))
        if self.show.panel:
            cards.append(Card("panel", *at.panel, self.panel.image(rate_hz, at.letter_px, state, at.rows)))
        return cards

    def _ids(self, at: Arrangement) -> list[Card]:
        """People's ids over their heads, where there are several."""
        people = [figure for figure in self._seen.figures if figure.person < OTHERS]
        if len(people) < 2:
            return []
        heads = np.stack([figure.joints_m[_HEAD] + (0, _ABOVE_M, 0) for figure in people])
        cards = []
        for figure, (x, y) in zip(people, self._stage.project(heads), strict=True):
            tag = name_tag(figure.person, figure.slot, at.letter_px)
            left, top = round(x - tag.shape[1] / 2), round(y - tag.shape[0] / 2)
            cards.append(Card(f"id {figure.slot}", left, top, tag))
        return cards


def paste(image_bgr: Image, cards: list[Card]) -> None:
    """Onto the picture, in place; what sticks out is cut off."""
    height, width = image_bgr.shape[:2]
    for card in cards:
        left, top = max(card.left, 0), max(card.top, 0)
        right, bottom = min(card.left + card.image.shape[1], width), min(card.top + card.image.shape[0], height)
        if left < right and top < bottom:
            part = card.image[top - card.top : bottom - card.top, left - card.left : right - card.left]
            image_bgr[top:bottom, left:right] = part
