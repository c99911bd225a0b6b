"""The source's picture of the moment that is drawn, its 2D keypoints over it.

A film of a file reads the file once more, so that every frame has its own picture; a window, and a film of a camera,
see the small pictures that the producer leaves in shared memory. Pictures never come over the network.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.models.normalise import MIN_SCORE
from engines.models.skeleton import JOINTS, LEFT, PARENTS, RIGHT
from realtime.closing import Closing
from realtime.rig.extremities import ON, known_lines, points_of
from realtime.ring.picture_slot import PictureSlot, small
from realtime.sources.source import Source
from realtime.view.keypoints_feed import KeypointsFeed
from realtime.view.scene.figure import TINTS_RGB
from realtime.wire.messages import KeypointsMessage, PersonKeypoints, PoseMessage

Image = NDArray[np.uint8]

_KEYPOINTS_WAIT_S = 0.25
_OFF_NS = 1_000_000  # a picture this far from the pose's own time is another one
_SHARPNESS = 16  # of lines between pixels: 2 ** _SHIFT
_SHIFT = 4


class Pictures(Protocol):
    """Where pictures come from."""

    def of(self, message: PoseMessage) -> tuple[int, Image, float] | None:
        """The id of the picture's frame, the picture, and how many of its pixels one of the source's is wide."""

    def close(self) -> None: ...


class FilePictures:
    """Every frame's own, from the file itself. The frames must be asked for in their order."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at: tuple[int, int, Image, float] | None = None  # frame, source time, picture and its scale

    def of(self, message: PoseMessage) -> tuple[int, Image, float] | None:
        while self._at is None or self._at[0] < message.frame_id:
            try:
                frame = self._source.read()
            except UserError:
                frame = None
            if frame is None:
                return None
            picture = small(frame.image_bgr)
            scale = picture.shape[1] / frame.image_bgr.shape[1]
            self._at = frame.stamp.frame_id, frame.stamp.source_ns, picture.copy(), scale
        frame_id, source_ns, picture, scale = self._at
        same = message.source_ns is None or abs(source_ns - message.source_ns) < _OFF_NS
        return (frame_id, picture, scale) if frame_id == message.frame_id and same else None

    def close(self) -> None:
        self._source.close()
        self._source.release()


class SlotPictures:
    """The newest that is not newer than the pose."""

    def __init__(self, slot: PictureSlot) -> None:
        self._slot = slot
        self._newest: deque[tuple[int, Image]] = deque(maxlen=4)

    def of(self, message: PoseMessage) -> tuple[int, Image, float] | None:
        if (found := self._slot.read()) is not None:
            self._newest.append(found)
        for frame_id, picture in reversed(self._newest):
            if frame_id <= message.frame_id:
                return frame_id, picture, picture.shape[1] / message.image_wh[0]
        return None

    def close(self) -> None:
        self._slot.close()


class SourcePicture(Closing):
    """`at` each pose message: the picture to show beside it."""

    def __init__(self, pictures: Pictures, feed: KeypointsFeed, wait_s: float = _KEYPOINTS_WAIT_S) -> None:
        """`wait_s`: for a frame's keypoints; 0 in a window, which has no time to wait."""
        self._pictures, self._feed, self._wait_s = pictures, feed, wait_s
        self._drawn: tuple[int, bool, Image] | None = None  # frame, whether with its keypoints, picture

    def at(self, message: PoseMessage) -> Image | None:
        """BGR, its own array; None where no picture is there."""
        found = self._pictures.of(message)
        if found is None:
            return None if self._drawn is None else self._drawn[2]
        frame_id, picture, scale = found
        if self._drawn is None or self._drawn[:2] != (frame_id, True):
            keypoints = self._feed.of(message.session, frame_id, self._wait_s)
            self._feed.forget(message.session, frame_id)
            drawn = picture.copy()
            if keypoints is not None:
                draw_keypoints(drawn, keypoints, scale)
            self._drawn = frame_id, keypoints is not None, drawn
        return self._drawn[2]

    def close(self) -> None:
        self._feed.close()
        self._pictures.close()


def draw_keypoints(image_bgr: Image, keypoints: KeypointsMessage, scale: float) -> None:
    """The skeletons over the picture, in place; a joint that was hardly seen is left out, left is warm, right cool."""
    thick = max(1, round(min(image_bgr.shape[:2]) / 160))
    for slot, person in enumerate(keypoints.persons):
        points = (person.xy_px.astype(np.float64) + 0.5) * scale - 0.5
        seen = np.isfinite(points).all(-1) & (person.score >= MIN_SCORE)
        fixed = np.where(seen[:, None], np.clip(points, -1e4, 1e4), 0) * _SHARPNESS
        tint = [[int(255 * part) for part in colour[::-1]] for colour in TINTS_RGB[slot % len(TINTS_RGB)]]
        places = [tuple(int(value) for value in point.round()) for point in fixed]
        for joint, parent in enumerate(PARENTS):
            colour = tint[0 if joint in LEFT else 1 if joint in RIGHT else 2]
            if parent >= 0 and seen[joint] and seen[parent]:
                cv2.line(image_bgr, places[parent], places[joint], colour, thick, cv2.LINE_AA, _SHIFT)
        _draw_extremities(image_bgr, person, scale, tint, max(1, thick // 2))
        for joint in np.flatnonzero(seen).tolist():
            cv2.circle(image_bgr, places[joint], thick * _SHARPNESS, (255, 255, 255), -1, cv2.LINE_AA, _SHIFT)


def _draw_extremities(
    image_bgr: Image, person: PersonKeypoints, scale: float, tint: list[list[int]], thick: int
) -> None:  # fmt: skip
    """Feet and hands where they were looked for and seen, in thin lines."""
    body = np.concatenate((person.xy_px, person.score[:, None]), 1)
    points = points_of(body, person.feet, person.hands)
    if points is None:
        return
    points[~(points[:, 2] >= MIN_SCORE)] = np.nan
    fixed = np.clip((points[:, :2].astype(np.float64) + 0.5) * scale - 0.5, -1e4, 1e4) * _SHARPNESS
    for start, end in known_lines(points):
        colour = tint[0 if ON[end - JOINTS] in LEFT else 1]
        first, last = (tuple(int(value) for value in fixed[at].round()) for at in (start, end))
        cv2.line(image_bgr, first, last, colour, thick, cv2.LINE_AA, _SHIFT)
